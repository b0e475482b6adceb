"""Tools from package registries that these tests use where they can be had; a test skips with the reason else."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.once import one_at_a_time

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
_BIN = HERE / "target" / "bin"
_BUILD_SECONDS = 540
_NPM_SECONDS = 300


def kustomize() -> list[str]:
    """Return the command that renders a folder: `kustomize build`, else the same within kubectl, else built by Go."""
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    if shutil.which("kubectl"):
        return ["kubectl", "kustomize"]
    return [str(go_tool("sigs.k8s.io/kustomize/kustomize/v5@v5.7.1", "kustomize")), "build"]


def go_tool(module: str, name: str) -> Path:
    """Return a program built once from a Go module; skips the test where there is no Go or the module can't be had."""
    program = _BIN / module.replace("/", "_") / name
    with one_at_a_time(program.parent):
        return program if program.exists() else _built(module, program)


def _built(module: str, program: Path) -> Path:
    if shutil.which("go") is None:
        pytest.skip(f"needs Go, to build {module}")
    environment = {**os.environ, "GOBIN": str(program.parent), "GOFLAGS": "-mod=mod"}
    built = subprocess.run(
        ["go", "install", module], env=environment, capture_output=True, text=True, check=False, timeout=_BUILD_SECONDS
    )
    if built.returncode:
        pytest.skip(f"{module} could not be built: {built.stderr[-300:]}")
    return program


def node_modules() -> Path:
    """Return the folder of the schemas of custom resources, installed once by npm; skips the test without npm."""
    folder = HERE / "crds" / "node_modules"
    with one_at_a_time(HERE / "target"):
        return folder if (folder / ".installed").exists() else _installed(folder)


def _installed(folder: Path) -> Path:
    if shutil.which("npm") is None:
        pytest.skip("needs Node.js and npm, for the schemas of custom resources")
    installed = subprocess.run(
        ["npm", "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=HERE / "crds",
        capture_output=True,
        text=True,
        check=False,
        timeout=_NPM_SECONDS,
    )
    if installed.returncode:
        pytest.skip(f"npm did not install the schemas of custom resources: {installed.stderr[-300:]}")
    (folder / ".installed").touch()
    return folder
