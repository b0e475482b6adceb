"""Integrations by every name a webhook may give."""

from hypothesis import given
from hypothesis import strategies as st
from tieline.contracts.integrations import Integration
from tieline_webhooks.domain.integrations import IntegrationTable

from tests.support.registry_stub import an_integration

SECRET = ["config.webhook_secret"]


def sentry(integration_id: str = "i1", **changes: object) -> Integration:
    return an_integration(integration_id, provider="sentry", **changes)


def test_an_integration_is_found_by_workspace_installation_and_secret() -> None:
    table = IntegrationTable()
    found = sentry(secret_paths=SECRET, config={"installation_id": 4711})
    table.put(found)

    assert table.of_workspace("org-acme-corp", "sentry") == [found]
    assert table.of_workspace(found.workspace_id, "sentry") == [found]
    assert table.of_installation("sentry", "4711") == [found]
    assert table.with_webhook_secret("sentry") == [found]
    assert table.signing("org-acme-corp", "sentry") == [found]
    assert table.of_workspace("org-acme-corp", "github") == []


def test_a_changed_integration_is_no_longer_found_by_its_old_names() -> None:
    table = IntegrationTable()
    table.put(sentry(secret_paths=SECRET, config={"installation_id": "a"}))
    changed = sentry(workspace_slug="org-renamed", config={"installation_id": "b"}, revision=2)

    before = table.put(changed)

    assert before is not None
    assert table.of_installation("sentry", "a") == []
    assert table.of_installation("sentry", "b") == [changed]
    assert table.with_webhook_secret("sentry") == []
    assert table.signing("org-renamed", "sentry") == []
    assert not table.knows_workspace("org-acme-corp")
    assert table.of_workspace("org-renamed", "sentry") == [changed]


@given(steps=st.lists(st.tuples(st.sampled_from("abcd"), st.booleans(), st.sampled_from(["s1", "s2"])), max_size=30))
def test_what_was_removed_leaves_nothing_behind(steps: list[tuple[str, bool, str]]) -> None:
    table, present = IntegrationTable(), {}
    for name, put, slug in steps:
        if put:
            workspace_id = f"{slug[-1] * 8}-2222-3333-4444-555555555555"
            present[name] = sentry(name, workspace_slug=slug, workspace_id=workspace_id, secret_paths=SECRET)
            table.put(present[name])
        else:
            present.pop(name, None)
            table.remove(name)

    assert {each.id: each for each in table} == present
    for slug in ("s1", "s2"):
        expected = {name for name, each in present.items() if each.workspace_slug == slug}
        assert {each.id for each in table.of_workspace(slug, "sentry")} == expected
        assert table.knows_workspace(slug) == bool(expected)
    for name in list(present):
        table.remove(name)
    assert len(table) == 0
    assert not any(vars(table).values())
