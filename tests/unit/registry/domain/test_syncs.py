"""What a finished run says about its integration."""

from datetime import timedelta

from tieline.contracts.integrations import LastSync
from tieline.contracts.sync import RunCompleted, RunFailed
from tieline_registry.domain.syncs import after, is_news

from tests.unit.registry.builders import NOW, WORKSPACE_ID

RUN = {"run_id": "run1", "workspace_id": WORKSPACE_ID, "integration_id": "i1", "sequence": 3, "at": NOW}


def test_success_moves_the_time_of_the_last_success_and_clears_the_error() -> None:
    before = LastSync(succeeded_at=NOW - timedelta(days=1), status="error", error="timed out", run_id="run0")

    last = after(before, RunCompleted(**RUN, added=1, total=2, last_synced=NOW))

    assert last == LastSync(succeeded_at=NOW, status="success", error=None, run_id="run1")


def test_failure_keeps_the_time_of_the_last_success() -> None:
    before = LastSync(succeeded_at=NOW, status="success", run_id="run0")

    last = after(before, RunFailed(**RUN, message="timed out"))

    assert last == LastSync(succeeded_at=NOW, status="error", error="timed out", run_id="run1")


def test_the_time_of_the_last_success_never_moves_back() -> None:
    before = LastSync(succeeded_at=NOW, status="success", run_id="run0")

    last = after(before, RunCompleted(**RUN, added=0, total=0, last_synced=NOW - timedelta(hours=1)))

    assert last.succeeded_at == NOW


def test_only_a_run_that_ended_later_is_news() -> None:
    run = RunFailed(**RUN, message="x")

    assert is_news(None, run)
    assert is_news(NOW - timedelta(seconds=1), run)
    assert not is_news(NOW, run)
