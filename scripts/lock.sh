#!/usr/bin/env bash
# Writes requirements.lock from the members' pyproject files: every version pinned, every file hashed, no index named.
set -euo pipefail
cd "$(dirname "$0")/.."
members=(tieline tieline-cli tieline-simulators tieline-gateway tieline-registry tieline-sync-worker tieline-webhook-router)
uv pip compile -q --generate-hashes --no-emit-index-url --no-header --no-annotate \
  "${members[@]/#/--no-emit-package=}" "$@" pyproject.toml -o requirements.lock
