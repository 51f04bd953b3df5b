"""Statements that the programs run in rare cases only: executed one by one, with the text of the source and values of
the filled database, in transactions that are rolled back."""

# By the beginning of the statement, or by a part of it after `...`: the SQL expressions of its parameters, and the rest
# of a statement that is completed at run time. `{video}` is a video that is ready, `{busy}` one in work, `{now}` the
# time.
VALUES = [
    ("DELETE FROM idempotent_requests WHERE id = $1 AND token", ["md5('i70000')", "md5('t70000')"]),
    ("UPDATE idempotent_requests SET token", ["'t'", "{now} + 1000", "md5('i70000')", "md5('f70000')", "{now}"]),
    ("SELECT fingerprint, held_until_ms", ["md5('i70000')"]),
    (
        "INSERT INTO messages (id, queue, body, sent_ms, visible_ms, receives, dead",
        ["'one'", "'sqs'", "'{{}}'", "{now}", "{now}", "1", "{now}", "'why'"],
    ),
    ("DELETE FROM messages WHERE queue = $1 AND dead_lettered_ms IS NOT NULL AND id = $2", ["'bulk'", "md5('dead2')"]),
    ("DELETE FROM messages WHERE queue = $1 AND dead_lettered_ms IS NOT NULL AND id IN", ["'bulk'", "500"]),
    ("UPDATE messages SET dead_lettered_ms = $1, reason = $2", ["{now}", "'why'", "md5('bulk7')", "'r'"]),
    ("UPDATE messages SET dead_lettered_ms = $1, reason = CASE", ["{now}", "'bulk'", "5"]),
    (
        "UPDATE messages SET dead_lettered_ms = NULL, settled_ms = NULL, died_after_ms = NULL, reason = NULL, "
        "receives = 0, receipt = NULL, holder = NULL, visible_ms = $1 "
        "WHERE queue = $2 AND dead_lettered_ms IS NOT NULL AND id = $3",
        ["{now}", "'bulk'", "md5('dead2')"],
    ),
    ("UPDATE messages SET dead_lettered_ms = NULL", ["{now}", "'bulk'", "500"]),
    ("UPDATE messages SET settled_ms", ["{now}", "md5('dead2')", "'bulk'"]),
    ("UPDATE messages SET visible_ms = $1 WHERE queue = $2 AND holder", ["{now}", "'bulk'", "'worker-1'"]),
    ("UPDATE messages SET visible_ms = $1 WHERE id = $2", ["{now}", "md5('bulk7')", "'r'", "{now}"]),
    ("UPDATE messages SET visible_ms = $1, receipt = NULL", ["{now}", "'why'", "5", "{now}", "md5('bulk7')", "'r'"]),
    (
        "SELECT id, body, receives, sent_ms, dead_lettered_ms, died_after_ms, reason, settled_ms FROM messages "
        "WHERE queue = $1 AND dead_lettered_ms IS NOT NULL AND id = $2",
        ["'bulk'", "md5('dead2')"],
    ),
    ("WITH RECURSIVE family", ["{now}", "(SELECT id FROM api_keys WHERE name = 'key 1')", "'api-key:'"]),
    ("UPDATE api_keys SET used_ms = used_ms", ["(SELECT id FROM api_keys WHERE name = 'key 1')"]),
    ("UPDATE shares SET used_ms", ["{now}", "(SELECT id FROM shares LIMIT 1)"]),
    ("DELETE FROM shares WHERE id IN ( SELECT id FROM shares WHERE", ["{now}", "500"]),
    ("SELECT count(*), CAST(coalesce(sum(source_size)", ["'owner-0'", "'{video}'"]),
    ("SELECT videos.worker, videos.fence", ["'{busy}'"]),
    ("SELECT fence, worker, state, cancelled_job", ["'{busy}'"]),
    ("UPDATE videos SET version = version WHERE worker", ["'worker-0'"]),
    ("UPDATE videos SET profile = $1, mode = $2 WHERE id", ["'default'", "'abr'", "'{video}'"]),
    (
        "INSERT INTO videos (id, adopted, metadata, state",
        ["'vid_ffffffffffff7fff8fffffffffffffff'", "'default'", "'abr'", "{now}"],
    ),
    (
        "UPDATE videos SET adopted = 0",
        [
            "'owner-0'",
            "'A title'",
            "NULL",
            "'{{}}'",
            "NULL",
            "1",
            "'video/mp4'",
            "'default'",
            "'abr'",
            "{now}",
            "'{video}'",
            "'on_upload'",
            "'a title'",
            "'film.mp4'",
            "'a title'",
        ],
    ),
    (
        "SELECT source_key FROM videos WHERE source_key IN",
        ["(SELECT source_key FROM videos WHERE id = '{video}')", "'none'"],
        "$1, $2)",
    ),
    ("... (v.updated_ms, v.id) > ($1, $2)", ["{now} - 86400000", "''", "100"]),
    ("SELECT name, value FROM edge_entries", ["'session/' || md5('70000')", "'a'", "'b'", "'c'", "{now}"]),
    (
        "UPDATE posters SET failure_code",
        ["'damaged'", "'It is damaged.'", "(SELECT video FROM posters LIMIT 1)", "'none'"],
    ),
    (
        "UPDATE downloads SET failure_code",
        [
            "'damaged'",
            "'It is damaged.'",
            "(SELECT video FROM downloads LIMIT 1)",
            "(SELECT generation FROM downloads LIMIT 1)",
            "'720p'",
        ],
    ),
    (
        "UPDATE downloads SET requested_ms",
        [
            "{now}",
            "(SELECT video FROM downloads LIMIT 1)",
            "(SELECT generation FROM downloads LIMIT 1)",
            "'720p'",
        ],
    ),
    ("DELETE FROM thumbnails WHERE video = $1 AND generation", ["(SELECT video FROM thumbnails LIMIT 1)", "'none'"]),
    ("DELETE FROM previews WHERE video = $1 AND generation", ["(SELECT video FROM previews LIMIT 1)", "'none'"]),
    (
        "UPDATE previews SET refused_ms",
        [
            "{now}",
            "(SELECT video FROM previews LIMIT 1)",
            "(SELECT generation FROM previews LIMIT 1)",
            "12",
            "30",
            "320",
        ],
    ),
    ("DELETE FROM downloads WHERE video = $1 AND generation", ["(SELECT video FROM downloads LIMIT 1)", "'none'"]),
    ("UPDATE imports SET transfer = $1", ["'{{}}'", "'{video}'"]),
    ("UPDATE imports SET transfer = NULL", ["'{video}'"]),
    ("SELECT COUNT(*) FROM attempts", ["'{video}'", "'g'", "3"]),
    ("SELECT generation FROM attempts", ["'{busy}'", "1"]),
    ("DELETE FROM chunks WHERE video = $1 AND generation", ["'{busy}'", "'g'"]),
    ("DELETE FROM receipts WHERE video = $1 AND generation", ["'{video}'", "'g'"]),
    ("SELECT record FROM chunks", ["'{busy}'", "(SELECT generation FROM chunks LIMIT 1)"]),
    ("SELECT record FROM receipts", ["'{video}'", "(SELECT generation FROM videos WHERE id = '{video}')"]),
    ("SELECT max(at_ms) FROM events", ["'{video}'", "'video.progress'"]),
    ("UPDATE videos SET generation = $1", ["'g'", "'{video}'"]),
    (
        "UPDATE webhook_deliveries SET status = 'failed', settled_ms",
        ["{now}", "'why'", "(SELECT endpoint FROM webhook_deliveries WHERE status = 'pending' LIMIT 1)", "200"],
    ),
    (
        "UPDATE webhook_deliveries SET next_ms = later.until_ms",
        ["{now} + 3600000", "(SELECT endpoint FROM webhook_deliveries WHERE status = 'pending' LIMIT 1)"],
    ),
    (
        "DELETE FROM webhook_deliveries WHERE id IN ( SELECT id FROM webhook_deliveries WHERE endpoint",
        ["(SELECT endpoint FROM webhook_deliveries LIMIT 1)", "500"],
    ),
    (
        "DELETE FROM webhook_deliveries WHERE id IN ( SELECT id FROM webhook_deliveries WHERE settled_ms",
        ["{now}", "400"],
    ),
    ("DELETE FROM events WHERE id IN", ["{now} - 60000", "400"]),
    ("UPDATE webhook_deliveries SET next_ms", ["{now}", "(SELECT id FROM webhook_deliveries LIMIT 1)"]),
    (
        "UPDATE webhook_endpoints SET disabled_ms = $1",
        ["{now}", "'owner'", "(SELECT id FROM webhook_endpoints LIMIT 1)"],
    ),
    ("UPDATE webhook_endpoints SET disabled_ms = NULL", ["(SELECT id FROM webhook_endpoints LIMIT 1)"]),
    ("UPDATE webhook_endpoints SET failing_since_ms", ["{now}", "0", "(SELECT id FROM webhook_endpoints LIMIT 1)"]),
    ("UPDATE webhook_endpoints SET secrets = $1 WHERE", ["'[]'", "(SELECT id FROM webhook_endpoints LIMIT 1)"]),
]
# How often: after five executions, PostgreSQL may choose a plan that does not depend on the values.
TIMES = 8


def values(statement, names):
    """A statement, completed, and its parameters; `None` if it is not in the table."""
    for beginning, expressions, *rest in VALUES:
        part = beginning.removeprefix("... ")
        if statement.startswith(beginning) or (part != beginning and part in statement):
            complete = statement.removesuffix("...") + "".join(rest)
            return complete, [it.format(**names) for it in expressions]
    return None


def run(server, statements):
    """Executes statements that are in the table; returns the others."""
    names = {
        "video": server.sql("SELECT id FROM videos WHERE state = 'ready' ORDER BY id DESC OFFSET 5000 LIMIT 1").strip(),
        "busy": server.sql("SELECT video FROM chunks LIMIT 1").strip(),
        "now": server.sql("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint").strip(),
    }
    left = []
    for statement in statements:
        found = values(statement, names)
        if found is None:
            left.append(statement)
            continue
        complete, arguments = found
        # EXECUTE takes expressions without subqueries.
        quoted = ", ".join(f"quote_nullable(({it})::text)" for it in arguments)
        bound = server.sql(f"SELECT concat_ws(', ', {quoted})").strip()
        lines = []
        lines.append(f"PREPARE one AS {complete};")
        for _ in range(TIMES):
            lines.append(f"BEGIN; EXECUTE one ({bound}); ROLLBACK;")
        server.psql(text="\n".join(lines), name="direct")
    return left

