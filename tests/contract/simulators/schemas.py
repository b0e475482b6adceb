"""Checks JSON against the schemas that the vendors publish."""

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from tests.shared_data import shared_data


def errors_against(spec: str, pointer: str, instance: object) -> list[str]:
    """Return what is wrong with an instance under the schema at a JSON pointer of a vendor's document."""
    document = _document(shared_data("specs", spec))
    validator = Draft202012Validator({**document, "$ref": f"#{pointer}"})
    return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(instance)]


@cache
def _document(path: Path) -> dict[str, Any]:
    text = gzip.decompress(path.read_bytes()).decode()
    loaded = yaml.load(text, Loader=yaml.CSafeLoader) if ".yaml" in path.name else json.loads(text)
    return _as_json_schema(loaded)  # type: ignore[no-any-return]  # an object stays one


def _as_json_schema(node: Any) -> Any:
    """Turn what only OpenAPI 3.0 says into JSON Schema: `nullable`; and `oneOf`, whose parts overlap, into `anyOf`."""
    if isinstance(node, list):
        return [_as_json_schema(each) for each in node]
    if not isinstance(node, dict):
        return node
    translated = {("anyOf" if name == "oneOf" else name): _as_json_schema(value) for name, value in node.items()}
    if node.get("nullable") is True:
        return {"anyOf": [{name: value for name, value in translated.items() if name != "nullable"}, {"type": "null"}]}
    return translated
