# shellcheck shell=bash
# The linters of scripts/lint.sh.

has_environment lint lint || install_environment lint lint "the linters" ||
    die "the linters cannot be installed (they need Python 3 and PyPI): see scripts/lint.txt"
