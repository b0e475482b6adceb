"""Saving integrations: finding, creating, changing, refusing."""

from typing import Any

import pytest
from tieline.contracts.integrations import Tag
from tieline_registry.domain.limits import Limits

from tests.unit.registry.builders import (
    NOW,
    a_draft,
    a_working_set,
    an_integration,
    by,
    decided,
    save,
    secrets_of,
    state_of,
)


def test_a_new_integration_gets_the_id_it_was_given_and_the_documented_defaults() -> None:
    working = a_working_set()

    decision = decided(working, save(a_draft(new_id="n1", config={"url": "x"}, tags=[Tag(key="prod")])))

    (saved,) = decision.reply.integrations
    assert decision.reply.created == [True]
    assert (saved.id, saved.name, saved.display_name, saved.provider) == ("n1", "production", "production", "sentry")
    assert (saved.status, saved.enabled, saved.protocol, saved.revision) == ("active", True, "rest", 1)
    assert (saved.created_by, saved.created_at, saved.workspace_slug) == ("user_1", NOW, "org-acme")
    assert state_of(working).counts.integrations == 1


def test_saving_again_changes_what_is_given_and_counts_the_revision() -> None:
    working = a_working_set(an_integration(description="old", config={"a": 1}, tags=[Tag(key="x")]))

    decision = decided(working, save(a_draft(config={"b": 2}, description="new")))

    (saved,) = decision.reply.integrations
    assert decision.reply.created == [False]
    assert (saved.id, saved.revision, saved.description) == ("i1", 2, "new")
    assert (saved.config, saved.tags) == ({"a": 1, "b": 2}, [Tag(key="x")])
    assert saved.created_by == "user_0"


@pytest.mark.parametrize(
    ("target", "found"),
    [
        (by("id", "i1"), True),
        (by("name", "production"), True),
        (by("unique", "sentry-1"), True),
        (by("provider", "sentry"), True),
        (by("id", "i2"), False),
        (by("name", "Production"), False),
        (by("unique", "sentry-2"), False),
        (by("provider", "slack"), False),
    ],
)
def test_an_integration_is_found_by_its_target(target: Any, found: bool) -> None:
    working = a_working_set(an_integration(surface={"A": {"unique_identifier": "sentry-1"}}))

    decision = decided(working, save(a_draft(target=target, name=None if found else "another")))

    assert decision.reply.created == [not found]


def test_of_several_of_a_provider_the_oldest_is_found() -> None:
    working = a_working_set(
        an_integration(id="younger", name="b", created_at=NOW.replace(hour=15)), an_integration(id="older", name="a")
    )

    decision = decided(working, save(a_draft(target=by("provider", "sentry"))))

    assert decision.reply.integrations[0].id == "older"


def test_a_new_integration_keeps_the_unique_identifier_it_was_looked_for_by() -> None:
    working = a_working_set()

    decided(working, save(a_draft(target=by("unique", "sentry-1"), name="one")))
    again = decided(working, save(a_draft(target=by("unique", "sentry-1"), name=None, new_id="n2")))

    assert again.reply.created == [False]


def test_without_a_name_a_new_integration_gets_one_of_its_own() -> None:
    working = a_working_set(an_integration(name="sentry"))

    decision = decided(working, save(a_draft(target=by("unique", "u"), name=None, new_id="n1")))

    assert decision.reply.integrations[0].name == "sentry-n1"


@pytest.mark.parametrize(
    ("draft", "code", "facts"),
    [
        ({"if_absent": "refuse", "target": by("id", "x")}, "integration_not_found", {"by": "id", "value": "x"}),
        ({"if_present": "refuse"}, "name_taken", {"name": "production"}),
        ({"target": by("unique", "u"), "name": "production"}, "name_taken", {"name": "production"}),
        ({"immutable_provider": True, "provider": "slack"}, "provider_immutable", {"name": "production"}),
        ({"expected_revision": 2}, "revision_conflict", {"revision": 1, "expected": 2}),
        ({"expected_revision": 1, "target": by("id", "x")}, "integration_not_found", {}),
        ({"target": by("id", "x"), "name": "new", "provider": None}, "invalid", {}),
        ({"name": "n" * 513}, "invalid", {"field": "name"}),
        ({"new_id": "i1", "target": by("name", "new")}, "invalid", {"new_id": "i1"}),
    ],
)
def test_a_refused_draft_changes_nothing_and_says_why(draft: dict[str, Any], code: str, facts: dict[str, Any]) -> None:
    working = a_working_set(an_integration())

    decision = decided(working, save(a_draft(**draft)))

    assert decision.reply.refusal is not None
    assert decision.reply.refusal.code == code
    assert facts.items() <= decision.reply.refusal.facts.items()
    assert not state_of(working).is_changed


def test_the_type_may_stay_the_same_where_it_is_immutable() -> None:
    working = a_working_set(an_integration())

    assert decided(working, save(a_draft(immutable_provider=True))).reply.refusal is None


def test_of_several_drafts_all_are_saved_or_none() -> None:
    working = a_working_set(an_integration())
    fresh = a_draft(target=by("name", "fresh"), new_id="n1")
    clashing = a_draft(target=by("unique", "u"), name="production", new_id="n2")

    refused = decided(working, save(fresh, clashing))

    assert refused.reply.refusal is not None
    assert set(state_of(working).integrations) == {"i1"}
    assert state_of(working).counts.integrations == 0

    accepted = decided(working, save(fresh, a_draft(target=by("name", "other"), new_id="n2")))

    assert accepted.reply.created == [True, True]


def test_a_draft_sees_what_the_one_before_it_did() -> None:
    working = a_working_set()

    decision = decided(working, save(a_draft(config={"a": 1}), a_draft(config={"b": 2}, new_id="n2")))

    assert decision.reply.created == [True, False]
    assert [one.config for one in decision.reply.integrations] == [{"a": 1, "b": 2}] * 2


def test_a_name_that_was_given_up_is_free_again() -> None:
    working = a_working_set(an_integration())

    decided(working, save(a_draft(name="renamed")))
    decision = decided(working, save(a_draft(new_id="n2")))

    assert decision.reply.created == [True]


def test_secrets_are_kept_apart_and_listed_by_path() -> None:
    working = a_working_set(an_integration(config={"password": "left in clear", "url": "x"}))

    decision = decided(working, save(a_draft()), secrets={"config.password": "p"})

    (saved,) = decision.reply.integrations
    assert (saved.config, saved.secret_paths) == ({"url": "x"}, ["config.password"])
    assert secrets_of(working, "i1") == {"config.password": "p"}
    assert b"left in clear" not in decision.reply_json


def test_replacing_an_object_drops_its_secrets_unless_they_are_kept() -> None:
    working = a_working_set(an_integration(), secrets={"config.password": "p", "config.token": "t", "auth.code": "c"})

    decided(working, save(a_draft(config={"url": "x"}, replace=["config"], keep_secrets=["config.token"])))

    assert secrets_of(working, "i1") == {"config.token": "t", "auth.code": "c"}


@pytest.mark.parametrize("path", ["password", "endpoints.0", "config"])
def test_a_secret_can_stand_only_in_an_object_that_is_merged(path: str) -> None:
    working = a_working_set(an_integration())

    decision = decided(working, save(a_draft()), secrets={path: "p"})

    assert decision.reply.refusal is not None
    assert decision.reply.refusal.code == "invalid"


def test_facts_of_a_surface_are_kept_beside_those_of_another() -> None:
    working = a_working_set(an_integration(surface={"A": {"version": "1", "x": None}}))

    decision = decided(working, save(a_draft(surface={"A": {"version": "2"}, "D": {"service_name": "Sentry"}})))

    assert decision.reply.integrations[0].surface == {
        "A": {"version": "2", "x": None},
        "D": {"service_name": "Sentry"},
    }


def test_a_workspace_holds_so_many_integrations_and_no_more() -> None:
    working = a_working_set()
    limits = Limits(integrations=1)

    decided(working, save(a_draft()), limits=limits)
    beyond = decided(working, save(a_draft(target=by("name", "b"), new_id="n2")), limits=limits)
    existing = decided(working, save(a_draft(config={"a": 1})), limits=limits)

    assert beyond.reply.refusal is not None
    assert (beyond.reply.refusal.code, beyond.reply.refusal.facts) == ("limit_reached", {"limit": 1})
    assert existing.reply.refusal is None


def test_what_would_not_fit_one_record_is_refused() -> None:
    working = a_working_set(an_integration(config={"a": "x" * 600}))

    decision = decided(working, save(a_draft(config={"b": "y" * 600})), limits=Limits(reply_bytes=1500))

    assert decision.reply.refusal is not None
    assert decision.reply.refusal.code == "limit_reached"
    assert not state_of(working).is_changed


def test_the_audit_tells_names_and_never_values() -> None:
    working = a_working_set(an_integration(), secrets={"config.old": "o"})

    decision = decided(
        working, save(a_draft(description="confidential", config={"old": None})), secrets={"auth.token": "confidential"}
    )

    (change,) = decision.changes
    assert (change.kind, change.id, change.action) == ("integration", "i1", "updated")
    assert change.fields == ["auth.token", "config.old", "description"]
    assert "confidential" not in change.model_dump_json()
