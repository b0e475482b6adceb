"""Kinds that GitHub sends. Others come under GitHub's own names: `github.<event>.<action>`."""

from typing import Any

from tieline_webhooks.domain.senders.catalogue.kind import EventKind

SITE = "https://github.com/acme/api-gateway"
REPOSITORY = {"id": 501, "full_name": "acme/api-gateway", "html_url": SITE}
SENDER = {"login": "ada"}


def _kind(event: str, action: str | None, when: str, **members: Any) -> EventKind:
    body: dict[str, Any] = {"repository": REPOSITORY, "sender": SENDER, **members}
    if action:
        body["action"] = action
    return EventKind(
        type=f"github.{event}.{action}" if action else f"github.{event}",
        when=when,
        example=body,
        headers={"x-github-event": event},
    )


def _issue(state: str, reason: str | None = None) -> dict[str, Any]:
    return {
        "number": 12,
        "title": "Total is wrong",
        "state": state,
        "state_reason": reason,
        "html_url": f"{SITE}/issues/12",
        "updated_at": "2026-03-21T14:05:00Z",
    }


def _pull(state: str, *, merged: bool) -> dict[str, Any]:
    return {
        "number": 13,
        "title": "Sum in cents",
        "state": state,
        "merged": merged,
        "html_url": f"{SITE}/pull/13",
        "updated_at": "2026-03-21T14:05:00Z",
    }


COMMENT = {"id": 9, "body": "Seen here too.", "html_url": f"{SITE}/issues/12#issuecomment-9"}
REVIEW = {"id": 8, "body": "Looks right.", "state": "approved", "html_url": f"{SITE}/pull/13#pullrequestreview-8"}
RUN = {
    "id": 77,
    "name": "CI",
    "display_title": "Sum in cents",
    "head_branch": "main",
    "status": "completed",
    "conclusion": "failure",
    "html_url": f"{SITE}/actions/runs/77",
    "updated_at": "2026-03-21T14:05:00Z",
}
ALERT = {
    "number": 4,
    "state": "open",
    "html_url": f"{SITE}/security/dependabot/4",
    "security_advisory": {"summary": "Denial of service in a parser", "severity": "high"},
}

KINDS = (
    _kind("ping", None, "a webhook was created", zen="Keep it simple.", hook_id=1),
    _kind(
        "push", None, "commits or tags were pushed, or a branch deleted",
        ref="refs/heads/main", before="0a1", after="0b2", compare=f"{SITE}/compare/0a1...0b2", commits=[{"id": "0b2"}],
        head_commit={"message": "Sum in cents", "timestamp": "2026-03-21T14:05:00Z"},
    ),
    _kind("issues", "opened", "an issue was opened", issue=_issue("open")),
    _kind("issues", "closed", "an issue was closed", issue=_issue("closed", "completed")),
    _kind("issues", "reopened", "an issue was reopened", issue=_issue("open", "reopened")),
    _kind("issue_comment", "created", "somebody commented on an issue", issue=_issue("open"), comment=COMMENT),
    _kind("pull_request", "opened", "a pull request was opened", pull_request=_pull("open", merged=False)),
    _kind("pull_request", "closed", "a pull request was merged or closed", pull_request=_pull("closed", merged=True)),
    _kind("pull_request_review", "submitted", "a review was given", pull_request=_pull("open", merged=False),
          review=REVIEW),
    _kind("release", "published", "a release was published",
          release={"id": 3, "tag_name": "v1.4", "name": "1.4", "html_url": f"{SITE}/releases/tag/v1.4"}),
    _kind("workflow_run", "completed", "a workflow run ended", workflow_run=RUN),
    _kind("check_run", "completed", "a check ended", check_run={**RUN, "display_title": None, "name": "unit tests"}),
    _kind("deployment_status", "created", "a deployment went on or ended",
          deployment={"id": 6, "environment": "production"},
          deployment_status={"state": "success", "environment": "production", "target_url": f"{SITE}/deployments"}),
    _kind("dependabot_alert", "created", "a dependency turned out vulnerable", alert=ALERT),
    EventKind(
        type="github.installation.created",
        when="the GitHub app was installed",
        example={
            "action": "created",
            "installation": {"id": 5, "account": {"login": "acme"}, "html_url": "https://github.com/settings/installations/5"},
            "sender": SENDER,
        },
        headers={"x-github-event": "installation"},
    ),
)  # fmt: skip
