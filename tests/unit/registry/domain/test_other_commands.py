"""Deleting integrations; routes; workspaces and their keys."""

from typing import Any

import pytest
from tieline.contracts.commands import DeleteRoute, SetProjects
from tieline_registry.domain.limits import Limits
from tieline_registry.domain.state import WorkingSet

from tests.unit.registry.builders import (
    BASE,
    NOW,
    WORKSPACE_ID,
    a_draft,
    a_new_key,
    a_route,
    a_working_set,
    an_integration,
    create_workspace,
    decided,
    delete,
    issue,
    revoke,
    save,
    state_of,
)


def refusal_of(working: WorkingSet, command: Any, **options: Any) -> str:
    decision = decided(working, command, **options)
    assert decision.reply.refusal is not None
    assert list(decision.changes) == []
    return decision.reply.refusal.code


def test_a_deleted_integration_is_gone_and_its_name_free() -> None:
    working = a_working_set(an_integration())

    decision = decided(working, delete())

    assert decision.reply.deleted_id == "i1"
    assert state_of(working).integration_changes.deleted == {"i1": 11}
    assert decided(working, save(a_draft())).reply.created == [True]


def test_deleting_is_refused_for_another_revision_or_nothing_there() -> None:
    working = a_working_set(an_integration())

    assert refusal_of(working, delete(expected_revision=7)) == "revision_conflict"
    assert refusal_of(working, delete("nothing")) == "integration_not_found"


def test_what_was_created_and_deleted_together_leaves_only_a_deletion() -> None:
    working = a_working_set()

    decided(working, save(a_draft(new_id="n1")))
    decided(working, delete("n1"))

    changes = state_of(working).integration_changes
    assert (changes.created, changes.replaced, set(changes.deleted)) == (set(), set(), {"n1"})
    assert state_of(working).counts.integrations == 0


def test_a_command_for_no_workspace_is_refused() -> None:
    assert refusal_of(WorkingSet(), save(a_draft())) == "workspace_not_found"


def test_a_route_is_created_changed_and_deleted() -> None:
    working = a_working_set()

    created = decided(working, a_route(project_id="p1", filter={"level": "error"})).reply.route
    changed = decided(
        working, a_route(create=False, event_type="github.*", channel=None, clear_project=True)
    ).reply.route
    deleted = decided(working, DeleteRoute(**BASE, route_id="r1")).reply.deleted_id

    assert created is not None
    assert changed is not None
    assert (created.revision, created.enabled, created.filter) == (1, True, {"level": "error"})
    assert (changed.revision, changed.event_type, changed.channel, changed.project_id) == (2, "github.*", "slack", None)
    assert changed.filter == {"level": "error"}
    assert deleted == "r1"
    assert state_of(working).routes == {}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"create": False}, "route_not_found"),
        ({"channel": None}, "invalid"),
        ({"event_type": None}, "invalid"),
        ({"fallback_route_id": "r1"}, "invalid"),
        ({"fallback_route_id": "r9"}, "route_not_found"),
        ({"channel": "webhook", "channel_id": "C0ALERTS"}, "invalid"),
        ({"channel": "webhook", "channel_id": "ftp://hooks.example.com/x"}, "invalid"),
        ({"channel": "webhook", "channel_id": "https://"}, "invalid"),
        ({"channel": "webhook", "channel_id": "https://[::1/x"}, "invalid"),
        ({"channel": "webhook", "channel_id": "https://user:word@hooks.example.com/"}, "invalid"),
        ({"channel": "webhook", "channel_id": "https://hooks.example.com/#x"}, "invalid"),
    ],
)
def test_a_wrong_route_is_refused(given: dict[str, Any], code: str) -> None:
    assert refusal_of(a_working_set(), a_route(**given)) == code


def test_a_route_to_a_service_needs_an_address_also_after_a_change() -> None:
    working = a_working_set()
    made = decided(working, a_route(channel="webhook", channel_id="https://hooks.example.com/x?y=1")).reply.route

    assert made is not None
    assert refusal_of(working, a_route(create=False, channel=None, channel_id="C0ALERTS")) == "invalid"


def test_routes_are_made_for_projects_that_the_workspace_names_and_for_any_where_it_names_none() -> None:
    working = a_working_set()
    decided(working, a_route(route_id="r0", project_id="anything"))
    named = decided(working, SetProjects(**BASE, projects=["storefront", "billing", "storefront"]))

    known = decided(working, a_route(project_id="billing")).reply.route
    unknown = refusal_of(working, a_route(route_id="r2", project_id="anything"))
    changed = refusal_of(working, a_route(create=False, project_id="anything"))
    without = decided(working, a_route(route_id="r3")).reply.route
    old = decided(working, a_route(route_id="r0", create=False, enabled=False)).reply.route

    assert named.reply.workspace is not None
    assert named.reply.workspace.projects == ["billing", "storefront"]
    assert [change.fields for change in named.changes] == [["projects"]]
    assert known is not None
    assert (unknown, changed) == ("invalid", "invalid")
    assert without is not None
    assert old is not None
    assert (old.project_id, old.enabled) == ("anything", False)  # what was there stays


@pytest.mark.parametrize(
    ("projects", "code"),
    [([""], "invalid"), (["p" * 257], "invalid"), ([str(number) for number in range(1001)], "limit_reached")],
)
def test_projects_have_bounds(projects: list[str], code: str) -> None:
    assert refusal_of(a_working_set(), SetProjects(**BASE, projects=projects)) == code


def test_a_route_id_is_never_used_twice() -> None:
    working = a_working_set()
    decided(working, a_route())

    assert refusal_of(working, a_route()) == "invalid"


def test_a_fallback_can_be_set_and_cleared() -> None:
    working = a_working_set()
    decided(working, a_route(route_id="r0"))

    with_fallback = decided(working, a_route(fallback_route_id="r0")).reply.route
    without = decided(working, a_route(create=False, clear_fallback=True)).reply.route

    assert with_fallback is not None
    assert without is not None
    assert (with_fallback.fallback_route_id, without.fallback_route_id) == ("r0", None)


def test_a_workspace_holds_so_many_routes_and_no_more() -> None:
    working = a_working_set()
    decided(working, a_route(), limits=Limits(routes=1))

    assert refusal_of(working, a_route(route_id="r2"), limits=Limits(routes=1)) == "limit_reached"


def test_a_new_workspace_comes_with_its_first_key() -> None:
    working = WorkingSet()

    decision = decided(working, create_workspace(key=a_new_key()))

    assert decision.reply.workspace is not None
    assert decision.reply.api_key is not None
    assert decision.reply.workspace.id == WORKSPACE_ID
    assert decision.reply.api_key.permissions == ["integration.view"]
    assert [change.kind for change in decision.changes] == ["workspace", "api_key"]


def test_creating_a_slug_again_returns_the_workspace_and_stores_no_key() -> None:
    working = a_working_set()

    decision = decided(working, create_workspace(key=a_new_key(), name="Other"))

    assert decision.reply.workspace is not None
    assert (decision.reply.workspace.name, decision.reply.api_key) == ("Acme", None)
    assert state_of(working).api_keys == {}
    assert list(decision.changes) == []


@pytest.mark.parametrize("slug", ["", "-x", "a b", "ü", "x" * 129, WORKSPACE_ID, "a/b"])
def test_a_slug_that_could_be_taken_for_something_else_is_refused(slug: str) -> None:
    assert refusal_of(WorkingSet(), create_workspace(slug=slug)) == "invalid"


def test_a_key_is_issued_once_and_revoked_for_good() -> None:
    working = a_working_set()

    decided(working, issue())
    first = decided(working, revoke()).reply.api_key
    again = decided(working, revoke()).reply.api_key

    assert first is not None
    assert first.revoked_at == NOW
    assert again == first
    assert refusal_of(working, issue()) == "invalid"
    assert refusal_of(working, issue(key_id="k2")) == "invalid"
    assert refusal_of(working, revoke("k9")) == "api_key_not_found"


def test_what_another_workspace_has_can_not_be_taken() -> None:
    working = a_working_set()
    working.taken |= {"n1", "h1", "r1"}

    assert refusal_of(working, save(a_draft(new_id="n1"))) == "invalid"
    assert refusal_of(working, issue()) == "invalid"
    assert refusal_of(working, a_route()) == "invalid"
