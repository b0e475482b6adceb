"""Writes what is generated: API documents in docs/api, tables in docs and README, the compose file's alert rules.

`--check` writes nothing and fails if anything would change.
"""

import argparse
import json
import sys
import textwrap
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic_core import PydanticUndefined
from tieline.contracts.catalogue import MESSAGES
from tieline.settings import ServiceSettings
from tieline.topics import CATALOGUE
from tieline_gateway.bootstrap import build_api
from tieline_gateway.settings import GatewaySettings
from tieline_registry.settings import RegistrySettings
from tieline_sync.settings import SyncSettings
from tieline_webhooks.settings import WebhookSettings

from scripts import metrics_table

ROOT = Path(__file__).resolve().parent.parent
SETTINGS: dict[str, type[ServiceSettings]] = {
    "gateway": GatewaySettings,
    "registry": RegistrySettings,
    "sync-worker": SyncSettings,
    "webhook-router": WebhookSettings,
}
JSON_SCHEMA_REF = "#/components/schemas/{model}"


def main() -> int:
    """Write or check everything generated."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true", help="fail instead of writing")
    check = arguments.parse_args().check
    stale = [path for path, text in generated() if not path.exists() or path.read_text() != text]
    for path, text in generated():
        if path in stale and not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    for path in stale:
        print(f"{'stale' if check else 'wrote'}: {path.relative_to(ROOT)}")
    if check and stale:
        print("run `make docs-api` and commit what it writes")
        return 1
    return 0


def generated() -> Iterator[tuple[Path, str]]:
    """Yield every generated file with its text."""
    yield ROOT / "docs/api/gateway.openapi.json", as_json(build_api().openapi())
    yield ROOT / "docs/api/asyncapi.json", as_json(asyncapi())
    yield ROOT / "docs/configuration.md", CONFIGURATION_HEAD + configuration_table()
    yield ROOT / "docs/topics.md", TOPICS_HEAD + topics_table()
    yield ROOT / "docs/metrics.md", metrics_table.HEAD + metrics_table.table()
    yield ROOT / "deploy/compose/alerts.yml", ALERTS_HEAD + alert_rules()
    yield ROOT / "README.md", with_table((ROOT / "README.md").read_text(), configuration_table())


ALERTS_HEAD = "# Generated from deploy/k8s/components/monitoring/alerts.yaml by `make docs-api`.\n"


def alert_rules() -> str:
    """Return the rules of the Prometheus Operator's resource as Prometheus itself reads them: what is below `spec`."""
    resource = (ROOT / "deploy/k8s/components/monitoring/alerts.yaml").read_text()
    return textwrap.dedent(resource.partition("\nspec:\n")[2])


def as_json(document: Any) -> str:
    """Return a document as committed: sorted, two spaces, a newline at the end."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def asyncapi() -> dict[str, Any]:
    """Return the AsyncAPI 3 document of all topics."""
    channels: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for topic in CATALOGUE:
        names = []
        for message in MESSAGES.get(topic.name, ()):
            name = f"{topic.name}:{message.name}"
            names.append(name)
            messages[name] = {
                "name": message.name,
                "title": message.name,
                "summary": message.summary,
                "contentType": "application/json",
                **({} if message.model is None else {"payload": {"$ref": schema_of(message.model, schemas)}}),
            }
        channels[topic.name] = {
            "address": topic.name,
            "description": f"Key: {topic.key}. Written by {topic.written_by}; read by {topic.read_by}.",
            "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
            "bindings": {"kafka": {"topic": topic.name, "partitions": topic.partitions}},
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tieline topics",
            "version": "1",
            "description": "CloudEvents 1.0 in Kafka's binary mode: attributes in `ce_*` headers, data in the value.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "components": {"messages": messages, "schemas": schemas},
    }


def schema_of(model: type[BaseModel], schemas: dict[str, Any]) -> str:
    """Add the model's JSON Schema, and those it uses, to `schemas`; return the reference."""
    schema = model.model_json_schema(ref_template=JSON_SCHEMA_REF)
    schemas.update(schema.pop("$defs", {}))
    schemas[model.__name__] = schema
    return JSON_SCHEMA_REF.format(model=model.__name__)


CONFIGURATION_HEAD = """# Configuration

Generated from the settings by `make docs-api`. Every value is an environment variable. A wrong value, or an unknown
name within a block, stops the start with the whole list.

"""

TOPICS_HEAD = """# Topics

Generated from the catalogue (`tieline.topics`) by `make docs-api`, applied by `tieline topics apply`. Values are JSON;
headers carry CloudEvents attributes (`ce_id`, `ce_type`, `ce_source`, `ce_time`, `ce_subject`), `correlation_id`,
`causation_id` and W3C `traceparent`. The schemas are in [api/asyncapi.json](api/asyncapi.json).

"""


def configuration_table() -> str:
    """Return one table row per setting with its default, the services that read it, and what it is for."""
    rows: dict[str, tuple[str, str, list[str]]] = {}
    for service, settings in SETTINGS.items():
        for name, default, description in fields_of(settings, "TIELINE"):
            known = rows.setdefault(name, (default, description, []))
            known[2].append(service if known[0] == default else f"{service} (default {default})")
    lines = ["| variable | default | read by | meaning |", "|---|---|---|---|"]
    for name, (default, description, services) in sorted(rows.items()):
        read_by = "all" if services == list(SETTINGS) else ", ".join(services)
        lines.append(f"| `{name}` | {default} | {read_by} | {description} |")
    return "\n".join(lines) + "\n"


def fields_of(model: type[BaseModel], prefix: str, defaults: BaseModel | None = None) -> Iterator[tuple[str, str, str]]:
    """Yield (variable, default, description) of every leaf setting below `model`."""
    separator = "_" if prefix == "TIELINE" else "__"
    for name, field in model.model_fields.items():
        variable = f"{prefix}{separator}{name.upper()}"
        default = getattr(defaults, name) if defaults is not None else field.get_default(call_default_factory=True)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from fields_of(field.annotation, variable, default if isinstance(default, BaseModel) else None)
        else:
            yield variable, shown(default), (field.description or "").replace("|", "\\|").replace("\n", " ")


def shown(default: Any) -> str:
    """Return a default as a reader would write it."""
    if default is None or default is PydanticUndefined or default == "":
        return "–"
    if isinstance(default, SecretStr):
        return f"`{default.get_secret_value()}`" if default.get_secret_value() else "–"
    if isinstance(default, timedelta):
        return f"`{default.total_seconds():g}` s"
    if isinstance(default, frozenset):
        return f"`{json.dumps(sorted(default))}`"  # a set's own order differs from run to run
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default}`"


def topics_table() -> str:
    """Return one table row per topic."""
    lines = [
        "| topic | key | written by | read by | partitions | kept |",
        "|---|---|---|---|---:|---|",
    ]
    lines += [
        f"| `{topic.name}` | {topic.key} | {topic.written_by} | {topic.read_by} | {topic.partitions} | "
        f"{'last of each key (compacted)' if topic.cleanup == 'compact' else days(topic.retention)} |"
        for topic in CATALOGUE
    ]
    return "\n".join(lines) + "\n"


def with_table(text: str, table: str) -> str:
    """Return a page with the configuration table between its markers."""
    before, start, rest = text.partition("<!-- configuration: generated by make docs-api -->\n")
    _, end, after = rest.partition("<!-- /configuration -->")
    details = f"<details>\n<summary>All environment variables</summary>\n\n{table}\n</details>\n"
    return f"{before}{start}{details}{end}{after}"


def days(retention: timedelta) -> str:
    """Return a retention in words."""
    hours = retention.total_seconds() / 3600
    return f"{hours / 24:g} days" if hours >= 24 else f"{hours:g} h"


if __name__ == "__main__":
    sys.exit(main())
