#!/usr/bin/env bash
# Makes .venv: the locked dependencies, checked by hash, then the workspace's own packages as editable installs.
# Does nothing when the lock and the members' pyproject files have not changed since.
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON="${PYTHON:-python3}"
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "Tieline needs Python 3.11 or newer; '$PYTHON' is $("$PYTHON" --version 2>&1). Set PYTHON=/path/to/python3.11." >&2
  exit 1
}

stamp=".venv/.setup-stamp"
want="$(cat requirements.lock pyproject.toml libs/*/pyproject.toml services/*/pyproject.toml scripts/setup.sh | sha256sum | cut -d' ' -f1)"
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then exit 0; fi

echo "Setting up .venv (about a minute the first time)…"
[ -x .venv/bin/python ] || "$PYTHON" -m venv .venv
[ -x .venv/bin/pip ] || .venv/bin/python -m ensurepip -q
# Compiled once here, not by each of the service processes racing at their first start.
.venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
.venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation \
  $(for member in libs/* services/*; do printf ' -e %s' "$member"; done)
echo "$want" >"$stamp"
