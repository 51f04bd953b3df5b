# shellcheck shell=bash
# What checks infra/: scripts/infra.sh.

has_environment infra infra || install_environment infra infra "the checks of infra/" ||
    die "the checks of infra/ cannot be installed (they need Python 3.11 and PyPI): see scripts/infra.txt"
