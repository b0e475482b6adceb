"""Revisions and lineages, held against the obvious model: a dictionary copied for every version."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from tieline_sync.domain.records import Record
from tieline_sync.domain.revisions import ADDED, UPDATED, Head, Lineage, Mark, Revising, revise

IDS = ("a", "b", "c")


def a_record(record_id: str, content: int) -> Record:
    return Record(id=record_id, label=record_id, data={"content": content})


@dataclass
class Stored:
    """What a store keeps, in memory: heads, the contents of newest and archived revisions, versions."""

    heads: dict[str, Head] = field(default_factory=dict)
    contents: dict[tuple[str, int], Record] = field(default_factory=dict)
    lineages: dict[int, Lineage] = field(default_factory=dict)
    current: Lineage = field(default_factory=Lineage)
    generation: int = 0

    def write(self, records: list[Record], *, publish: bool, twice: bool) -> None:
        """Do what a run does; `twice` delivers every batch again."""
        self.generation += 1
        run = Revising(generation=self.generation, parent=self.current, kept=tuple(self.lineages.values()))
        for batch, record in enumerate(records, start=1):
            for _ in range(1 + twice):
                self._save(record, batch, run)
        if publish:
            self.current = self.current.extended(self.generation)
            self.lineages[self.generation] = self.current

    def _save(self, record: Record, batch: int, run: Revising) -> None:
        head = self.heads.get(record.id)
        if head is None:
            mark = Mark(generation=run.generation, content_hash=record.content_hash())
            self.heads[record.id] = Head(id=record.id, place=1, batch=batch, newest=mark)
        else:
            revision = revise(head, record, batch=batch, run=run)
            if revision.archived is None and head.newest.generation != run.generation:
                del self.contents[(record.id, head.newest.generation)]
            for generation in revision.dropped:
                del self.contents[(record.id, generation)]
            self.heads[record.id] = revision.head
        self.contents[(record.id, run.generation)] = record

    def as_of(self, lineage: Lineage) -> dict[str, int]:
        shown = ((head, head.shown_by(lineage)) for head in self.heads.values())
        return {
            head.id: self.contents[(head.id, mark.generation)].data["content"]
            for head, mark in shown
            if mark is not None
        }


step = st.one_of(
    st.tuples(st.just("publish"), st.dictionaries(st.sampled_from(IDS), st.integers(0, 3)), st.booleans()),
    st.tuples(st.just("abandon"), st.dictionaries(st.sampled_from(IDS), st.integers(0, 3)), st.booleans()),
    st.tuples(st.just("roll back"), st.integers(0, 5), st.booleans()),
    st.tuples(st.just("forget"), st.integers(0, 5), st.booleans()),
)


@given(st.lists(step, max_size=14))
@settings(max_examples=150, deadline=None)
def test_every_version_shows_what_it_showed_when_it_was_made(steps: list[tuple[str, object, bool]]) -> None:
    stored = Stored()
    model: dict[int, dict[str, int]] = {}
    present: dict[str, int] = {}
    for kind, what, twice in steps:
        if isinstance(what, dict):
            stored.write([a_record(*item) for item in what.items()], publish=kind == "publish", twice=twice)
            if kind == "publish":
                present = present | what
                model[stored.generation] = present
        elif isinstance(what, int) and model:
            chosen = sorted(model)[what % len(model)]
            if kind == "roll back":
                stored.current, present = stored.lineages[chosen], model[chosen]
            elif stored.lineages[chosen] != stored.current:
                del stored.lineages[chosen], model[chosen]

        assert stored.as_of(stored.current) == present
        for version, content in model.items():
            assert stored.as_of(stored.lineages[version]) == content


def test_what_no_kept_version_shows_is_dropped() -> None:
    stored = Stored()
    for content in range(4):
        stored.write([a_record("a", content)], publish=True, twice=False)
    stored.lineages = {4: stored.current}

    stored.write([a_record("a", 4)], publish=True, twice=False)

    assert set(stored.contents) == {("a", 4), ("a", 5)}


def test_record_counts_once_in_the_batch_that_met_it_first() -> None:
    run = Revising(generation=1, parent=Lineage(), kept=())
    first = a_record("a", 1)
    head = Head(id="a", place=1, batch=2, newest=Mark(generation=1, content_hash=first.content_hash()))

    again = revise(head, first, batch=2, run=run)
    met_later = revise(head, a_record("a", 9), batch=5, run=run)

    assert (again.counted, again.head) == (ADDED, head)
    assert met_later.counted is None
    assert met_later.head.newest.content_hash == a_record("a", 9).content_hash()


def test_record_of_an_abandoned_run_is_added_by_the_next() -> None:
    head = Head(id="a", place=1, batch=1, newest=Mark(generation=1, content_hash=b"abandoned"))

    revision = revise(head, a_record("a", 1), batch=1, run=Revising(generation=2, parent=Lineage(), kept=()))

    assert (revision.counted, revision.archived, revision.head.older) == (ADDED, None, ())


def test_change_keeps_place_and_archives_what_the_parent_shows() -> None:
    parent = Lineage().extended(1)
    head = Head(id="a", place=7, batch=1, newest=Mark(generation=1, content_hash=b"old"))

    revision = revise(head, a_record("a", 1), batch=3, run=Revising(generation=2, parent=parent, kept=(parent,)))

    assert (revision.counted, revision.archived, revision.head.place) == (UPDATED, 1, 7)
    assert revision.head.older == (Mark(generation=1, superseded_by=(2,), content_hash=b"old"),)


def test_removed_record_is_shown_by_the_parent_only() -> None:
    parent = Lineage().extended(1)
    head = Head(id="a", place=1, batch=1, newest=Mark(generation=1, content_hash=b"x"))

    gone = head.removed_by(2, parent)

    assert gone.shown_by(parent) is not None
    assert gone.shown_by(parent.extended(2)) is None


@given(st.lists(st.integers(1, 40), unique=True).map(sorted))
@settings(max_examples=50)
def test_lineage_holds_exactly_its_generations(generations: list[int]) -> None:
    lineage = Lineage()
    for generation in generations:
        lineage = lineage.extended(generation)

    assert [number for number in range(45) if number in lineage] == generations


def test_content_hash_ignores_the_order_of_keys_and_nothing_else() -> None:
    one = Record(id="a", label="A", data={"x": 1, "y": [1, 2]})
    same = Record(id="a", label="A", data={"y": [1, 2], "x": 1})
    other = Record(id="a", label="A", data={"x": 1, "y": [2, 1]})

    assert one.content_hash() == same.content_hash() != other.content_hash()
    assert one.content_hash() != Record(id="a", label="B", data=one.data).content_hash()
