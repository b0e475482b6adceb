"""What the stages make of an answer, one after the other. Evaluated in the sandbox unless they are plain."""

from collections.abc import Mapping
from typing import Any

import orjson

from tieline_sync.domain.pipeline.expressions import ExpressionError, found, mapped
from tieline_sync.domain.pipeline.filtering import filtered
from tieline_sync.domain.pipeline.templates import LONGEST_TEXT, TemplateFailedError, rendered


def is_plain(settings: Mapping[str, Any]) -> bool:
    """Tell whether the stages hold nothing that a tenant has programmed, so that they need no sandbox."""
    return not (settings["response_mapping"] or settings["result_key"] or settings["result_template"])


def answer_stages(value: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return `after_filter`, `after_mapping`, `final_result` and `error`; stages that were not reached are None.

    `settings` is what `Endpoint.answer_stages` gives. A stage that is not configured changes nothing.
    """
    stages: dict[str, Any] = {"after_filter": None, "after_mapping": None, "final_result": None, "error": None}
    try:
        value = stages["after_filter"] = filtered(value, settings["response_filter"])
        if settings["response_mapping"]:
            value = mapped(value, settings["response_mapping"])
        stages["after_mapping"] = value
        if settings["result_key"]:
            value = found(value, settings["result_key"], "result_key")
        text = rendered(settings["result_template"], value) if settings["result_template"] else as_text(value)
        stages["final_result"] = cut(text, settings["max_result_length"])
    except (ExpressionError, TemplateFailedError) as error:
        stages["error"] = str(error)
    return stages


def as_text(value: Any) -> str:
    """Return a result as text: text as it is, nothing for null, anything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def cut(text: str, most: int) -> str:
    """Return the first `most` characters, all of them for 0; never more than a mebibyte of characters."""
    return text[: min(most, LONGEST_TEXT) if most else LONGEST_TEXT]
