"""Uses are noted seldom, off the path of the request, and not lost while the database is away."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from tieline.contracts.integrations import Integration
from tieline.errors import DatabaseUnavailableError
from tieline_registry.handlers.note_uses import NoteUses

from tests.unit.registry.builders import NOW, an_integration


class Notes:
    """Where notes end, while it is there."""

    def __init__(self) -> None:
        self.is_away = False
        self.key_uses: list[Mapping[str, datetime]] = []
        self.openings: list[str] = []

    async def note_key_uses(self, uses: Mapping[str, datetime]) -> None:
        self._be_there()
        if uses:
            self.key_uses.append(uses)

    async def note_opening(self, integration: Integration, at: datetime, *, every: timedelta) -> None:
        self._be_there()
        self.openings.append(integration.id)

    def _be_there(self) -> None:
        if self.is_away:
            raise DatabaseUnavailableError("away")


async def test_a_key_is_noted_at_most_once_a_minute() -> None:
    notes = Notes()
    uses = NoteUses(notes)

    for seconds in (0, 30, 59, 60):
        uses.key_used("k1", NOW + timedelta(seconds=seconds))
        await uses.write()

    assert notes.key_uses == [{"k1": NOW}, {"k1": NOW + timedelta(seconds=60)}]


async def test_an_opening_is_noted_at_most_once_an_hour_for_each_integration() -> None:
    notes = Notes()
    uses = NoteUses(notes)

    for minutes, identity in ((0, "i1"), (1, "i2"), (59, "i1"), (60, "i1")):
        uses.credentials_opened(an_integration(id=identity), NOW + timedelta(minutes=minutes))
    await uses.write()

    assert sorted(notes.openings) == ["i1", "i2"]


async def test_what_could_not_be_written_is_written_later() -> None:
    notes = Notes()
    uses = NoteUses(notes)
    notes.is_away = True

    uses.key_used("k1", NOW)
    uses.credentials_opened(an_integration(), NOW)
    await uses.write()
    notes.is_away = False
    await uses.write()
    await uses.write()

    assert (notes.key_uses, notes.openings) == ([{"k1": NOW}], ["i1"])
