"""What GitHub's bodies are about: which event one is, and the issue, run, alert or push in it."""

import msgspec

from tieline_webhooks.domain.events import Severity, State
from tieline_webhooks.domain.senders.github_shapes import Advisory, Commit, Hook, Rule, Thing
from tieline_webhooks.domain.senders.reading import Time


class About(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one event is about, before it is put in Tieline's terms. `path` is below the repository."""

    thing: Thing
    path: str
    title: str | None = None
    link: str | None = None
    detail: str | None = None
    level: str | None = None
    occurred: Time = None
    stateful: bool = False
    """Whether the event reports the thing's own state, rather than something said about it."""


_SHOWN_BY_BODY = frozenset(
    {
        "ping", "push", "create", "delete", "issues", "issue_comment", "pull_request", "pull_request_review",
        "pull_request_review_comment", "pull_request_review_thread", "release", "discussion", "discussion_comment",
        "check_run", "check_suite", "workflow_run", "workflow_job", "deployment", "deployment_status", "installation",
        "installation_repositories", "commit_comment",
    }
)  # fmt: skip
_RUNS = ("check_run", "workflow_job", "workflow_run", "check_suite")
_SHARED = frozenset({*_RUNS, "deployment", "deployment_status", "commit_comment", "installation"})
_RUN_PATHS = {"check_run": "check-runs", "check_suite": "check-suites", "workflow_run": "runs", "workflow_job": "jobs"}
_ALERT_PATHS = {
    "dependabot_alert": "dependabot",
    "code_scanning_alert": "code-scanning",
    "secret_scanning_alert": "secret-scanning",
}
_SEVERITIES: dict[str, Severity] = {
    "critical": "critical",
    "high": "error",
    "medium": "warning",
    "moderate": "warning",
    "low": "info",
    "failure": "error",
    "error": "error",
    "timed_out": "error",
    "startup_failure": "error",
    "action_required": "warning",
    "cancelled": "warning",
    "stale": "warning",
}
_STATES: dict[str, State] = {
    "open": "open",
    "reopened": "open",
    "closed": "resolved",
    "fixed": "resolved",
    "resolved": "resolved",
    "dismissed": "ignored",
    "auto_dismissed": "ignored",
}


def event_name(hook: Hook, header: str | None) -> str:
    """Return GitHub's name of the event: from the signed body where that shows it, else from the header.

    A header that claims an event which the body would show is not believed when the body does not show it. Rarer
    events share their members with runs and deployments; of those the header may tell more.
    """
    shown = _shown(hook)
    if header and header not in _SHOWN_BY_BODY and (shown is None or shown in _SHARED):
        return header
    return shown or "unknown"


def _shown(hook: Hook) -> str | None:
    if hook.zen is not None and hook.hook_id is not None:
        return "ping"
    if hook.pull_request is not None:
        if hook.review is not None:
            return "pull_request_review"
        if hook.comment is not None:
            return "pull_request_review_comment"
        return "pull_request_review_thread" if hook.thread is not None else "pull_request"
    for name, plain in (("issue", "issues"), ("discussion", "discussion")):
        if getattr(hook, name) is not None:
            return plain if hook.comment is None else f"{name}_comment"
    for name in ("deployment_status", *_RUNS, "deployment", "release"):
        if getattr(hook, name) is not None:
            return name
    return _shown_by_members(hook)


def _shown_by_members(hook: Hook) -> str | None:
    if hook.ref is not None and hook.before is not None and hook.after is not None:
        return "push"
    if hook.ref is not None and hook.ref_type is not None:
        return "create" if hook.master_branch is not None else "delete"
    if hook.comment is not None:
        return "commit_comment"
    if hook.installation is not None and hook.action is not None and hook.repository is None:
        if hook.repositories_added is not None:
            return "installation_repositories"
        return "installation" if hook.installation.account is not None else None
    return None


def about(hook: Hook, name: str) -> About:
    """Return what the event is about."""
    if hook.pull_request is not None:
        return _conversation(hook, hook.pull_request, "pull")
    if hook.issue is not None:
        return _conversation(hook, hook.issue, "pull" if hook.issue.pull_request is not None else "issues")
    if hook.discussion is not None:
        return _conversation(hook, hook.discussion, "discussions")
    if hook.alert is not None:
        return _alert(hook.alert, name)
    if name == "push":
        return _push(hook)
    if hook.deployment_status is not None or hook.deployment is not None:
        return _deployment(hook)
    for run in _RUNS:
        if (thing := getattr(hook, run)) is not None:
            return _run(thing, run)
    return _other(hook, name)


def _conversation(hook: Hook, thing: Thing, path: str) -> About:
    said = hook.comment or hook.review
    return About(
        thing=thing,
        path=f"{path}/{thing.number}",
        title=thing.title,
        link=said.html_url if said else thing.html_url,
        detail=said.body if said else thing.body if hook.action == "opened" else None,
        stateful=said is None and hook.thread is None and thing.number is not None,
    )


def _alert(alert: Thing, name: str) -> About:
    advisory, rule = alert.security_advisory or Advisory(), alert.rule or Rule()
    return About(
        thing=alert,
        path=f"{_ALERT_PATHS.get(name, 'alerts')}/{alert.number or alert.id}",
        title=advisory.summary or rule.description or alert.secret_type_display_name,
        level=advisory.severity or rule.security_severity_level,
        stateful=(alert.number or alert.id) is not None,
    )


def _push(hook: Hook) -> About:
    ref = hook.ref or ""
    short = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    commits = len(hook.commits or ())
    head = hook.head_commit or Commit()
    if hook.deleted:
        title = f"Deleted {'tag' if ref.startswith('refs/tags/') else 'branch'} {short}"
    else:
        title = f"Pushed {commits} commit{'' if commits == 1 else 's'} to {short}"
    return About(thing=Thing(), path=ref, title=title, link=hook.compare, detail=head.message, occurred=head.timestamp)


def _deployment(hook: Hook) -> About:
    deployment, outcome = hook.deployment or Thing(), hook.deployment_status or Thing()
    environment = outcome.environment or deployment.environment or "an environment"
    state = f": {outcome.state}" if outcome.state else ""
    return About(
        thing=outcome,
        path=f"deployments/{deployment.id}",
        title=f"Deployment to {environment}{state}",
        link=outcome.target_url,
        detail=outcome.description or deployment.description,
        level=outcome.state if outcome.state in _SEVERITIES else None,
        occurred=outcome.updated_at or deployment.created_at,
    )


def _run(run: Thing, name: str) -> About:
    title = run.display_title or run.name or f"{name.replace('_', ' ')} on {run.head_branch}"
    return About(
        thing=run,
        path=f"{_RUN_PATHS[name]}/{run.id}",
        title=f"{title}: {run.conclusion}" if run.conclusion else title,
        level=run.conclusion if run.conclusion in _SEVERITIES else None,
        detail=f"On {run.head_branch}" if run.head_branch else None,
    )


def _other(hook: Hook, name: str) -> About:
    if hook.release is not None:
        release = hook.release
        return About(
            thing=release,
            path=f"releases/{release.tag_name}",
            title=release.name or release.tag_name,
            detail=release.body,
        )
    if name == "ping":
        return About(thing=Thing(), path=f"hooks/{hook.hook_id}", title=hook.zen)
    if hook.comment is not None:
        return About(thing=hook.comment, path=f"comments/{hook.comment.id}", detail=hook.comment.body)
    if hook.ref is not None:
        return About(thing=Thing(), path=hook.ref, title=f"{name}d {hook.ref_type} {hook.ref}".capitalize())
    if hook.installation is not None and hook.repository is None:
        account = hook.installation.account
        where = f" for {account.login}" if account else ""
        return About(
            thing=hook.installation,
            path=f"installations/{hook.installation.id}",
            title=f"GitHub app installation {hook.action or 'changed'}{where}",
        )
    return About(thing=Thing(), path="")


def severity(thing: Thing, level: str | None) -> Severity:
    """Return how bad it is: by an alert's level or a run's conclusion."""
    return _SEVERITIES.get(level or thing.conclusion or "", "info")


def status(thing: Thing) -> str | None:
    """Return GitHub's word for where the thing stands; a merged pull request is `merged`, not `closed`."""
    return "merged" if thing.merged else thing.state or thing.status


def state(thing: Thing, action: str | None) -> State | None:
    """Return where the thing stands."""
    if action == "deleted":
        return "deleted"
    if thing.state == "closed" and (thing.state_reason in {"not_planned", "duplicate"} or thing.merged is False):
        return "ignored"
    return _STATES.get(thing.state or "")
