"""Agents are known by the same id for ever."""

from tieline.contracts.events import agent_id

from tests.support.registry_stub import WORKSPACE


def test_an_agent_keeps_its_id() -> None:
    assert agent_id(WORKSPACE, "storefront") == "agent-incident-bebe0cf31ee7"


def test_projects_and_workspaces_have_agents_of_their_own() -> None:
    ids = {agent_id(WORKSPACE, "storefront"), agent_id(WORKSPACE, "checkout"), agent_id(WORKSPACE, None)}

    assert len(ids | {agent_id("another", "storefront")}) == 4
    assert agent_id(WORKSPACE, None) == agent_id(WORKSPACE, "")
