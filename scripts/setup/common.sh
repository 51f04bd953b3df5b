# shellcheck shell=bash
# Functions of scripts/setup.sh and its parts. The current directory is the root of the checkout.

# Outside the checkout, so that several checkouts share one installation.
# shellcheck disable=SC2034 # The parts use it.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/edgereel

note() {
    printf 'setup: %s\n' "$@" >&2
}

die() {
    note "$@"
    exit 1
}

# Installs Debian packages without a question: as root, or by a sudo that needs no password or can ask at a terminal.
install_packages() {
    local as_root=()
    if [[ $(id -u) != 0 ]]; then
        command -v sudo >/dev/null || return 1
        if [[ -t 0 ]]; then as_root=(sudo); elif sudo -n true 2>/dev/null; then as_root=(sudo -n); else return 1; fi
    fi
    command -v apt-get >/dev/null || return 1
    note "installing $*"
    local apt_get=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120)
    "${apt_get[@]}" update >&2 || true
    "${apt_get[@]}" install --yes --no-install-recommends "$@" >&2
}

# promtool checks metrics, alerts and the dashboard. Debian's package would start a server for the whole machine, so only
# this program is taken from it.
has_promtool() {
    command -v promtool >/dev/null || [[ -x $cache/promtool/bin/promtool ]]
}
install_promtool() {
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
    note "installing promtool into $cache/promtool"
    local folder installed=0
    folder=$(mktemp -d)
    (
        cd "$folder" &&
            apt-get -qq download prometheus >&2 &&
            dpkg-deb --extract prometheus_*.deb . &&
            mkdir -p "$cache/promtool/bin" &&
            mv usr/bin/promtool "$cache/promtool/bin/promtool"
    ) || installed=$?
    rm -rf "$folder"
    return $installed
}

# Python environments: each has a list of packages, scripts/LIST.txt, and is created again when that list changes.
# has_environment LIST FOLDER
has_environment() {
    local folder=$cache/$2
    # The programs of an environment name their interpreter. After a move, that interpreter does not exist.
    cmp -s "scripts/$1.txt" "$folder/installed.txt" && [[ $(head -n1 "$folder/bin/pip") == "#!$folder/bin/python"* ]]
}
# install_environment LIST FOLDER DESCRIPTION
install_environment() {
    command -v python3 >/dev/null || return 1
    local folder=$cache/$2
    note "installing $3 into $folder"
    # Built beside its place: an installation that was interrupted is never used.
    local new=$folder.$$
    if ! fill_environment "$1" "$new" "$folder"; then
        rm -rf "$new"
        return 1
    fi
    rm -rf "$folder"
    mv "$new" "$folder"
}
# fill_environment LIST NEW FOLDER: makes the environment in NEW, to be moved to FOLDER.
fill_environment() {
    if ! python3 -m venv "$2" 2>/dev/null; then
        rm -rf "$2"
        install_packages python3-venv && python3 -m venv "$2" || return 1
    fi
    "$2/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "scripts/$1.txt" >&2 || return 1
    grep -lIr "^#!$2/" "$2/bin" | xargs sed -i "1s|^#!$2/|#!$3/|" || return 1
    cp "scripts/$1.txt" "$2/installed.txt"
}

# The packages of a directory with a package-lock.json, installed again when that file changes.
has_modules() {
    cmp -s "$1/package-lock.json" "$1/node_modules/installed.json"
}
install_modules() {
    command -v npm >/dev/null || return 1
    note "installing the packages of $1 into $1/node_modules"
    (cd "$1" && npm ci --silent --no-audit --no-fund >&2 && cp package-lock.json node_modules/installed.json)
}
