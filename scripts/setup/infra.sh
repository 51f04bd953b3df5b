# shellcheck shell=bash
# What checks infra/: scripts/infra.sh.

has_environment infra infra || install_environment infra infra "the checks of infra/" ||
    die "the checks of infra/ cannot be installed (they need Python 3.11 and PyPI): see scripts/infra.txt"
has_promtool || install_promtool ||
    note "promtool cannot be installed: the tests of the alerts will be skipped (Debian, Ubuntu: apt-get install prometheus)"
