#!/usr/bin/env bash
# Checks spelling (typos.toml), shell scripts and Python (ruff.toml). scripts/setup.sh --lint installs the linters; nothing
# is downloaded here.
#
#   scripts/lint.sh          reports
#   scripts/lint.sh --fix    also corrects what typos and ruff can correct
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools=${XDG_CACHE_HOME:-$HOME/.cache}/edgereel/lint/bin
[[ -x $tools/typos && -x $tools/ruff && -x $tools/shellcheck ]] || {
    echo "lint: the linters are missing: scripts/setup.sh --lint" >&2
    exit 1
}
fix=()
write=()
case ${1:-} in
    '') ;;
    --fix) fix=(--fix) write=(--write-changes) ;;
    *) echo "usage: scripts/lint.sh [--fix]" >&2; exit 2 ;;
esac

# All linters run, so that one run reports everything.
failed=0
"$tools/typos" "${write[@]}" || failed=1
# Every script that names a shell in its first line or for ShellCheck.
mapfile -t scripts < <(git grep -lE --untracked -e '^#!.*[/ ](bash|sh)$' -e '^# shellcheck shell=' -- ':!*.md')
"$tools/shellcheck" --external-sources "${scripts[@]}" || failed=1
"$tools/ruff" check --quiet "${fix[@]}" || failed=1
[[ $failed == 0 ]] || exit 1
echo "lint: spelling, ${#scripts[@]} shell scripts and Python: no problems"
