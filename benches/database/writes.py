"""What the indexes of migration 0023 cost a change of a video."""

import re

from schema import MIGRATIONS

ROWS = 5_000
ROUNDS = 3

# As the API creates videos, and as an upload changes their state.
INSERT = """
INSERT INTO videos (id, adopted, owner, title, external_id, metadata, state, source_key, source_size, content_type,
    profile, mode, fence, lease_until_ms, created_ms, updated_ms, version, generate, title_folded, file_name,
    search_folded)
SELECT 'vid_f' || substr(md5(id), 1, 31), 0, owner, title, external_id, metadata, 'created', source_key, source_size,
    content_type, profile, mode, 0, 0, created_ms, created_ms, 1, generate, title_folded, file_name, search_folded
FROM picked;"""
UPDATE = """
UPDATE videos SET state = 'uploading', version = version + 1, updated_ms = updated_ms + 1
WHERE id IN (SELECT 'vid_f' || substr(md5(id), 1, 31) FROM picked);"""


def indexes():
    """The indexes of videos that 0023 creates."""
    text = (MIGRATIONS / "postgres/0023_large_tables.sql").read_text(encoding="utf-8")
    return re.findall(r"CREATE INDEX IF NOT EXISTS (videos_\w+)", text)


def measure(server):
    """Microseconds of CPU time of an insert and of a change of the state, without these indexes and with them."""
    best = {}
    for _ in range(ROUNDS):
        for name in ("without", "with"):
            drop = f"DROP INDEX {', '.join(indexes())};" if name == "without" else ""
            # Without `ANALYZE`, PostgreSQL could read all videos for the change.
            script = f"""BEGIN; {drop}
                CREATE TEMPORARY TABLE picked ON COMMIT DROP AS
                    SELECT * FROM videos WHERE right(id, 2) = '0f' AND state = 'ready' LIMIT {ROWS};
                ANALYZE picked; {INSERT} {UPDATE} ROLLBACK;"""
            begin = server.log_size()
            server.record(True)
            server.psql(text=script, name="writes")
            server.record(False)
            for it in server.logged(begin, server.log_size()):
                text = " ".join(it.text.split())
                kind = text.split(" ", 1)[0]
                # Those of the triggers are part of them.
                if text.startswith(("INSERT INTO videos", "UPDATE videos")):
                    spent = (it.elapsed if it.cpu is None else it.cpu) * 1000 / ROWS
                    best[kind, name] = min(spent, best.get((kind, name), spent))
    return best
