#!/usr/bin/env bash
# Every member declares what it imports, and imports what it declares: a shared virtual environment would hide both.
set -euo pipefail
cd "$(dirname "$0")/.."
root="$PWD"
failed=0
for member in libs/* services/*; do
  # uvloop and httptools are used by uvicorn when they are there, noida-db is a program that is started.
  if ! output="$(cd "$member" && "$root/.venv/bin/deptry" src --no-ansi --per-rule-ignores 'DEP002=uvloop|httptools|noida-db' 2>&1)"; then
    echo "$member"
    grep -E 'DEP[0-9]+' <<<"$output" | sed 's/^/  /'
    failed=1
  fi
done
exit "$failed"
