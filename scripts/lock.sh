#!/usr/bin/env bash
# Writes the locks from the members' pyproject files: every version pinned, every file hashed, no index named.
# requirements.lock is what `make setup` installs; deploy/requirements.lock is the part of it that goes into the image:
# the services and the command, without the embedded servers, the stand-ins for providers and development tools;
# deploy/build.lock is what builds their wheels there.
set -euo pipefail
cd "$(dirname "$0")/.."
members=(tieline tieline-cli tieline-simulators tieline-gateway tieline-registry tieline-sync-worker tieline-webhook-router)
uv=.venv/bin/uv
options=(--generate-hashes --no-emit-index-url --no-header --no-annotate "${members[@]/#/--no-emit-package=}")
"$uv" pip compile -q "${options[@]}" "$@" pyproject.toml -o requirements.lock
"$uv" pip compile -q "${options[@]}" "$@" --universal --python-version 3.11 --constraint requirements.lock \
  libs/common/pyproject.toml libs/cli/pyproject.toml services/*/pyproject.toml -o deploy/requirements.lock
"$uv" pip compile -q --generate-hashes --no-emit-index-url --no-header --no-annotate --universal --python-version 3.11 \
  --constraint requirements.lock - -o deploy/build.lock <<<hatchling
