"""Write docs/events.md from what the senders declare: how they sign, and what their examples become.

`python scripts/gen_event_table.py` writes the page; with `--check` it only says whether the page is up to date.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
from tieline_webhooks.domain.events import NormalisedEvent
from tieline_webhooks.domain.senders import SENDERS, Sender
from tieline_webhooks.domain.senders.catalogue import KINDS, EventKind

PAGE = Path(__file__).resolve().parents[1] / "docs" / "events.md"

INTRODUCTION = """\
# Events

<!-- Written by scripts/gen_event_table.py from the senders' own declarations. Do not edit. -->

Every verified webhook, and everything that a service emits, becomes an event. Routes match on its **type**, or on one
of the **other names** it goes by. Letter case does not count.

| member | what it is |
|---|---|
| type, other names | dotted; what a route's `eventType` is matched against |
| subject | the thing it is about, the same through all its changes: it orders events and finds the message to edit |
| title, detail | for people; the title is one line |
| severity | `critical`, `error`, `warning`, `info` or `debug`, for all senders; `level` is the sender's own word |
| state | `open`, `acknowledged`, `resolved`, `ignored`, `deleted`, or none: a comment reports no state |
| status | the sender's own word for the state |
| project | the project, service, repository, team or channel, as people write it; `projectId` is the sender's id |
| link | the page that a person opens: http or https, never anything else |

A kind of event that is not listed here is taken as well, under the sender's own name for it. A verified body that
fits nothing becomes `<sender>.unknown`; only a body that is not a JSON object makes no event.

What makes two deliveries the same event is drawn from what is signed. An event's id is derived from it, the sender
and the workspace, so a webhook that is sent again, by its sender or by somebody who recorded it, is one event.
"""

EMITTED = """\
## Events of your services

`POST /api/events` takes CloudEvents 1.0 in structured (`application/cloudevents+json`), batch
(`application/cloudevents-batch+json`, at most 1,000) and binary mode (`ce-` headers). A batch is taken whole or refused
whole, with the index and the attribute that is wrong. The event's `type` is taken as it is; its subject is `source` and
`subject` together, its identity `source` and `id`.

What people see is read from `data`, where these names mean what they say, the first one found counts, and an object
counts by its `slug`, `name` or `title`:

| shown as | members of `data` |
|---|---|
| title | `title`, `summary`, `headline`, `name`, `message`, `description`; else the type in words |
| severity, level | `severity`, `level`, `priority`, `urgency` |
| state, status | `state`, `status`, `outcome`, `result` |
| project | `project`, `service`, `application`, `app`, `component`, `repository` |
| link | `link`, `url`, `html_url`, `web_url`, `permalink` |
| by whom | `actor`, `user`, `author`, `by` |

An extension attribute `project` comes before the project in the data. The same names are read in bodies that come by
Standard Webhooks.
"""


def page() -> str:
    """Return the whole page."""
    parts = [INTRODUCTION, *("\n".join(_section(SENDERS[name], kinds)) for name, kinds in KINDS.items()), EMITTED]
    return "\n".join(parts)


def _section(sender: Sender, kinds: tuple[EventKind, ...]) -> Iterator[str]:
    expects = sender.expects
    signature = expects["signature"]
    signed = f"`{signature['signed']}`" if "{" in signature["signed"] else signature["signed"]
    headers = ", ".join(f"`{header}`" for header in signature["headers"])
    yield f"## {sender.title}\n"
    yield f"Hook address: `/api/webhooks/{sender.name}`, or with `/{{integration id}}` behind.\n"
    yield f"- Signed: {signature['algorithm']} of {signed}, {signature['encoding']}, in {headers}:"
    yield f"  `{signature['form']}`. Key: {signature['key']}."
    yield f"- Age: {expects['freshness']}."
    yield f"- The same event: {expects['deduplication']}.\n"
    yield from (f"{number}. {step}" for number, step in enumerate(expects["configure"], 1))
    yield ""
    yield "| type | when | subject | title | severity (level) | state (status) | project | link |"
    yield "|---|---|---|---|---|---|---|---|"
    yield from (_row(sender, kind) for kind in kinds)
    yield ""


def _row(sender: Sender, kind: EventKind) -> str:
    event = sender.normalise(msgspec.json.encode(kind.example), kind.headers)
    names = " or ".join(f"`{name}`" for name in event.names)
    cells = (names, kind.when, f"`{event.subject}`", event.title, *_words(event), event.project or "", event.link or "")
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _words(event: NormalisedEvent) -> tuple[str, str]:
    level = f"{event.severity} ({event.level})" if event.level else event.severity
    state = f"{event.state or ''} ({event.status})".strip() if event.status else event.state or ""
    return level, state


def main(arguments: list[str]) -> int:
    """Write the page, or check it; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page is out of date")
    check: bool = parser.parse_args(arguments).check
    wanted = page()
    if check:
        if PAGE.exists() and PAGE.read_text(encoding="utf-8") == wanted:
            return 0
        print(f"{PAGE.name} is out of date: run python scripts/gen_event_table.py", file=sys.stderr)
        return 1
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
