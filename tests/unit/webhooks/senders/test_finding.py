"""A hook address leads to its sender, and a body to the installation it claims."""

import pytest
from tieline_webhooks.domain.senders import SENDERS, find_sender
from tieline_webhooks.domain.senders.installations import claimed_installation


@pytest.mark.parametrize("name", sorted(SENDERS))
def test_a_sender_is_found_by_its_name_and_by_the_integration_that_proves_it(name: str) -> None:
    sender = SENDERS[name]

    assert find_sender(name) is sender
    assert find_sender(sender.provider) is sender


@pytest.mark.parametrize("segment", ["", "Sentry", "servicenow", "../sentry"])
def test_nobody_else_is_a_sender(segment: str) -> None:
    assert find_sender(segment) is None


@pytest.mark.parametrize(
    ("body", "installation"),
    [
        (b'{"installation":{"uuid":"a8e5"},"data":{"installation":{"uuid":"other"}}}', "a8e5"),
        (b'{"action":"opened","installation":{"id":957}}', "957"),
        (b'{"type":"Issue","organizationId":"7a66"}', "7a66"),
        (b'{"type":"event_callback","team_id":"T111"}', "T111"),
        (b"{}", None),
        (b'{"installation":[]}', None),
        (b"", None),
        (b"not json", None),
        (b'{"team_id":"\xff"}', None),
    ],
)
def test_a_body_may_claim_an_installation(body: bytes, installation: str | None) -> None:
    assert claimed_installation(body) == installation
