"""The rules of who imports whom, in `.importlinter`, hold."""

import subprocess
import sys
from pathlib import Path

from tests.architecture.sources import ROOT


def test_import_rules_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")

    answer = subprocess.run([linter, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert answer.returncode == 0, answer.stdout


def test_every_member_imports_alone() -> None:
    members = [path.name for path in sorted(ROOT.glob("*/*/src/*")) if (path / "__init__.py").exists()]
    program = "import importlib, sys; importlib.import_module(sys.argv[1])"

    failed = {
        member: answer.stderr
        for member in members
        if (
            answer := subprocess.run(
                [sys.executable, "-W", "error::DeprecationWarning:tieline", "-c", program, member],
                capture_output=True,
                text=True,
                check=False,
            )
        ).returncode
    }

    assert len(members) >= 7
    assert failed == {}
