#!/usr/bin/env bash
# Checks the templates in infra/ and the commands of the guides, without an account and without a network. Runs every
# infra/checks/test_*.py. scripts/setup.sh --infra installs the tools. With EDGEREEL_BIN, the path of a built `edgereel`, the
# commands of the guides are also compared with its --help.
#
#   scripts/infra.sh              all checks
#   scripts/infra.sh test_aws     one file, or one test of it
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../infra/checks"
tools=${XDG_CACHE_HOME:-$HOME/.cache}/edgereel/infra/bin
[[ -x $tools/cfn-lint ]] || {
    echo "infra: the tools are missing: scripts/setup.sh --infra" >&2
    exit 1
}
export PATH=$tools:$PATH
if [[ $# == 0 ]]; then
    set -- discover
fi
exec "$tools/python" -m unittest "$@"
