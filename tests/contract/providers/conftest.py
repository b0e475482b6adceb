"""What these tests share."""

from collections.abc import Iterator

import pytest

from tests.contract.providers.configuring import configure_all
from tests.support.gateway_stack import Caller
from tests.support.provider_stack import ProviderStack


@pytest.fixture(scope="module")
def resident(providers_of_session: ProviderStack) -> Iterator[Caller]:
    """Someone in whose workspace all three providers are configured, the same for a module's tests."""
    somebody = providers_of_session.caller()
    with somebody.http:
        configure_all(somebody, providers_of_session)
        yield somebody
