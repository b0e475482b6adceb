"""The registry from a command on Kafka to its answers over HTTP."""

from tieline.operator import CreatedWorkspace, create_workspace
from tieline.registry_client import RegistryClient
from tieline.settings import KafkaSettings

from tests.support.registry import Asker, a_draft


async def test_a_new_workspace_comes_with_a_key_that_proves_its_operator(
    registry: RegistryClient, workspace: CreatedWorkspace
) -> None:
    assert workspace.api_key is not None

    principal = await registry.resolve_key(workspace.api_key)

    assert principal is not None
    assert (principal.workspace_id, principal.workspace_slug) == (workspace.workspace_id, "org-acme")
    assert principal.may("INTEGRATION.VIEW")
    assert await registry.resolve_key(workspace.api_key + "x") is None


async def test_a_workspace_that_exists_is_returned_without_a_key_unless_asked_for_one(
    registry: RegistryClient, workspace: CreatedWorkspace, kafka: KafkaSettings
) -> None:
    again = await create_workspace(kafka, slug="org-acme", name="Acme")
    with_key = await create_workspace(kafka, slug="org-acme", name="Acme", new_key=True)

    assert (again.workspace_id, again.api_key) == (workspace.workspace_id, None)
    assert with_key.api_key is not None
    assert await registry.resolve_key(with_key.api_key) is not None


async def test_a_saved_integration_is_listed_and_its_secret_opens_for_services_only(
    registry: RegistryClient, asker: Asker
) -> None:
    draft = a_draft("prod", config={"organization": "acme", "a.b": {"$ne": None}}, auth={"token_type": "Bearer"})

    reply = await asker.ask(asker.save(draft, secrets={"auth.access_token": "s3cret"}))

    assert reply.refusal is None
    assert reply.created == [True]
    saved = reply.integrations[0]
    assert saved.secret_paths == ["auth.access_token"]
    assert saved.config == {"organization": "acme", "a.b": {"$ne": None}}
    page = await registry.list_integrations(asker.workspace_id)
    assert page.items == [saved]
    assert await registry.find_integration(asker.workspace_id, saved.id) == saved
    opened = await registry.open_credentials(asker.workspace_id, saved.id)
    assert opened is not None
    assert opened.secrets == {"auth.access_token": "s3cret"}


async def test_a_created_route_is_listed(registry: RegistryClient, asker: Asker) -> None:
    reply = await asker.ask(asker.route(event_type="sentry.*", channel="slack", channel_id="C1"))

    assert reply.route is not None
    page = await registry.list_routes(asker.workspace_id)
    assert page.items == [reply.route]
    assert (page.total, page.next_offset) == (1, None)
