#!/usr/bin/env bash
# Makes .venv: the locked dependencies, checked by hash, then the workspace's own packages as editable installs.
# Does nothing when the lock and the members' pyproject files have not changed since. Safe to run twice at once.
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON="${PYTHON:-python3}"
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
  echo "Tieline needs Python 3.11 or newer; '$PYTHON' is $("$PYTHON" --version 2>&1). Set PYTHON=/path/to/python3.11." >&2
  exit 1
}

stamp=".venv/.setup-stamp"
wanted() {
  cat requirements.lock pyproject.toml libs/*/pyproject.toml services/*/pyproject.toml scripts/setup.sh |
    "$PYTHON" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())'
}
want="$(wanted)"
up_to_date() { [ -x .venv/bin/python ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; }
if up_to_date; then exit 0; fi

if command -v flock >/dev/null; then
  exec 9>.setup-lock
  flock 9
  if up_to_date; then exit 0; fi
fi

echo "Setting up .venv (under a minute the first time)…"
if ! [ -x .venv/bin/python ]; then
  "$PYTHON" -m venv .venv || {
    echo "'$PYTHON -m venv' failed; Debian and Ubuntu keep it in the package python3-venv." >&2
    exit 1
  }
fi
[ -x .venv/bin/pip ] || .venv/bin/python -m ensurepip -q
rm -f "$stamp"
members=()
for member in libs/* services/*; do members+=(-e "$member"); done
# Compiled here, once, and not by each of the service processes racing at their first start.
with_uv() {
  .venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes \
    -r <(sed -n '/^uv==/,/[^\\]$/p' requirements.lock) &&
  .venv/bin/uv pip install -q --python .venv/bin/python --compile-bytecode --require-hashes -r requirements.lock &&
  .venv/bin/uv pip install -q --python .venv/bin/python --no-deps --no-build-isolation "${members[@]}"
}
with_pip() {
  .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock &&
  .venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation "${members[@]}"
}
# uv takes a fifth of the time, but knows nothing of pip's configuration: of an index or a proxy that only pip is told of.
with_uv || {
  echo "uv could not; trying it with pip…" >&2
  with_pip
}
echo "$want" >"$stamp"
