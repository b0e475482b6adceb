"""What these tests share."""

from tests.support.gateway_fixtures import caller, resident, stack

__all__ = ["caller", "resident", "stack"]
