"""A record's revisions, and which of them a dataset version shows.

Every run that saves anything writes under a number of its own, its generation. A dataset version shows the revisions of
some generations, its lineage: those of the versions it descends from. Rolling back only moves the pointer to another
version; the next run descends from that one, and what the abandoned runs wrote stays invisible to its version.

A revision is shown by a lineage that holds its generation and none of those that superseded it. So at most one revision
of a record is shown, whatever was rolled back, cancelled or repeated.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from tieline_sync.domain.records import Record


@dataclass(frozen=True, slots=True)
class Lineage:
    """A set of generations, as ascending ranges (first, last), both included."""

    ranges: tuple[tuple[int, int], ...] = ()

    def __contains__(self, generation: int) -> bool:
        place = bisect_right(self.ranges, (generation, float("inf"))) - 1
        return place >= 0 and self.ranges[place][0] <= generation <= self.ranges[place][1]

    def extended(self, generation: int) -> "Lineage":
        """Return the lineage of a version that `generation` made on top of this one."""
        if self.ranges and self.ranges[-1][1] == generation - 1:
            return Lineage((*self.ranges[:-1], (self.ranges[-1][0], generation)))
        return Lineage((*self.ranges, (generation, generation)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A revision without its content: who wrote it, who superseded it, and the hash of the content."""

    generation: int
    superseded_by: tuple[int, ...] = ()
    content_hash: bytes

    def shown_by(self, lineage: Lineage) -> bool:
        """Say whether a version with this lineage shows the revision."""
        return self.generation in lineage and not any(later in lineage for later in self.superseded_by)

    def superseded(self, generation: int) -> "Mark":
        """Return the mark after `generation` wrote a newer revision (or found the record gone)."""
        if generation in self.superseded_by:
            return self
        return replace(self, superseded_by=(*self.superseded_by, generation))


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What is stored of one record: the revision written last, and the marks of those before it.

    `place` is its position in its dataset, given once in the order of arrival. `batch` is the batch of the run that
    wrote the newest revision first.
    """

    id: str
    place: int
    batch: int
    newest: Mark
    older: tuple[Mark, ...] = ()

    def shown_by(self, lineage: Lineage) -> Mark | None:
        """Return the mark of the revision that a version with this lineage shows, or None."""
        return next((mark for mark in self._marks() if mark.shown_by(lineage)), None)

    def removed_by(self, generation: int, parent: Lineage) -> "Head":
        """Return the head after a run on top of `parent` found the record gone."""
        newest, *older = (mark.superseded(generation) if mark.shown_by(parent) else mark for mark in self._marks())
        return replace(self, newest=newest, older=tuple(older))

    def _marks(self) -> Iterator[Mark]:
        yield self.newest
        yield from self.older


@dataclass(frozen=True, slots=True, kw_only=True)
class Revising:
    """How one run writes: its generation, the lineage it builds on, and the lineages that must stay readable."""

    generation: int
    parent: Lineage
    kept: tuple[Lineage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What saving a record over an existing head comes to.

    `archived` is the generation of the newest revision so far, whose content moves to the archive; None when it is
    overwritten. `dropped` are archived generations that no kept version shows any more. `counted` is how the record
    counts in the run; None when it was counted before.
    """

    head: Head
    archived: int | None
    dropped: tuple[int, ...]
    counted: str | None


ADDED, UPDATED = "added", "updated"


def revise(head: Head, record: Record, *, batch: int, run: Revising) -> Revision:
    """Return what saving `record` over `head` comes to. Repeating it with the result changes nothing more.

    A record that a run meets twice (it changed while pages were read) is overwritten and counted once, in the batch
    that met it first.
    """
    written = Mark(generation=run.generation, content_hash=record.content_hash())
    counted = ADDED if head.shown_by(run.parent) is None else UPDATED
    if head.newest.generation == run.generation:
        again = replace(head, newest=replace(written, superseded_by=head.newest.superseded_by))
        return Revision(head=again, archived=None, dropped=(), counted=counted if head.batch == batch else None)
    earlier = [mark.superseded(run.generation) if mark.shown_by(run.parent) else mark for mark in _marks_of(head)]
    older = tuple(mark for mark in earlier if _is_needed(mark, run))
    kept = {mark.generation for mark in older}
    newest = head.newest.generation
    return Revision(
        head=replace(head, batch=batch, newest=written, older=older),
        archived=newest if newest in kept else None,
        dropped=tuple(mark.generation for mark in head.older if mark.generation not in kept),
        counted=counted,
    )


def _marks_of(head: Head) -> Iterable[Mark]:
    return (head.newest, *head.older)


def _is_needed(mark: Mark, run: Revising) -> bool:
    return mark.shown_by(run.parent) or any(mark.shown_by(lineage) for lineage in run.kept)
