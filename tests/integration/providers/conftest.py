"""What these tests share."""

from tests.support.gateway_fixtures import stack
from tests.support.provider_fixtures import asker, providers, providers_of_session

__all__ = ["asker", "providers", "providers_of_session", "stack"]
