"""The parts of GitHub's bodies that events are made of."""

import msgspec

from tieline_webhooks.domain.senders.reading import Id, Shape, Text, Time


class Account(Shape):
    """A user, an organisation or an app."""

    login: Text = None


class Repository(Shape):
    """A repository."""

    id: Id = None
    full_name: Text = None
    html_url: Text = None


class Advisory(Shape):
    """What is known of a vulnerability, in alerts about dependencies."""

    summary: Text = None
    severity: Text = None


class Rule(Shape):
    """The rule that found a weakness, in alerts about code."""

    description: Text = None
    security_severity_level: Text = None


class Thing(Shape):
    """Any of the objects that GitHub's events are about. No one of them has all of these members."""

    id: Id = None
    number: Id = None
    title: Text = None
    name: Text = None
    display_title: Text = None
    tag_name: Text = None
    html_url: Text = None
    target_url: Text = None
    state: Text = None
    state_reason: Text = None
    status: Text = None
    conclusion: Text = None
    merged: bool | None = None
    environment: Text = None
    description: Text = None
    body: Text = None
    head_branch: Text = None
    secret_type_display_name: Text = None
    security_advisory: Advisory | None = None
    rule: Rule | None = None
    account: Account | None = None
    created_at: Time = None
    updated_at: Time = None
    pull_request: "Something | None" = None
    """Set on an issue that is a pull request."""


class Something(Shape):
    """An object that tells enough by being there."""


class Commit(Shape):
    """A pushed commit."""

    message: Text = None
    timestamp: Time = None


class Hook(Shape):
    """The body of every GitHub webhook."""

    action: Text = None
    ref: Text = None
    ref_type: Text = None
    before: Text = None
    after: Text = None
    compare: Text = None
    master_branch: Text = None
    deleted: bool | None = None
    zen: Text = None
    hook_id: Id = None
    commits: list[msgspec.Raw] | None = None
    head_commit: Commit | None = None
    repository: Repository | None = None
    organization: Account | None = None
    sender: Account | None = None
    issue: Thing | None = None
    pull_request: Thing | None = None
    comment: Thing | None = None
    review: Thing | None = None
    thread: Something | None = None
    release: Thing | None = None
    discussion: Thing | None = None
    check_run: Thing | None = None
    check_suite: Thing | None = None
    workflow_run: Thing | None = None
    workflow_job: Thing | None = None
    deployment: Thing | None = None
    deployment_status: Thing | None = None
    alert: Thing | None = None
    installation: Thing | None = None
    repositories_added: list[msgspec.Raw] | None = None
