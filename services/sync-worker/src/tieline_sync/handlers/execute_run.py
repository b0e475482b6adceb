"""One attempt at a run: fetch, ingest, make the version, announce the outcome; from wherever it was left."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from tieline.clock import Clock
from tieline.errors import PermanentError

from tieline_sync.domain import run_events
from tieline_sync.domain.datasets import Dataset, DatasetVersion
from tieline_sync.domain.errors import (
    ProviderRateLimitedError,
    ProviderRefusedError,
    ProviderUnavailableError,
    RateLimitTooLongError,
    RunRefusedError,
)
from tieline_sync.domain.revisions import Lineage, Revising
from tieline_sync.domain.runs import Ingested, Outcome, Plan, Run
from tieline_sync.handlers.fetch import Fetch
from tieline_sync.handlers.ingest import Ingest
from tieline_sync.handlers.metrics import RUNS
from tieline_sync.handlers.picked_records import PickedRecords
from tieline_sync.handlers.run_in_hand import CancelledError, RunInHand
from tieline_sync.ports import Connector, DatasetStore, Events, Integrations, RawPages, RunStore, Source

SMALLEST_PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPolicy:
    """When a run gives up, and how long what it leaves is kept."""

    most_idle_attempts: int
    longest_rate_limit: timedelta
    keep_runs: timedelta
    keep_versions: int
    page_size: int

    def page_size_for(self, run: Run) -> int:
        """Return how many records to ask for: half as many after every attempt that got nowhere, 50 at least.

        A provider that is too slow for a large page cuts its answer short or lets it time out.
        """
        return max(self.page_size >> max(run.idle_attempts - 1, 0), min(self.page_size, SMALLEST_PAGE))


class ExecuteRun:
    """Works on a leased run. Safe to repeat from any point: what was stored is not done again."""

    def __init__(
        self,
        *,
        runs: RunStore,
        events: Events,
        datasets: DatasetStore,
        pages: RawPages,
        integrations: Integrations,
        connectors: Mapping[str, Connector],
        fetch: Fetch,
        ingest: Ingest,
        clock: Clock,
        policy: RunPolicy,
    ) -> None:
        self._runs = runs
        self._events = events
        self._datasets = datasets
        self._pages = pages
        self._integrations = integrations
        self._connectors = connectors
        self._fetch = fetch
        self._ingest = ingest
        self._clock = clock
        self._policy = policy

    async def __call__(self, leased: Run) -> None:
        """Bring the run to its end, or give it back for a later attempt.

        Raises LeaseLostError when another worker has it, and the errors of the stores, the topic and the registry when
        they are away: the caller gives the run back without counting the attempt.
        """
        hand = RunInHand(leased, self._runs)
        outcome = hand.run.outcome or await self._decide(hand)
        if outcome is None:
            return
        await self._events.publish(run_events.concluded(hand.run, outcome))
        await self._runs.finish(hand.run, expires_at=outcome.at + self._policy.keep_runs)
        RUNS.labels(outcome.state).inc()

    async def _decide(self, hand: RunInHand) -> Outcome | None:
        """Return the outcome, stored; None when the run was given back."""
        try:
            hand.check_cancelled()
            self._check_attempts(hand.run)
            outcome = await self._work(hand)
        except CancelledError as cancelled:
            outcome = self._ended("cancelled", f"Sync cancelled by {cancelled.by}")
        except ProviderRateLimitedError as error:
            too_long = await self._waits_for_rate_limit(hand, error)
            if too_long is None:
                return None
            outcome = self._failed(hand, too_long)
        except ProviderUnavailableError as error:
            if hand.run.idle_attempts < self._policy.most_idle_attempts:
                due = self._clock() + hand.run.backoff()
                await self._runs.release(hand.run, next_attempt_at=due, error=error.reason, counts=True)
                return None
            outcome = self._failed(hand, error)
        except PermanentError as error:
            outcome = self._failed(hand, error)
        await hand.save(replace(hand.run, outcome=outcome))
        return outcome

    def _check_attempts(self, run: Run) -> None:
        """Refuse a run that workers keep dying on: every lease counts as an attempt until there is progress."""
        if run.idle_attempts > self._policy.most_idle_attempts:
            reason = f" ({run.last_error})" if run.last_error else ""
            raise RunRefusedError(
                f"Sync gave up after {run.idle_attempts - 1} attempts without progress{reason}. Start it again"
            )

    async def _work(self, hand: RunInHand) -> Outcome:
        source = await self._opened(hand.run)
        dataset = await self._datasets.get(hand.run.workspace_id, hand.run.integration_id)
        await self._begin(hand, source, dataset)
        parent = await self._parent(hand.run, dataset)
        await self._fetch(
            hand,
            source,
            dataset_id=dataset.id,
            parent=parent.lineage if parent else Lineage(),
            is_empty=dataset.places == 0,
        )
        if hand.run.fetched.picked == 0 and not source.is_whole:
            return await self._nothing_new(hand, dataset)
        plan = hand.run.plan or await self._plan(hand, dataset)
        done = await self._ingested(hand, source, plan, dataset, parent)
        return await self._version(hand.run, plan, done, dataset, parent)

    async def _opened(self, run: Run) -> Source:
        facts = await self._integrations.find(run.workspace_id, run.integration_id)
        if facts is None:
            raise RunRefusedError("Integration not found")
        integration = facts.integration
        if not integration.enabled:
            raise RunRefusedError(f"{integration.display_name} is disabled. Enable it and start the sync again")
        connector = self._connectors.get(integration.provider.lower())
        if connector is None:
            raise RunRefusedError(
                f"{integration.display_name} has no records to sync; {', '.join(sorted(self._connectors))} have"
            )
        return connector.open(facts, page_size=self._policy.page_size_for(run))

    async def _begin(self, hand: RunInHand, source: Source, dataset: Dataset) -> None:
        run, now = hand.run, self._clock()
        if run.started_at is None:
            resume = dataset.current.resume if dataset.current else None
            fetched = replace(run.fetched, cursor=source.first(resume))
            begun = replace(
                run,
                started_at=now,
                progressed_at=now,
                wording=source.wording,
                parent_version=dataset.current.version if dataset.current else None,
                fetched=fetched,
            )
            await hand.save(begun)
        if hand.run.fetched.pages == 0:
            await self._events.publish(run_events.fetching(hand.run, source.wording, hand.run.started_at or now))
        hand.check_cancelled()

    async def _parent(self, run: Run, dataset: Dataset) -> DatasetVersion | None:
        if run.parent_version is None:
            return None
        if dataset.current is not None and dataset.current.version == run.parent_version:
            return dataset.current
        return await self._datasets.version(dataset.id, run.parent_version)

    async def _plan(self, hand: RunInHand, dataset: Dataset) -> Plan:
        generation, first_place = await self._datasets.allocate(
            dataset, run_id=hand.run.id, places=hand.run.fetched.new
        )
        planned = hand.run.planned(generation=generation, first_place=first_place)
        await hand.save(planned, progressed=True)
        if planned.plan is None:
            raise AssertionError("a planned run has a plan")
        return planned.plan

    async def _ingested(
        self, hand: RunInHand, source: Source, plan: Plan, dataset: Dataset, parent: DatasetVersion | None
    ) -> Ingested:
        kept = tuple([version.lineage async for version in self._datasets.versions(dataset.id)])
        writing = Revising(generation=plan.generation, parent=parent.lineage if parent else Lineage(), kept=kept)
        picked = PickedRecords(self._pages, source, hand.run, plan)
        return await self._ingest(hand, source.wording, plan, picked, dataset_id=dataset.id, writing=writing)

    async def _nothing_new(self, hand: RunInHand, dataset: Dataset) -> Outcome:
        resume = hand.run.fetched.cursor
        if resume is not None:
            await self._datasets.note_read_up_to(dataset, resume=resume)
        return Outcome(state="completed", at=self._clock(), dataset_version=hand.run.parent_version)

    async def _version(
        self, run: Run, plan: Plan, done: Ingested, dataset: Dataset, parent: DatasetVersion | None
    ) -> Outcome:
        made = await self._datasets.publish(
            dataset,
            DatasetVersion(
                version=dataset.latest + 1,
                generation=plan.generation,
                lineage=(parent.lineage if parent else Lineage()).extended(plan.generation),
                parent=run.parent_version,
                run_id=run.id,
                created_at=self._clock(),
                records=(parent.records if parent else 0) + done.added - done.removed,
                added=done.added,
                updated=done.updated,
                removed=done.removed,
                places=max(parent.places if parent else 0, plan.first_place + run.fetched.new),
                resume=run.fetched.cursor or {},
            ),
        )
        await self._datasets.prune(dataset.id, keep=self._policy.keep_versions)
        return Outcome(
            state="completed",
            at=self._clock(),
            added=made.added,
            updated=made.updated,
            removed=made.removed,
            total=plan.total,
            dataset_version=made.version,
        )

    async def _waits_for_rate_limit(self, hand: RunInHand, error: ProviderRateLimitedError) -> PermanentError | None:
        due = self._clock() + error.wait
        if due - (hand.run.progressed_at or hand.run.requested_at) > self._policy.longest_rate_limit:
            service = hand.run.wording.service if hand.run.wording else "The provider"
            return RateLimitTooLongError(service, due)
        await self._runs.release(hand.run, next_attempt_at=due, error=str(error), counts=False)
        return None

    def _failed(self, hand: RunInHand, error: Exception) -> Outcome:
        wording = hand.run.wording
        if wording is not None and isinstance(error, ProviderUnavailableError | ProviderRefusedError):
            return self._ended("failed", f"Failed to fetch {wording.records} from {wording.service}: {error.reason}")
        return self._ended("failed", str(error))

    def _ended(self, state: Literal["failed", "cancelled"], message: str) -> Outcome:
        return Outcome(state=state, at=self._clock(), message=message)
