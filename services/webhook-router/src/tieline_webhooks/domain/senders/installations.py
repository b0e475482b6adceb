"""Which installation a body says it comes from, for hook addresses that name no workspace.

It is read before anything is verified, so it may only choose whose secrets the body is then verified with.
"""

import msgspec
from msgspec import field

from tieline_webhooks.domain.senders.reading import Id, Shape, text_of


class _Installation(Shape):
    uuid: Id = None
    id: Id = None


class _Claim(Shape):
    installation: _Installation | None = None
    organization_id: Id = field(default=None, name="organizationId")
    team_id: Id = None


_decode = msgspec.json.Decoder(_Claim).decode


def claimed_installation(body: bytes) -> str | None:
    """Return the installation's id (Sentry, GitHub), the organisation's (Linear) or the workspace's (Slack), if any."""
    try:
        claim = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    installation = claim.installation or _Installation()
    return text_of(installation.uuid or installation.id or claim.organization_id or claim.team_id)
