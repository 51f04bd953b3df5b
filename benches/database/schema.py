"""The schema: the migrations as an earlier version had applied them, and the rest by the program."""

import hashlib
import os
import subprocess
import time
from pathlib import Path

MIGRATIONS = Path(__file__).resolve().parents[2] / "crates/catalog/migrations"
# The last migration before the first one that rewrites all videos.
BEFORE_REWRITE = 12


def files():
    """The migrations of PostgreSQL by number."""
    found = [*MIGRATIONS.glob("*.sql"), *(MIGRATIONS / "postgres").glob("*.sql")]
    return sorted((int(it.name[:4]), it) for it in found)


def apply_early(server):
    """Applies the migrations up to `BEFORE_REWRITE` as the program of that time did, with sqlx's records of them."""
    server.sql("""CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
        installed_on TIMESTAMPTZ NOT NULL DEFAULT now(), success BOOLEAN NOT NULL, checksum BYTEA NOT NULL,
        execution_time BIGINT NOT NULL)""")
    for number, path in files():
        if number <= BEFORE_REWRITE:
            server.file(path)
            checksum = hashlib.sha384(path.read_bytes()).hexdigest()
            description = path.stem[5:].replace("_", " ")
            server.sql(
                f"INSERT INTO _sqlx_migrations VALUES ({number}, '{description}', now(), TRUE, '\\x{checksum}', 0)"
            )


def migrate(server, program):
    """Runs `edgereel migrate`; returns its seconds, and the seconds of each migration."""
    began = time.monotonic()
    quiet = {**os.environ, "RUST_LOG": "error"}
    subprocess.run([program, "migrate", "--database", server.url], check=True, stdout=subprocess.DEVNULL, env=quiet)
    seconds = time.monotonic() - began
    rows = server.sql(
        "SELECT version, description, execution_time FROM _sqlx_migrations "
        f"WHERE version > {BEFORE_REWRITE} ORDER BY version"
    )
    each = [it.split("|") for it in rows.splitlines()]
    return seconds, [(int(number), name, int(nanos) / 1e9) for number, name, nanos in each]


def without_indexes(server, tables):
    """Drops the indexes of these tables, without primary keys, and returns the statements that create them."""
    names = ", ".join(f"'{it}'" for it in tables)
    which = f"""FROM pg_indexes i LEFT JOIN pg_constraint c ON c.conname = i.indexname
        WHERE i.schemaname = 'public' AND i.tablename IN ({names}) AND c.oid IS NULL"""
    definitions = server.sql(f"SELECT i.indexdef || ';' {which}")
    for name in server.sql(f"SELECT i.indexname {which}").splitlines():
        server.sql(f"DROP INDEX {name}")
    return definitions
