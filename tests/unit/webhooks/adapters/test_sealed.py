"""What is quarantined is sealed."""

from pathlib import Path

import pytest
from tieline.secrets.keys import encode_key
from tieline_webhooks.adapters.sealed import QuarantineSeal, Sealed, SealLostError
from tieline_webhooks.domain.quarantine import Webhook

OLD, NEW = encode_key("old", b"o" * 32), encode_key("new", b"n" * 32)
WEBHOOK = Webhook(
    source="sentry", workspace="org", integration_id=None, headers={"x-signature": "abc"}, body=b'{"secret": 1}' * 50
)


def test_a_webhook_comes_back_as_it_was_and_cannot_be_read_in_between() -> None:
    seal = QuarantineSeal(OLD)

    sealed = seal.seal(WEBHOOK, "w1", "q1")

    assert seal.open(sealed, "w1", "q1") == WEBHOOK
    assert b"secret" not in sealed.data
    assert "secret" not in repr(sealed) + repr(WEBHOOK)


def test_old_keys_of_the_ring_still_open() -> None:
    sealed = QuarantineSeal(OLD).seal(WEBHOOK, "w1", "q1")

    assert QuarantineSeal(f"{NEW},{OLD}").open(sealed, "w1", "q1") == WEBHOOK
    with pytest.raises(SealLostError):
        QuarantineSeal(NEW).open(sealed, "w1", "q1")


@pytest.mark.parametrize("place", [("w2", "q1"), ("w1", "q2")])
def test_it_opens_only_where_it_was_put(place: tuple[str, str]) -> None:
    seal = QuarantineSeal(OLD)
    sealed = seal.seal(WEBHOOK, "w1", "q1")

    with pytest.raises(SealLostError):
        seal.open(Sealed(sealed.kid, sealed.data), *place)


def test_without_a_configured_key_one_is_kept_for_the_next_process(tmp_path: Path) -> None:
    sealed = QuarantineSeal.of("", tmp_path).seal(WEBHOOK, "w1", "q1")

    assert QuarantineSeal.of("", tmp_path).open(sealed, "w1", "q1") == WEBHOOK
    assert (tmp_path / "quarantine.key").stat().st_mode & 0o077 == 0
