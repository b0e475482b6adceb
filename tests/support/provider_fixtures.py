"""Fixtures: the stack with a worker and stand-ins for the session, and a workspace for each test."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.gateway_stack import Caller, GatewayStack
    from tests.support.provider_stack import ProviderStack


@pytest.fixture(scope="session")
def providers_of_session(stack: "GatewayStack") -> Iterator["ProviderStack"]:
    """A running worker with stand-ins for providers, and a gateway that knows it."""
    from tests.support.provider_stack import provider_stack

    with provider_stack(stack) as running:
        yield running


@pytest.fixture
def providers(providers_of_session: "ProviderStack") -> Iterator["ProviderStack"]:
    """The same, with stand-ins that are well and have received nothing."""
    providers_of_session.forget()
    yield providers_of_session
    providers_of_session.forget()


@pytest.fixture
def asker(providers: "ProviderStack") -> Iterator["Caller"]:
    """Someone who may do everything in a fresh workspace."""
    somebody = providers.caller()
    with somebody.http:
        yield somebody
