"""A process in the registry's place: the internal endpoints that the sync worker and the gateway's streams call."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tieline.access import hash_key
from tieline.contracts.integrations import Integration

from tests.support.http_server import serving

TOKEN = "service-token-for-tests"
WORKSPACE = "11111111-2222-3333-4444-555555555555"


def an_integration(integration_id: str, **changes: Any) -> Integration:
    """Return a ServiceNow integration as surface D saves it."""
    fields: dict[str, Any] = {
        "id": integration_id,
        "workspace_id": WORKSPACE,
        "workspace_slug": "org-acme-corp",
        "name": "servicenow",
        "display_name": "ServiceNow",
        "provider": "servicenow",
        "auth": {"type": "basic_auth"},
        "config": {},
        "created_by": "user-1",
        "created_at": datetime(2026, 3, 1, 10, 0, tzinfo=UTC),
        "updated_at": datetime(2026, 3, 1, 10, 0, tzinfo=UTC),
    }
    return Integration(**{**fields, **changes})


class RegistryStub:
    """Integrations and their secrets, by id."""

    def __init__(self) -> None:
        self.integrations: dict[str, Integration] = {}
        self.secrets: dict[str, dict[str, str]] = {}
        self.keys: dict[str, dict[str, Any]] = {}
        """What keys prove, by their hash."""

    def put(self, integration: Integration, secrets: dict[str, str]) -> None:
        """Configure an integration."""
        self.integrations[integration.id] = integration
        self.secrets[integration.id] = secrets

    def app(self) -> Starlette:
        """Return the endpoints."""
        return Starlette(
            routes=[
                Route("/readyz", lambda _request: JSONResponse({"status": "ready"})),
                Route("/internal/credentials/open", self._open, methods=["POST"]),
                Route("/internal/integrations/get", self._get, methods=["POST"]),
                Route("/internal/keys/resolve", self._resolve, methods=["POST"]),
            ]
        )

    def allow(self, key: str, *permissions: str, workspace_id: str = WORKSPACE, slug: str = "org-acme-corp") -> None:
        """Make `key` an API key with these permissions."""
        self.keys[hash_key(key)] = {
            "key_id": f"key-{len(self.keys)}",
            "user_id": "user-1",
            "workspace_id": workspace_id,
            "workspace_slug": slug,
            "permissions": list(permissions),
        }

    async def _resolve(self, request: Request) -> Response:
        found = self.keys.get((await request.json())["hash"])
        return JSONResponse({}, status_code=404) if found is None else JSONResponse(found)

    async def _open(self, request: Request) -> Response:
        found = await self._find(request)
        if isinstance(found, Response):
            return found
        return JSONResponse({"integration": found.model_dump(mode="json"), "secrets": self.secrets[found.id]})

    async def _get(self, request: Request) -> Response:
        found = await self._find(request)
        return found if isinstance(found, Response) else JSONResponse(found.model_dump(mode="json"))

    async def _find(self, request: Request) -> Integration | Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return JSONResponse({}, status_code=401)
        body = await request.json()
        found = self.integrations.get(body["integration_id"])
        if found is None or found.workspace_id != body["workspace_id"]:
            return JSONResponse({}, status_code=404)
        return found


@asynccontextmanager
async def registry_stub() -> AsyncIterator[tuple[RegistryStub, str]]:
    """Serve a stub; the value is the stub and its address."""
    stub = RegistryStub()
    async with serving(stub.app()) as address:
        yield stub, address
