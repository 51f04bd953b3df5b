# shellcheck shell=bash
# What tests start: servers, clients, and the languages of the examples in docs/grants.md.

has_postgres() {
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null
}
install_postgres() {
    # Debian would create and start a server for the whole machine. Tests start their own.
    install_packages postgresql-common || return 1
    local settings=/etc/postgresql-common/createcluster.d/edgereel.conf as_root=()
    [[ $(id -u) == 0 ]] || as_root=(sudo)
    "${as_root[@]}" mkdir -p "${settings%/*}" || return 1
    echo 'create_main_cluster = false' | "${as_root[@]}" tee "$settings" >/dev/null || return 1
    local installed=0
    install_packages postgresql || installed=$?
    "${as_root[@]}" rm -f "$settings"
    return $installed
}

# Debian's JWT library needs no other source of packages.
has_go() {
    command -v go >/dev/null && [[ -d /usr/share/gocode/src/github.com/golang-jwt/jwt ]]
}

has_postgres || { install_postgres && has_postgres; } ||
    note "PostgreSQL cannot be installed: the tests with it will be skipped (Debian, Ubuntu: apt-get install postgresql)"
# For the test that makes a backup.
command -v sqlite3 >/dev/null || install_packages sqlite3 ||
    note "sqlite3 cannot be installed: the test that restores a backup will be skipped"
has_go || { install_packages golang-go golang-github-golang-jwt-jwt-dev && has_go; } ||
    note "Go and its JWT library cannot be installed: the test of grants in Go will be skipped"
has_promtool || install_promtool ||
    note "promtool cannot be installed: the test of the format of metrics will be skipped (Debian, Ubuntu: apt-get install prometheus)"
for tool in localstack schemathesis streamlink openapi-python-client; do
    has_environment "$tool" "$tool" || install_environment "$tool" "$tool" "$tool" ||
        note "$tool cannot be installed (it needs Python 3.11 or newer and PyPI): the tests with it will be skipped"
done
