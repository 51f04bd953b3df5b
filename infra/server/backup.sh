#!/usr/bin/env bash
# Writes a backup of the database and of the keys into a new directory below DIR, readable by root only. Edgereel may run.
# The buckets are not part of it: see "Back up and restore" in docs/deploy/server.md.
#
#   infra/server/backup.sh DIR [SECRETS]      SECRETS: the directory with the secrets; /etc/edgereel/secrets by default
#
# Without the keys, a backup of the database is of little use: they unwrap the content keys of all videos.
set -euo pipefail
dir=${1:?usage: backup.sh DIR [SECRETS]}
secrets=${2:-/etc/edgereel/secrets}
umask 077
database=$(<"$secrets/database")
# Complete, or not there.
new=$dir/$(date -u +%Y%m%dT%H%M%SZ)
mkdir -p "$dir"
mkdir "$new.part"
trap 'rm -rf "$new.part"' EXIT
case $database in
    sqlite:*)
        # A consistent copy, while others write.
        sqlite3 -cmd '.timeout 60000' "${database#sqlite:}" "VACUUM INTO '$new.part/edgereel.db'"
        [[ $(sqlite3 "$new.part/edgereel.db" 'PRAGMA integrity_check') == ok ]]
        ;;
    postgres://* | postgresql://*)
        pg_dump --format=custom --no-owner --no-privileges --file="$new.part/edgereel.dump" "$database"
        pg_restore --list "$new.part/edgereel.dump" >/dev/null
        ;;
    *) echo "backup: $secrets/database names neither SQLite nor PostgreSQL" >&2; exit 1 ;;
esac
cp -R "$secrets" "$new.part/secrets"
mv "$new.part" "$new"
echo "$new"
