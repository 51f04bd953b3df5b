"""Proves that no statement of the programs is slow in a large PostgreSQL database. `make bench-database` calls it.

    EDGEREEL_BIN=path    the program to measure (required)
    VIDEOS=2000000       number of videos
    WORK=path            the folder of the database; a temporary one by default. About 20 GB are needed
    KEEP=1               keep the folder: the next run with the same WORK continues with the filled database
    REPORT=path          the page between whose marks the report is written; without it, standard output

Needs Linux, PostgreSQL with its extensions (Debian's package postgresql), FFmpeg and Python 3.11. Exits with 1 if a
statement is slower than 50 ms when warm, or was not executed.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import direct
import exercise
import plans
import report
import schema
import source
import writes
from api import Client, Failed, Program, Receiver, wait
from server import Server

HERE = Path(__file__).resolve().parent
WARM_ROUNDS = 2
# Only SQLite runs these.
OF_SQLITE = ("sqlite_master", "INDEXED BY", "FROM webhook_deliveries d JOIN webhook_endpoints w ON w.id = d.endpoint")
# PostgreSQL runs the same statements with these words.
OF_POSTGRES = "FOR UPDATE SKIP LOCKED"
# The programs run these once, when they start: the bench records afterwards.
OF_START = ("_sqlx_migrations", "pg_tables", "compatibility", "pg_indexes")


def step(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def fill(server, program, videos):
    """Fills a new database. Returns what was measured meanwhile."""
    began = time.monotonic()
    server.create()
    schema.apply_early(server)
    indexes = schema.without_indexes(server, ["videos", "attempts"])
    step(f"filling with {videos} videos")
    server.psql("-v", f"videos={videos}", "-f", HERE / "fill_videos.sql")
    server.psql(text=f"SET maintenance_work_mem = '1GB';\n{indexes}")
    server.sql("ANALYZE")
    step("migrating")
    seconds, upgrade = schema.migrate(server, program)
    step(f"migrated in {seconds:.0f} s; filling the other tables")
    server.file(HERE / "fill_others.sql", videos=videos)
    server.file(HERE / "fill_captions.sql")
    server.sql("VACUUM ANALYZE")
    return {"upgrade": upgrade, "filled": time.monotonic() - began - seconds}


def film(folder):
    """A film of two seconds."""
    path = Path(folder) / "film.mp4"
    sources = ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=24:duration=2", "-f", "lavfi", "-i", "sine=duration=2"]
    subprocess.run(["ffmpeg", "-v", "error", "-y", *sources, "-c:v", "libx264", "-c:a", "aac", path], check=True)
    return path.read_bytes()


class Installation:
    """`edgereel dev` over the filled database, and an API with quotas."""

    def __init__(self, program, server, folder):
        data = Path(folder) / "dev"
        self.dev = Program(
            program,
            [
                "dev",
                "--json",
                "--data",
                data,
                "--listen",
                "127.0.0.1:0",
                "--database",
                server.url,
                "--until-stdin-ends",
            ],
            folder,
            "dev",
            {
                "EDGEREEL_DATABASE_CONNECTIONS": "4",
                "EDGEREEL_REQUESTS_PER_SECOND": "0",
                "EDGEREEL_ALLOW_PRIVATE_IMPORTS": "true",
            },
        )
        wait((data / "dev.json").exists, 60, "dev.json")
        info = json.loads((data / "dev.json").read_text())
        self.client, self.edge = Client(info["api"], info["token"]), Client(info["edge"], "")
        self.url = info["api"]
        key = "one:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
        store = info["s3"]
        self.quotas = Program(
            program,
            ["api", "--json", "--listen", "127.0.0.1:0", "--no-background"],
            folder,
            "api",
            {
                "EDGEREEL_DATABASE": server.url,
                "EDGEREEL_DATABASE_CONNECTIONS": "2",
                "EDGEREEL_S3_ENDPOINT": store["endpoint"],
                "EDGEREEL_S3_ACCESS_KEY_ID": store["access_key_id"],
                "EDGEREEL_S3_SECRET_ACCESS_KEY": store["secret_access_key"],
                "EDGEREEL_PRIVATE_BUCKET": store["private_bucket"],
                "EDGEREEL_MEDIA_BUCKET": store["media_bucket"],
                "EDGEREEL_KEY_ENCRYPTION_KEYS": key,
                "EDGEREEL_WEBHOOK_KEYS": key,
                "EDGEREEL_API_TOKEN": "er_bench",
                "EDGEREEL_EDGE_URL": info["edge"],
                "EDGEREEL_EDGE_LIST": "database",
                "EDGEREEL_GRANT_KEYS": "one:HS256:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
                "EDGEREEL_OWNER_VIDEOS": "10000000",
                "EDGEREEL_OWNER_BYTES": "9000000000000000",
            },
        )
        self.limited = Client(self.quotas.said["api"], "er_bench")

    def stop(self):
        self.quotas.stop()
        self.dev.stop()


def one_round(site, server, content, receiver):
    """Everything once; returns what failed. A part that fails does not stop the others."""
    client, problems = site.client, []
    many, few = exercise.keys(client)
    made = exercise.uploads(client, content, receiver)

    def run(part, *arguments, **more):
        try:
            part(*arguments, **more)
        except (Failed, KeyError, StopIteration, OSError) as problem:
            problems.append(f"{part.__name__}: {type(problem).__name__}: {problem}")

    run(exercise.quotas, site.limited)
    run(exercise.webhooks, client, receiver, made, server)
    run(exercise.shares, client, made, site.edge)
    run(exercise.shares, site.limited, made, site.edge)
    run(exercise.chapters, client, made)
    run(exercise.files, client, made)
    run(exercise.captions, client, made, server)
    run(exercise.one_video, client, made)
    run(exercise.operator, client)
    run(exercise.lists, client)
    run(exercise.spoken, client)
    for caller in (many, few):
        run(exercise.lists, Client(site.url, caller["key"]), owners=[None])
        run(exercise.spoken, Client(site.url, caller["key"]), owners=[None])
        run(exercise.keys_of, Client(site.url, caller["key"]))
    for sort in exercise.SORTS:
        run(exercise.deep, client, sort)
    run(exercise.deep, client, "title", owner="owner-0")
    # The sweeper runs once a minute.
    time.sleep(65)
    run(client.call, "DELETE", f"/v1/videos/{made}")
    for caller in (many, few):
        run(client.call, "DELETE", f"/v1/api-keys/{exercise.identity(caller)}")
    return problems


def is_of_postgres(statement):
    return not any(it in statement for it in OF_SQLITE) and not any(it in statement for it in OF_START)


def unseen_of(statements, found):
    """The statements of the source that are not among those of the log."""
    left = []
    for text in statements:
        beginning = text.removesuffix("...").rstrip()
        is_seen = any(it.startswith(beginning) for it in found) if text.endswith("...") else text in found
        if not is_seen:
            left.append(text)
    return left


def facts(server, filled):
    tables = server.sql("""SELECT relname, reltuples::bigint, pg_size_pretty(pg_total_relation_size(oid)) FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples > 1000
        AND relname NOT IN ('numbers', 'words', 'vocabulary', 'speech') ORDER BY pg_total_relation_size(oid) DESC""")
    return {
        "version": server.sql("SHOW server_version").split()[0],
        "size": server.sql("SELECT pg_size_pretty(pg_database_size('videos'))").strip(),
        "tables": [it.split("|") for it in tables.splitlines()],
        "filled": filled["filled"],
    }


def measure(server, program, folder):
    """All rounds; the statements that were executed, those of the source, and those of them that were not executed."""
    rows = server.sql("SELECT relname, reltuples::bigint FROM pg_class WHERE relkind = 'r'")
    sizes = {name: int(count) for name, count in (it.split("|") for it in rows.splitlines())}
    statements = {text for text, _ in source.statements() if is_of_postgres(text)}
    statements = sorted(statements - {it.replace(OF_POSTGRES, "") for it in statements if OF_POSTGRES in it})
    content = film(folder)
    # The cold round begins with a server that has just started.
    server.stop()
    server.start()
    receiver = Receiver(content)
    site = Installation(program, server, folder)
    found, problems = {}, []
    try:
        for number in range(1 + WARM_ROUNDS):
            step("the cold round" if number == 0 else f"warm round {number}")
            server.clear_log()
            server.record(True)
            problems += one_round(site, server, content, receiver)
            server.record(False)
            plans.collect(found, number, server.logged(0, server.log_size()), sizes)
    finally:
        site.stop()
        receiver.close()
    unseen = unseen_of(statements, found)
    step(f"{len(statements) - len(unseen)} statements ran in the programs, {len(unseen)} are left")
    # The rounds sent thousands of dead letters again. Autovacuum would have removed what is left of them
    # in the index, but it runs once a minute at most.
    server.sql("VACUUM messages")
    server.clear_log()
    server.record(True)
    for _ in range(1 + WARM_ROUNDS):
        direct.run(server, unseen)
    server.record(False)
    plans.collect(found, WARM_ROUNDS, server.logged(0, server.log_size()), sizes)
    return found, statements, unseen_of(statements, found), len(unseen), problems


def main():
    program = os.environ.get("EDGEREEL_BIN") or sys.exit("error: set EDGEREEL_BIN to the path of the program")
    videos = int(os.environ.get("VIDEOS", "2000000"))
    folder = Path(os.environ.get("WORK") or tempfile.mkdtemp(prefix="bench-database-"))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    server = Server(folder / "postgres")
    record = folder / "filled.json"
    try:
        if record.exists():
            step("continuing with the filled database")
            filled = json.loads(record.read_text())
            server.start()
            _, filled["upgrade"] = schema.migrate(server, program)
        else:
            filled = fill(server, program, videos)
            record.write_text(json.dumps(filled))
        found, statements, unseen, left, problems = measure(server, program, folder)
        step("the cost of indexes")
        cost = writes.measure(server)
        known = {**facts(server, filled), "direct": left - len(unseen)}
    finally:
        server.stop()
        if not os.environ.get("KEEP"):
            shutil.rmtree(folder, ignore_errors=True)
    text, slow = report.page(known, found, statements, unseen, filled["upgrade"], cost)
    if "REPORT" in os.environ:
        report.write(os.environ["REPORT"], text)
    else:
        print(text)
    for it in slow:
        print(f"slow: {it.slowest[0]:.1f} ms: {it.text[:300]}")
    for it in unseen:
        print(f"not executed: {it[:200]}")
    for it in sorted(set(problems)):
        print(f"failed: {it}")
    sys.exit(1 if slow or unseen or problems else 0)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
