"""How calls to channels go is told once, told again where it was not heard, and says nothing of what is no fault."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from tieline.provider_client import CallNote, CallNotes
from tieline.sync_client import SyncWorkerUnavailableError
from tieline_webhooks.adapters.channel_health import SAME_EVERY, ChannelHealth
from tieline_webhooks.domain.channels import Account
from tieline_webhooks.domain.deliveries import (
    Blocked,
    Delivered,
    Failed,
    NotEditable,
    Outcome,
    Parked,
    RateLimited,
    Refused,
    Superseded,
)

REVOKED = Blocked(reason=Parked.CREDENTIALS_REFUSED, detail="token_revoked")


def an_account(number: int = 1, revision: int = 3) -> Account:
    return Account(
        workspace_id="22222222-2222-4222-8222-222222222222",
        integration_id=f"i{number}",
        revision=revision,
        channel="slack",
        base_url="https://slack.com/api",
        secret="xoxb-s3cret",
    )


@dataclass
class Listener:
    """In the place of the client: what the sync worker was told, if it was there."""

    told: list[CallNote] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    away: bool = False

    async def note(self, notes: CallNotes) -> None:
        if self.away:
            raise SyncWorkerUnavailableError("away")
        self.told += notes.items
        self.sizes.append(len(notes.items))


@dataclass
class SetClock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("outcome", "error", "refused"),
    [
        (Delivered(message_id="1"), None, False),
        (REVOKED, "token_revoked", True),
        (Blocked(reason=Parked.CHANNEL_UNAVAILABLE, detail="no public address"), "no public address", False),
        (Failed(detail="HTTP 503"), "HTTP 503", False),
        (Refused(detail="channel_not_found"), "channel_not_found", False),
        (Refused(detail="x" * 900), "x" * 300, False),
    ],
)
async def test_what_an_outcome_says_of_the_account(outcome: Outcome, error: str | None, *, refused: bool) -> None:
    listener = Listener()
    health = ChannelHealth(listener)  # type: ignore[arg-type]  # all that is used of the client

    health.note(an_account(), outcome)
    await health.flush()

    [note] = listener.told
    assert (note.integration_id, note.revision, note.error, note.refused) == ("i1", 3, error, refused)
    assert "s3cret" not in note.to_json().decode()


@pytest.mark.parametrize("outcome", [RateLimited(retry_after=timedelta(seconds=5)), Superseded(), NotEditable()])
async def test_what_is_no_fault_and_no_success_is_not_told(outcome: Outcome | NotEditable) -> None:
    listener = Listener()
    health = ChannelHealth(listener)  # type: ignore[arg-type]  # as above

    health.note(an_account(), outcome)
    await health.flush()

    assert listener.told == []


async def test_the_same_again_is_told_now_and_then_and_a_change_at_once() -> None:
    listener, clock = Listener(), SetClock()
    health = ChannelHealth(listener, clock)  # type: ignore[arg-type]  # as above

    for outcome in (Delivered(), Delivered(), REVOKED, REVOKED, Delivered()):
        health.note(an_account(), outcome)
        await health.flush()
    clock.now += SAME_EVERY
    health.note(an_account(), Delivered())
    await health.flush()

    assert [note.refused for note in listener.told] == [False, True, False, False]


async def test_what_was_not_heard_is_told_again_the_latest_of_each() -> None:
    listener = Listener(away=True)
    health = ChannelHealth(listener)  # type: ignore[arg-type]  # as above
    health.note(an_account(1), Delivered())
    health.note(an_account(2), Delivered())

    with pytest.raises(SyncWorkerUnavailableError):
        await health.flush()
    health.note(an_account(1), REVOKED)
    listener.away = False
    await health.flush()
    await health.flush()

    assert [(note.integration_id, note.refused) for note in listener.told] == [("i1", True), ("i2", False)]


async def test_many_are_told_in_parts() -> None:
    listener = Listener()
    health = ChannelHealth(listener)  # type: ignore[arg-type]  # as above

    for number in range(250):
        health.note(an_account(number), Delivered())
    await health.flush()

    assert listener.sizes == [100, 100, 50]
