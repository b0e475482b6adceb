"""The published documents beside the project: the requests they show, and the JSON that follows them."""

import ast
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

SPECS = Path(__file__).resolve().parents[4] / "shared" / "specs"
DOCUMENTS = {
    "A": "surface-a-save-v2.md",
    "B": "surface-b-bulk-save.md",
    "C": "surface-c-org-integrations.md",
    "D": "surface-d-admin-sync.md",
}
WORKSPACE_DOCUMENT = SPECS / "surface-e-workspace.openapi.json"
_JSON_STARTS = re.compile(r"(?m)(?:^[ \t]*|-d '|^data: )(?=[\[{])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A `curl` command of a document; `answer` is the JSON it shows next, None if it shows none."""

    surface: str
    method: str
    target: str
    headers: dict[str, str]
    body: Any
    answer: Any

    @property
    def name(self) -> str:
        """Return what the example is called in reports."""
        return f"{self.surface} {self.method} {self.target}"


@cache
def text_of(surface: str) -> str:
    """Return a document's text, empty if it is not there."""
    path = SPECS / DOCUMENTS[surface]
    return path.read_text() if path.exists() else ""


def json_values(text: str) -> Iterator[Any]:
    """Yield the JSON objects and arrays that begin a line, a `-d` or an event's data; surface B comments in them."""
    text = re.sub(r'(?m)(?<=["\d,]) +// .*$', "", text)
    end = 0
    for found in _JSON_STARTS.finditer(text):
        if found.end() < end:
            continue  # inside of the one before
        try:
            value, end = json.JSONDecoder().raw_decode(text, found.end())
        except json.JSONDecodeError:
            continue
        yield value


def command_lines(surface: str) -> list[Example]:
    """Return the `curl` commands of a document, in its order."""
    _, *parts = re.split(r"(?m)^(?= *curl )", text_of(surface))
    return [_example(surface, part) for part in parts]


def _example(surface: str, text: str) -> Example:
    command = ""
    rest = text
    while True:
        line, _, rest = rest.partition("\n")
        command += line + "\n"
        if line.endswith("\\"):
            continue
        try:
            words = shlex.split(command.replace("\\\n", " "))
        except ValueError:  # a quotation that goes on in the next line
            continue
        break
    method, target, headers, body = "GET", "", {}, None
    arguments = iter(words[1:])
    for word in arguments:
        if word == "-X":
            method = next(arguments)
        elif word == "-H":
            name, _, value = next(arguments).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = json.loads(next(arguments))
        else:
            url = urlsplit(word)
            target = url.path + (f"?{url.query}" if url.query else "")
    return Example(
        surface=surface,
        method=method,
        target=target,
        headers=headers,
        body=body,
        answer=next(json_values(rest), None),
    )


def save_examples() -> dict[str, tuple[Any, Any]]:
    """Return the bodies that surface A's document shows otherwise than by `curl`, by name, with the answer shown.

    Where none is shown for a body, the answer is that of the complete workflow.
    """
    text = text_of("A")
    if not text:
        return {}
    success = next(value for value in json_values(text) if "success" in value)
    typescript = re.search(r"JSON\.stringify\((\{.*?\n      \})\)", text, re.DOTALL)
    python = re.search(r"json=(\{.*?\n      \})", text, re.DOTALL)
    assert typescript is not None
    assert python is not None
    quoted = re.sub(r"(\w+):(?=\s)", r'"\1":', typescript[1]).replace("'", '"')
    fenced = re.findall(r"```json (\w+) theme=\{null\}\n(.*?)```", text, re.DOTALL)
    found = {
        "typescript": (json.loads(quoted), success),
        "python": (ast.literal_eval(python[1]), success),
        **{title: (json.loads(body), success) for title, body in fenced},
    }
    document = yaml.safe_load(text.partition("````yaml")[2].partition("\n")[2].partition("````")[0])
    operation = document["paths"]["/api/v2/integrations/save"]["post"]
    requests = operation["requestBody"]["content"]["application/json"]["examples"]
    answers = operation["responses"]["200"]["content"]["application/json"]["examples"]
    return found | {f"openapi {name}": (requests[name]["value"], answers[name]["value"]) for name in requests}
