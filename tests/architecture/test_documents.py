"""What the documents tell people to type, set, look at or open is there."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from tieline.topics import CATALOGUE
from tieline_cli.commands import app
from tieline_gateway.bootstrap import build_api
from tieline_gateway.entrypoints.passed_on import DELIVERING, OPEN, ROUTING

from scripts.gen_docs import SETTINGS, fields_of
from scripts.metrics_table import metrics
from tests.architecture.sources import ROOT, project_files

_DOCUMENTS = sorted(path for path in project_files() if path.suffix == ".md" and path.name != "CHANGELOG.md")
_RUNBOOKS = sorted((ROOT / "docs/runbooks").glob("*.md"))
_ALERTS = ROOT / "deploy/k8s/components/monitoring/alerts.yaml"
_OTEL = re.compile(r"OTEL_[A-Z_]+")

_CODE = re.compile(r"```\w*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
_COMMAND = re.compile(r"(?:^|[\s;|(]|\.venv/bin/)(?<!-n )tieline ((?:[a-z][\w-]*|--?[a-z][\w-]*)[^|;\n)]*)")
_PATH = re.compile(r"(?:GET|POST|PUT|PATCH|DELETE) (?:\$api)?(/[\w{}/$.*-]+)")
_FILE = re.compile(r"`((?:deploy|docs|tests|libs|services|benchmarks|scripts)/[\w./-]+)`")


def _named(document: Path) -> str:
    return str(document.relative_to(ROOT))


def _code(document: Path) -> Iterator[str]:
    """Yield what stands as code in a document, blocks and spans; long lines of a shell are put together."""
    for block, span in _CODE.findall(document.read_text(encoding="utf-8")):
        yield (block or span).replace("\\\n", " ")


def _commands() -> Iterator[tuple[str, str]]:
    for document in _DOCUMENTS:
        for code in _code(document):
            for words in _COMMAND.findall(code):
                yield _named(document), words.strip()


@pytest.mark.parametrize("document", _DOCUMENTS, ids=_named)
def test_links_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8"))
    files = [target.partition("#")[0] for target in targets if "://" not in target and not target.startswith("#")]

    assert [file for file in files if not (document.parent / file).exists()] == []


@pytest.mark.parametrize("document", _DOCUMENTS, ids=_named)
def test_files_that_are_named_are_there(document: Path) -> None:
    named = _FILE.findall(document.read_text(encoding="utf-8"))

    assert [file for file in named if not (ROOT / file).exists()] == []


def test_commands_of_tieline_are_ones_that_it_has() -> None:
    cli = typer.main.get_command(app)
    commands = list(_commands())

    wrong = [(where, words) for where, words in commands if (problem := _problem(cli, words)) and problem]

    assert len(commands) > 40
    assert wrong == []


def _problem(command: Any, words: str) -> str | None:
    """Return what is wrong with a command line; None if the command has these sub-commands and options."""
    try:
        left = shlex.split(words.replace("[", "").replace("]", ""), comments=True)
    except ValueError:
        left = words.split()
    while hasattr(command, "commands"):
        if not left or left[0].startswith("-") or left[0] == "…":
            return None
        found = command.commands.get(left.pop(0).rstrip(".,:\\"))
        if found is None:
            return "there is no such command"
        command = found
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    used = {word.partition("=")[0] for word in left if word.startswith("--")}
    return ", ".join(sorted(used - options - {"--help"})) or None


def test_a_command_that_is_not_there_would_be_noticed() -> None:
    cli = typer.main.get_command(app)

    assert _problem(cli, "topics apply") is None
    assert _problem(cli, "topics destroy")
    assert _problem(cli, "topics rebuild --forever")


def test_targets_of_make_are_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        (_named(document), target)
        for document in _DOCUMENTS
        for code in _code(document)
        for target in re.findall(r"(?:^|[\s;$])make ([a-z][a-z-]*)", code)
    }

    assert len(named) > 5
    assert {(where, target) for where, target in named if target not in targets} == set()


def test_variables_are_settings() -> None:
    known = {name for settings in SETTINGS.values() for name, _, _ in fields_of(settings, "TIELINE")}
    known |= {"TIELINE_TEST_KAFKA", *_variables_of(typer.main.get_command(app))}
    named = {
        (_named(document), name)
        for document in _DOCUMENTS
        for name in re.findall(r"\bTIELINE_[A-Z][A-Z_]*[A-Z]\b", document.read_text(encoding="utf-8"))
    }

    assert {(where, name) for where, name in named if name not in known} == set()


def _variables_of(command: Any) -> set[str]:
    """Return the variables that a command, or one below it, takes options from."""
    if hasattr(command, "commands"):
        return {name for each in command.commands.values() for name in _variables_of(each)}
    return {parameter.envvar for parameter in command.params if isinstance(parameter.envvar, str)}


def test_metrics_are_told_with_these_labels() -> None:
    known = {metric.name: metric.labels for metric in metrics()}
    for document in _RUNBOOKS:
        for name, matchers in re.findall(r"`(tieline_\w+)(?:\{([^}]*)\})?`", document.read_text(encoding="utf-8")):
            assert name in known, (_named(document), name)
            assert set(re.findall(r"(\w+)\s*[=!]", matchers)) <= set(known[name]), (_named(document), name)


def test_paths_that_runbooks_ask_are_served() -> None:
    served = set(build_api().openapi()["paths"]) | {*OPEN, *ROUTING, "/healthz", "/readyz", "/metrics"}
    served |= {f"/v1/{{workspace_id}}/{part}" for part in DELIVERING}
    for document in _RUNBOOKS:
        for path in _PATH.findall(document.read_text(encoding="utf-8")):
            assert any(_served(path, template) for template in served), (_named(document), path)


def _served(path: str, template: str) -> bool:
    """Tell whether `path` is one of `template`, or below one that is passed on whole."""
    below = template.rpartition("/")[2] in DELIVERING or template in OPEN
    pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template.removesuffix("{rest:path}").rstrip("/")))
    return re.fullmatch(pattern + ("(/.*)?" if below else ""), path.rstrip("/").replace("…", "x")) is not None


def test_topics_and_groups_are_ones_that_there_are() -> None:
    topics = {topic.name for topic in CATALOGUE}
    known = topics | {name.removesuffix(".dead-letter") for name in topics}
    pattern = re.compile(
        r"`((?:registry|gateway|sync|sync-worker|webhooks|webhook-router|tieline)\.[a-z.-]+(?:\.v1|-[a-z]+))`"
    )
    for document in _RUNBOOKS:
        for name in pattern.findall(document.read_text(encoding="utf-8")):
            assert name in known, (_named(document), name)


def test_every_alert_is_explained_by_the_page_that_it_names_and_found_in_the_index() -> None:
    index = (ROOT / "docs/runbooks/README.md").read_text(encoding="utf-8")
    groups = yaml.safe_load(_ALERTS.read_text())["spec"]["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        page = ROOT / rule["annotations"]["runbook"]
        (row,) = [line for line in index.splitlines() if f"`{rule['alert']}`" in line]

        assert f"({page.name})" in row, rule["alert"]


def test_every_runbook_is_in_the_index_and_says_when_it_is_over() -> None:
    index = (ROOT / "docs/runbooks/README.md").read_text(encoding="utf-8")
    for page in _RUNBOOKS:
        if page.name == "README.md":
            continue
        assert f"({page.name})" in index
        text = page.read_text(encoding="utf-8")
        assert re.search(r"How you know that (it|everything)", text) or page.name == "rotate-keys.md", page.name
