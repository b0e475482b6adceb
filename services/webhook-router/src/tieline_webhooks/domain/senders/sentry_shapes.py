"""The parts of Sentry's bodies that events are made of."""

import msgspec
from msgspec import field

from tieline_webhooks.domain.senders.reading import Id, Shape, Text, Time


class Named(Shape):
    """Anybody or anything with a name."""

    id: Id = None
    name: Text = None
    slug: Text = None


class Issue(Shape):
    """An issue, as its lifecycle webhooks carry it."""

    id: Id = None
    title: Text = None
    culprit: Text = None
    level: Text = None
    status: Text = None
    project: Named | None = None
    web_url: Text = None
    permalink: Text = None
    first_seen: Time = field(default=None, name="firstSeen")


class ErrorEvent(Shape):
    """One occurrence of an issue, as alerts and error webhooks carry it."""

    event_id: Id = None
    issue_id: Id = None
    title: Text = None
    message: Text = None
    culprit: Text = None
    level: Text = None
    project: Id = None
    url: Text = None
    web_url: Text = None
    issue_url: Text = None
    occurred: Time = field(default=None, name="datetime")
    tags: msgspec.Raw = msgspec.Raw()


class AlertRule(Shape):
    """The rule behind a metric alert."""

    id: Id = None
    name: Text = None


class MetricAlert(Shape):
    """One opening of a metric alert; its id stays while it goes from critical to resolved."""

    id: Id = None
    title: Text = None
    alert_rule: AlertRule | None = None
    projects: list[str] | None = None
    date_started: Time = None
    date_closed: Time = None


class Activity(Shape):
    """What happened to an issue in an activity alert."""

    type: Text = None


class Installation(Shape):
    """An app installed in an organisation."""

    uuid: Text = None
    app: Named | None = None
    organization: Named | None = None


class Data(Shape):
    """The part of the body that differs by resource."""

    issue: Issue | None = None
    event: ErrorEvent | None = None
    error: ErrorEvent | None = None
    metric_alert: MetricAlert | None = None
    activity: Activity | None = None
    installation: Installation | None = None
    triggered_rule: Text = None
    description_title: Text = None
    description_text: Text = None
    web_url: Text = None
    comment: Text = None
    comment_id: Id = None
    issue_id: Id = None
    project_slug: Text = None
    timestamp: Time = None


class Hook(Shape):
    """The body of every Sentry webhook."""

    action: Text = None
    data: Data | None = None
    actor: Named | None = None
