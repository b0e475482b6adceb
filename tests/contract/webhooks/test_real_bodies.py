"""Every real webhook body becomes the right event.

`EXPECTED` says for each file which of its members an event is made of: `{a.b}` stands for the member b of a,
`{a.b>/x/#1}` for the second path segment after `/x/` in it, `{a.b</x/}` for what stands before `/x/`, `{a.b|strip}`
for its text without outer space. A new file without an entry fails the test.
"""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tieline_webhooks.domain.events import NormalisedEvent
from tieline_webhooks.domain.senders import SENDERS

from tests.shared_data import SHARED_DATA, shared_data, shared_files


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the event of one body must be; texts are templates over the body."""

    type: str
    subject: str
    title: str
    level: str | None = None
    link: str | None = None
    project: str | None = None
    alias: str | None = None


def sentry_issue(action: str, *, link: str | None = None) -> Expected:
    return Expected(
        type=f"sentry.issue.{action}",
        subject="sentry/issue/{data.issue.id}",
        title="{data.issue.title}",
        level="{data.issue.level}",
        link=link,
        project="{data.issue.project.slug}",
    )


def sentry_event(resource: str, member: str, *, bare: bool = False, from_link: bool = False) -> Expected:
    action = "created" if resource == "error" else "triggered"
    issue = f"{{data.{member}.web_url>/issues/#0}}" if from_link else f"{{data.{member}.issue_id}}"
    return Expected(
        type=f"sentry.{resource}.{action}",
        subject=f"sentry/issue/{issue}",
        title=f"{{data.{member}.title}}",
        level=None if bare else f"{{data.{member}.level}}",
        link=f"{{data.{member}.web_url}}",
        project=None if bare else f"{{data.{member}.url>/projects/#1}}",
    )


def sentry_metric(action: str, *, title: str = "{data.metric_alert.title}", whole: bool = False) -> Expected:
    return Expected(
        type=f"sentry.metric_alert.{action}",
        subject="sentry/metric_alert/{data.metric_alert.id}",
        title=title,
        level=None if action == "resolved" else action,
        link="{data.web_url}" if whole else None,
        project="{data.metric_alert.projects.0}" if whole else None,
    )


def sentry_comment(action: str) -> Expected:
    return Expected(
        type=f"sentry.comment.{action}",
        subject="sentry/issue/{data.issue_id}",
        title=f"Comment on Sentry issue {{data.issue_id}} {action}",
        project="{data.project_slug}",
    )


def sentry_installation(action: str, done: str) -> Expected:
    return Expected(
        type=f"sentry.installation.{action}",
        subject="sentry/installation/{data.installation.uuid}",
        title=f"Sentry app {{data.installation.app.slug}} {done} {{data.installation.organization.slug}}",
    )


SENTRY_UNKNOWN = Expected(type="sentry.unknown", subject="sentry/webhook/{:unidentified}",
                          title="Sentry webhook of an unknown kind")  # fmt: skip


def incident(happened: str) -> Expected:
    return Expected(
        type=f"incident.{happened}",
        subject="pagerduty/incident/{event.data.id}",
        title="{event.data.title}",
        level="{event.data.urgency}",
        link="{event.data.html_url}",
        project="{event.data.service.summary}",
        alias=f"pagerduty.incident.{happened}",
    )


def incident_part(
    happened: str, *, at: str = "incident", title: str | None = None, project: str | None = None
) -> Expected:
    return Expected(
        type=f"incident.{happened}",
        subject=f"pagerduty/incident/{{event.data.{at}.id}}",
        title=title or f"{{event.data.{at}.summary}}",
        link=f"{{event.data.{at}.html_url}}",
        project=project,
        alias=f"pagerduty.incident.{happened}",
    )


def service(happened: str) -> Expected:
    return Expected(
        type=f"service.{happened}",
        subject="pagerduty/service/{event.data.id}",
        title="{event.data.summary}",
        link="{event.data.html_url}",
        project="{event.data.summary}",
        alias=f"pagerduty.service.{happened}",
    )


def github(type_: str, path: str, title: str, link: str | None) -> Expected:
    return Expected(
        type=f"github.{type_}",
        subject=f"github/{{repository.full_name}}/{path}",
        title=title,
        link=link,
        project="{repository.full_name}",
    )


def linear_issue(action: str, level: str | None = None) -> Expected:
    return Expected(
        type=f"linear.issue.{action}",
        subject="linear/issue/{data.id}",
        title="{data.title}",
        level=level,
        link="{url}",
        project="{data.team.key}",
    )


def jira(type_: str, *, comment: bool = False, alias: str | None = None) -> Expected:
    return Expected(
        type=f"jira.{type_}",
        subject="jira/issue/{issue.id}",
        title="{issue.fields.summary}",
        level="{issue.fields.priority.name}",
        link="{issue.self</rest/}/browse/{issue.key}" + ("?focusedCommentId={comment.id}" if comment else ""),
        project="{issue.fields.project.key}",
        alias=alias,
    )


def slack(kind: str, subject: str, title: str, *, channel: str | None = None, link: str | None = None) -> Expected:
    place = f"https://slack.com/app_redirect?channel={channel}&team={{team_id}}" if channel else None
    return Expected(type=f"slack.{kind}", subject=subject, title=title, link=link or place, project=channel)


CAPTURED, DOCS, MOCKS = "sentry/webhooks/captured", "sentry/webhooks/docs", "sentry/webhooks/platform-example"
PAGES, PAGE_DOCS = "pagerduty/webhooks/captured", "pagerduty/webhooks/docs"
MESSAGE = "slack/message/{event.channel}/{event.ts}"
CHANNEL = "{event.channel}"

EXPECTED: dict[str, Expected] = {
    f"{CAPTURED}/issue.created.exception.json": sentry_issue("created"),
    f"{CAPTURED}/issue.resolved.json": sentry_issue("resolved"),
    f"{CAPTURED}/issue.assigned.user.json": sentry_issue("assigned"),
    f"{CAPTURED}/event_alert.triggered.js.json": sentry_event("event_alert", "event", from_link=True),
    f"{CAPTURED}/event_alert.triggered.python.json": sentry_event("event_alert", "event", from_link=True),
    f"{CAPTURED}/event_alert.triggered.sample_event.json": sentry_event("event_alert", "event"),
    f"{DOCS}/issue.created.json": sentry_issue("created"),
    f"{DOCS}/event_alert.triggered.json": sentry_event("event_alert", "event"),
    f"{DOCS}/error.created.json": sentry_event("error", "error"),
    f"{DOCS}/metric_alert.resolved.json": sentry_metric("resolved", title="{data.description_title}", whole=True),
    f"{DOCS}/comment.created.json": sentry_comment("created"),
    f"{DOCS}/installation.created.json": sentry_installation("created", "installed in"),
    f"{MOCKS}/_alert_rule_action.request.json": SENTRY_UNKNOWN,
    f"{MOCKS}/_issue_link.request.json": SENTRY_UNKNOWN,
    f"{MOCKS}/comment.created.json": sentry_comment("created"),
    f"{MOCKS}/comment.updated.json": sentry_comment("updated"),
    f"{MOCKS}/comment.deleted.json": sentry_comment("deleted"),
    f"{MOCKS}/event_alert.triggered.json": sentry_event("event_alert", "event", bare=True),
    f"{MOCKS}/event_alert.triggered.with_alert_rule_action.json": sentry_event("event_alert", "event", bare=True),
    f"{MOCKS}/installation.created.json": sentry_installation("created", "installed in"),
    f"{MOCKS}/installation.deleted.json": sentry_installation("deleted", "removed from"),
    f"{MOCKS}/issue.assigned.json": sentry_issue("assigned"),
    f"{MOCKS}/issue.created.json": sentry_issue("created"),
    f"{MOCKS}/issue.ignored.json": sentry_issue("ignored"),
    f"{MOCKS}/issue.resolved.json": sentry_issue("resolved"),
    f"{MOCKS}/metric_alert.critical.json": sentry_metric("critical"),
    f"{MOCKS}/metric_alert.critical.with_alert_rule_action.json": sentry_metric("critical"),
    f"{MOCKS}/metric_alert.warning.json": sentry_metric("warning"),
    f"{MOCKS}/metric_alert.warning.with_alert_rule_action.json": sentry_metric("warning"),
    f"{MOCKS}/metric_alert.resolved.json": sentry_metric("resolved"),
    f"{PAGES}/incident.triggered.json": incident("triggered"),
    f"{PAGES}/incident.unacknowledged.json": incident("unacknowledged"),
    f"{PAGES}/incident.reassigned.json": incident("reassigned"),
    f"{PAGES}/incident.escalated.json": incident("escalated"),
    f"{PAGES}/incident.resolved.json": incident("resolved"),
    f"{PAGE_DOCS}/incident.priority_updated.json": incident("priority_updated"),
    f"{PAGES}/incident.annotated.json": incident_part("annotated"),
    f"{PAGES}/incident.responder.added.json": incident_part("responder.added"),
    f"{PAGE_DOCS}/service.updated.json": service("updated"),
    "pagerduty/webhooks/zulip-handwritten/service.created.json": service("created"),
    "pagerduty/webhooks/zulip-handwritten/service.deleted.json": service("deleted"),
    f"{PAGES}/pagey.ping.json": Expected(type="pagey.ping", subject="pagerduty/ping/{:unidentified}",
                                         title="{event.data.message}", alias="pagerduty.pagey.ping"),
    "github/webhooks/issues.opened.json": github("issues.opened", "issues/{issue.number}", "{issue.title}",
                                                 "{issue.html_url}"),
    "github/webhooks/issue_comment.created.json": github("issue_comment.created", "issues/{issue.number}",
                                                         "{issue.title}", "{comment.html_url}"),
    "github/webhooks/pull_request.opened.json": github("pull_request.opened", "pull/{pull_request.number}",
                                                       "{pull_request.title}", "{pull_request.html_url}"),
    "github/webhooks/push.json": github("push", "{ref}", "Deleted tag {ref>/tags/#0}", "{compare}"),
    "github/webhooks/ping.json": github("ping", "hooks/{hook_id}", "{zen}", "{repository.html_url}"),
    "github/webhooks/installation.created.json": Expected(
        type="github.installation.created", subject="github/installations/{installation.id}",
        title="GitHub app installation created for {installation.account.login}", link="{installation.html_url}"),
    "linear/webhooks/Issue.create.simple.json": linear_issue("create"),
    "linear/webhooks/Issue.update.json": linear_issue("update", level="{data.priorityLabel}"),
    "linear/webhooks/Issue.update.subissue.json": linear_issue("update"),
    "linear/webhooks/Comment.create.json": Expected(
        type="linear.comment.create", subject="linear/issue/{data.issueId}", title="{data.issue.title}", link="{url}",
        project="WEB"),
    "jira/webhooks/issue_created.json": jira("issue.created"),
    "jira/webhooks/issue_updated.assignee.json": jira("issue.updated"),
    "jira/webhooks/issue_updated.comment.json": jira("issue.updated", comment=True, alias="jira.issue.commented"),
    "jira/webhooks/issue_deleted.json": jira("issue.deleted"),
    "jira/webhooks/comment_created.json": jira("comment.created", comment=True),
    "slack/events/event_callback.app_mention.json": slack("app_mention", MESSAGE, "{event.text}", channel=CHANNEL),
    "slack/events/event_callback.message.file_share.json": slack(
        "message.file_share", MESSAGE, "{event.text}", channel=CHANNEL, link="{event.files.0.permalink}"),
    "slack/events/event_callback.reaction_added.json": slack(
        "reaction_added", "slack/message/{event.item.channel}/{event.item.ts}", "Reaction :{event.reaction}: added",
        channel="{event.item.channel}"),
    "slack/events/event_callback.member_joined_channel.json": slack(
        "member_joined_channel", "slack/channel/{event.channel}", "Slack member joined channel", channel=CHANNEL),
    "slack/events/event_callback.member_left_channel.json": slack(
        "member_left_channel", "slack/channel/{event.channel}", "Slack member left channel", channel=CHANNEL),
    "slack/events/event_callback.app_uninstalled.json": slack("app_uninstalled", "slack/team/{team_id}",
                                                              "Slack app uninstalled"),
    "slack/events/event_callback.tokens_revoked.json": slack("tokens_revoked", "slack/team/{team_id}",
                                                             "Slack tokens revoked"),
    "slack/events/url_verification.json": slack("url_verification", "slack/team/{:unidentified}",
                                                "Slack url verification"),
}  # fmt: skip

SENTRY_MEMBERS = {
    "error.created": replace(sentry_event("error", "error"), project="{data.error.project}"),
    "event_alert.triggered": Expected(
        type="sentry.event_alert.triggered", subject="sentry/issue/{data.event.issue_id}", title="{data.event.title}",
        level="{data.event.tags.0.1}", project="{data.event.project}"),
    "issue.created": sentry_issue("created", link="{data.issue.web_url}"),
    "metric_alert.critical": sentry_metric("critical", title="{data.description_title}", whole=True),
    "activity_alert.triggered": Expected(
        type="sentry.activity_alert.triggered", subject="sentry/issue/{data.issue.id}", title="{data.issue.title}",
        level="{data.issue.level}", link="{data.issue.web_url}", project="{data.issue.project.slug}"),
    "installation.created": sentry_installation("created", "installed in"),
    "comment.created": sentry_comment("created"),
}  # fmt: skip
"""By action; the file holds `data` members without the body around them."""

NAMELESS = "PagerDuty incident {event.data.incident.id}"
ASSIGNED = "incident_role_assignments.0.incident"
PAGERDUTY_DATA = {
    "incident": incident("triggered"),
    "incident_conference_bridge": incident_part("conference_bridge.updated"),
    "incident_field_values": incident_part("custom_field_values.updated", title=NAMELESS),
    "incident_note": incident_part("annotated"),
    "incident_role_assignment": incident_part("role.assigned", at=ASSIGNED,
                                              title=f"PagerDuty incident {{event.data.{ASSIGNED}.id}}"),
    "incident_status_update": incident_part("status_update_published"),
    "incident_responder": incident_part("responder.added"),
    "incident_task": incident_part("task.created", title="{event.data.summary}"),
    "incident_workflow_instance": incident_part("workflow.started", project="{event.data.service.summary}"),
    "incident_action_invocation": incident_part("action_invocation.created"),
    "service": service("updated"),
    "service_field_values": Expected(
        type="service.custom_field_values.updated", subject="pagerduty/service/{event.data.service.id}",
        title="service custom field values updated", link="{event.data.service.html_url}",
        alias="pagerduty.service.custom_field_values.updated"),
}  # fmt: skip
"""By `data.type`, with the event under which it comes; the file holds `data` members without the body around them."""

NOT_BODIES = {
    f"{PAGE_DOCS}/_create_webhook_subscription.request.json",  # what is sent to PagerDuty
    f"{PAGE_DOCS}/_event_data_types.json",  # PAGERDUTY_DATA
    "pagerduty/webhooks/headers_sample.json",
    "sentry/webhooks/sentry-repo-tests/data_members.json",  # SENTRY_MEMBERS
}

_PLACE = re.compile(r"\{(?P<path>[\w.]*)(?:(?P<op>[<>:])(?P<marker>[^}#]*)(?:#(?P<nth>\d))?)?\}")


def files() -> list[Path]:
    found = [*shared_files(".", pattern="webhooks/**/*.json"), *shared_files("slack", pattern="events/*.json")]
    return sorted({path.resolve() for path in found})


def member(body: Any, path: str) -> Any:
    for step in path.split("."):
        body = body[int(step)] if isinstance(body, list) else body[step]
    return body


def filled(template: str | None, body: Any, event: NormalisedEvent) -> str | None:
    """Return the template with members of the body in it."""

    def value(place: re.Match[str]) -> str:
        if place["op"] == ":":
            return f"{place['marker']}-{event.dedupe_key[:16]}"
        text = str(member(body, place["path"]))
        if place["op"] == "<":
            return text.partition(place["marker"])[0]
        if place["op"] == ">":
            return text.partition(place["marker"])[2].split("/")[int(place["nth"])]
        return text

    return None if template is None else _PLACE.sub(value, template)


def assert_is(event: NormalisedEvent, expected: Expected, body: Any) -> None:
    assert event.type == expected.type
    assert event.subject == filled(expected.subject, body, event)
    assert event.title == filled(expected.title, body, event)
    assert event.level == filled(expected.level, body, event)
    assert event.link == filled(expected.link, body, event)
    assert event.project == filled(expected.project, body, event)
    assert event.aliases == ((expected.alias,) if expected.alias else ())
    assert event.repaired_body is None


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_real_body_becomes_the_right_event(name: str) -> None:
    raw = shared_data(*name.split("/")).read_bytes()

    event = SENDERS[name.partition("/")[0]].normalise(raw, {})

    assert_is(event, EXPECTED[name], json.loads(raw))


def test_every_body_there_is_has_an_expectation() -> None:
    shared_data("sentry", "webhooks")
    names = {str(path.relative_to(SHARED_DATA.resolve())) for path in files()}

    assert names == set(EXPECTED) | NOT_BODIES


@pytest.mark.parametrize("name", sorted(SENTRY_MEMBERS))
def test_a_data_member_of_sentry_becomes_the_right_event(name: str) -> None:
    members = json.loads(shared_data("sentry", "webhooks", "sentry-repo-tests", "data_members.json").read_bytes())
    body = {"action": name.partition(".")[2], "data": members[name]}

    event = SENDERS["sentry"].normalise(json.dumps(body).encode(), {})

    assert_is(event, SENTRY_MEMBERS[name], body)
    assert set(members) == set(SENTRY_MEMBERS)


@pytest.mark.parametrize("kind", sorted(PAGERDUTY_DATA))
def test_a_data_member_of_pagerduty_becomes_the_right_event(kind: str) -> None:
    members = json.loads(shared_data("pagerduty", "webhooks", "docs", "_event_data_types.json").read_bytes())
    body = {"event": {"id": "01X", "event_type": PAGERDUTY_DATA[kind].type, "data": members[kind]}}

    event = SENDERS["pagerduty"].normalise(json.dumps(body).encode(), {})

    assert_is(event, PAGERDUTY_DATA[kind], body)
    assert set(members) == set(PAGERDUTY_DATA)
