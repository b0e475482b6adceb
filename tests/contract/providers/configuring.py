"""Configuring providers, and asking as surface C's document does."""

from typing import Any

import httpx2

from tests.support.gateway_stack import Caller
from tests.support.provider_stack import ProviderStack


def configure(asker: Caller, providers: ProviderStack, integration: str, **config: str) -> None:
    """Configure an integration whose provider is a stand-in, unless `baseUrl` says otherwise."""
    body = {"integration": integration, "config": {"baseUrl": providers.addresses[integration], **config}}
    answer = asker.http.post("/api/integrations/configure", headers=asker.org(), json=body)
    assert answer.status_code == 200, answer.text


def configure_all(asker: Caller, providers: ProviderStack) -> None:
    """Configure all three providers, each as the document does."""
    configure(asker, providers, "pagerduty", apiKey="u+abcdef1234567890", serviceId="PSVC001")
    configure(asker, providers, "linear", apiKey="lin_api_0123456789")
    configure(asker, providers, "sentry", authToken="sntrys_0123456789", organization="acme")


def get(asker: Caller, path: str, **headers: str) -> httpx2.Response:
    """Ask."""
    return asker.http.get(path, headers=asker.org(**headers))


def post(asker: Caller, path: str, body: Any, **headers: str) -> httpx2.Response:
    """Ask for a change."""
    return asker.http.post(path, headers=asker.org(**headers), json=body)
