"""Surface B's document and the canonical integration.

| document | canonical |
|---|---|
| `name` | `name`, by which an existing one is found; also the `display_name` of a new one |
| `type` | `provider`, never changed |
| `category` | `category`; that of the type when absent |
| `configuration` | `config`, replaced whole; password-type values are secrets under `config.<key>` |
| `apis` | `apis`, without the name of the integration they stand in |
| `tags` | `tags` |
| `enabled` | `enabled`; an enabled integration gets the status `active` |
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, StrictBool, field_validator
from tieline.contracts.base import JsonObject
from tieline.contracts.commands import IntegrationDraft, Target
from tieline.contracts.integrations import Integration, Tag
from tieline.ids import derived_id
from typing_extensions import TypedDict

from tieline_gateway.domain.bulk_types import TYPES, problems
from tieline_gateway.domain.credentials import decode_path, split
from tieline_gateway.domain.errors import FieldError, RequestInvalidError

MOST: Final = 500
"""Integrations in one request."""


class BulkTag(BaseModel):
    """A label."""

    key: str = Field(min_length=1, max_length=255)
    value: str = Field(default="", max_length=1024)


class Api(BaseModel):
    """A model, index, table or API of the integration."""

    model_config = ConfigDict(extra="allow")

    integrationName: str = Field(description="Name of the enclosing integration")  # noqa: N815 - the document's name
    api: str = Field(min_length=1, max_length=512, description="Name of the model or API")
    description: str = Field(max_length=4096, description="A human-readable description")
    enabled: StrictBool | None = Field(default=None, description="Whether it is available for use")


class BulkItem(BaseModel):
    """One integration of the array."""

    name: str = Field(min_length=1, max_length=255, description="The unique name of the integration")
    type: str = Field(description="The integration type: " + ", ".join(TYPES))
    category: str | None = Field(default=None, min_length=1, max_length=64, description="Inferred from the type")
    description: str | None = Field(default=None, max_length=4096)
    enabled: StrictBool | None = Field(default=None, description="Whether it is available for use")
    configuration: JsonObject | None = Field(default=None, description="Keys depend on the type")
    tags: list[BulkTag] | None = Field(default=None, max_length=200)
    apis: list[Api] | None = Field(default=None, max_length=1000)

    @field_validator("type")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in TYPES:
            raise ValueError(f"unknown type; one of {', '.join(TYPES)}")
        return value


def drafts_of(items: Sequence[BulkItem], *, command_id: str) -> list[tuple[IntegrationDraft, dict[str, str]]]:
    """Return the draft of each item with its secrets by path. Raises RequestInvalidError with all that is wrong.

    An item without a configuration changes an existing integration and is refused for a new one.
    """
    wrong = [*_repeated(items)]
    for index, item in enumerate(items):
        wrong += _wrong(index, item)
    drafts = []
    for index, item in enumerate(items):
        parts = split("config", item.configuration or {}, also_secret=TYPES[item.type].secret)
        wrong += [
            FieldError(
                loc=("body", index, "configuration", *decode_path(path)[1:]),
                message=f"{item.name}: holds a mask instead of a value",
                kind="value_error",
            )
            for path in parts.kept
        ]
        drafts.append((_draft(index, item, parts.clear, command_id=command_id), parts.secrets))
    if wrong:
        raise RequestInvalidError(wrong)
    return drafts


def _draft(index: int, item: BulkItem, clear: JsonObject, *, command_id: str) -> IntegrationDraft:
    return IntegrationDraft(
        target=Target(by="name", value=item.name),
        if_absent="refuse" if item.configuration is None else "create",
        immutable_provider=True,
        new_id=derived_id(command_id, "integration", str(index)),
        name=item.name,
        description=item.description,
        provider=item.type,
        category=item.category or TYPES[item.type].category,
        status="active" if item.enabled else None,
        enabled=item.enabled,
        config=None if item.configuration is None else clear,
        apis=None
        if item.apis is None
        else [api.model_dump(mode="json", exclude={"integrationName"}, exclude_none=True) for api in item.apis],
        tags=None if item.tags is None else [Tag(key=tag.key, value=tag.value) for tag in item.tags],
        replace=["config"],
    )


def _repeated(items: Sequence[BulkItem]) -> list[FieldError]:
    times = Counter(item.name for item in items)
    return [
        FieldError(
            loc=("body", index, "name"), message=f"{item.name} stands {times[item.name]} times", kind="value_error"
        )
        for index, item in enumerate(items)
        if times[item.name] > 1
    ]


def _wrong(index: int, item: BulkItem) -> list[FieldError]:
    found: list[tuple[tuple[str | int, ...], str]] = []
    if item.configuration is not None:
        found += [(("configuration", key), words) for key, words in problems(TYPES[item.type], item.configuration)]
    found += [
        (("apis", position, "integrationName"), f"is {api.integrationName}, which is not the enclosing integration")
        for position, api in enumerate(item.apis or ())
        if api.integrationName != item.name
    ]
    return [
        FieldError(loc=("body", index, *loc), message=f"{item.name}: {loc[-1]} {words}", kind="value_error")
        for loc, words in found
    ]


def without_configuration(items: Sequence[BulkItem]) -> RequestInvalidError:
    """Return the error for new integrations that came without their configuration."""
    return RequestInvalidError(
        [
            FieldError(
                loc=("body", index, "configuration"),
                message=f"{item.name}: configuration is required for a new integration",
                kind="value_error",
            )
            for index, item in enumerate(items)
            if item.configuration is None
        ]
    )


class Summary(TypedDict):
    """What the answer tells of one saved integration; the document shows no body."""

    id: str
    name: str
    type: str
    category: str | None
    enabled: bool
    created: bool


def summary_of(integration: Integration, *, created: bool) -> Summary:
    """Return what the answer tells of a saved integration."""
    return {
        "id": integration.id,
        "name": integration.name,
        "type": integration.provider,
        "category": integration.category,
        "enabled": integration.enabled,
        "created": created,
    }
