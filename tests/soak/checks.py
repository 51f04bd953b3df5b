"""What must be true when all videos are settled."""

import json
import subprocess

from cloud import QUEUES
from playlists import Published
from programs import call

# A decoded video may be so much shorter or longer than its source, seconds.
TOLERANCE = 0.6


class Checks:
    """The results: name, what was found, whether it is right."""

    def __init__(self):
        self.rows = []

    def add(self, name, found, is_right):
        self.rows.append((name, found, is_right))

    def none(self, name, problems):
        """A list that must be empty."""
        problems = list(problems)
        examples = "; ".join(str(it) for it in problems[:3])
        self.add(name, f"{len(problems)}: {examples}" if problems else "0", not problems)

    @property
    def is_good(self):
        return all(it[2] for it in self.rows)


def settled(database, cloud):
    """Whether nothing is going on any more, and what still is."""
    states = dict(database.sql("SELECT state, count(*) FROM videos GROUP BY state"))
    messages = cloud.messages()
    pending = int(database.sql("SELECT count(*) FROM webhook_deliveries WHERE status = 'pending'")[0][0])
    unshared = int(database.sql("SELECT count(*) FROM events WHERE shared_ms IS NULL")[0][0])
    working = {it: int(count) for it, count in states.items() if it not in ("ready", "failed", "cancelled")}
    is_over = not working and not any(messages.values()) and not pending and not unshared
    return is_over, f"{states}, messages {messages}, webhooks {pending + unshared}"


def videos(checks, uploads, database):
    """Nothing is lost, doubled or stuck."""
    checks.none("uploads that failed", uploads.failures)
    known = {it.video for it in uploads.all if it.video}
    rows = database.sql("SELECT id, state, coalesce(failure_code, '') FROM videos")
    checks.add("videos in the catalog", f"{len(rows)} of {len(uploads.all)}", {it[0] for it in rows} == known)
    checks.none("videos that are not ready", [" ".join(it) for it in rows if it[1] != "ready"])
    return sorted(known)


def messages(checks, uploads, receiver):
    """Each video announces once that it is ready; the same message may arrive again."""
    ready = receiver.of_type("video.ready")
    known = {it.video for it in uploads.all}
    checks.none("videos without `video.ready`", known - set(ready))
    checks.none("videos with two different `video.ready`", [it for it, ids in ready.items() if len(set(ids)) > 1])
    checks.none("`video.failed`", receiver.of_type("video.failed"))
    return sum(len(ids) for ids in ready.values()), sum(len(set(ids)) for ids in ready.values())


def queues(checks, cloud, url, sums):
    found = cloud.messages()
    text = ", ".join(f"{name} {count}" for name, count in found.items())
    checks.add("messages in queues", text, not any(found[it] for it in QUEUES))
    letters = call(url, "GET", "/v1/dead-letters")["dead_letters"]
    failed = sums.get("dead-letter: failed", 0)
    dead = sum(found[f"dead-{it}"] for it in QUEUES)
    checks.add("dead letters", str(len(letters) + failed + dead), not letters and not failed and not dead)


def objects(checks, cloud, known):
    """The buckets contain everything that is published, and nothing else below `hls/`."""
    published = Published(cloud, known)
    several = [f"{video}: {sorted(found)}" for video, found in published.generations.items() if len(found) != 1]
    checks.none("videos without exactly one generation", several)
    checks.none("objects that are named and missing", published.missing)
    checks.none("objects that nothing names", published.orphans)
    return {"media": len(published.media), "keys": published.keys}


def attempts(checks, database, interruptions):
    """Work is repeated only after interruptions."""
    rows = database.sql("SELECT coalesce(outcome, 'running'), count(*) FROM attempts GROUP BY 1 ORDER BY 1")
    count = sum(int(it[1]) for it in rows)
    ready = int(database.sql("SELECT count(*) FROM videos WHERE state = 'ready'")[0][0])
    text = ", ".join(f"{outcome} {number}" for outcome, number in rows)
    checks.add(
        "attempts",
        f"{count} ({text}) for {ready} videos, {interruptions} interruptions",
        ready <= count <= ready + interruptions,
    )
    jobs = database.sql("SELECT video FROM attempts GROUP BY video HAVING count(DISTINCT job) > 1")
    checks.none("videos with two jobs", [it[0] for it in jobs])
    again = database.sql("SELECT count(*), coalesce(sum(attempt - 1), 0) FROM segment_attempts WHERE attempt > 1")[0]
    chunks = database.sql("SELECT count(*) FROM chunks")[0]
    return {"chunks": chunks[0], "generations with more than one production": again[0], "productions again": again[1]}


def fan_outs(checks, seen, database, long):
    """Long videos are encoded by several transcoders, and nothing remains of that."""
    shared = len(seen.videos)
    checks.add("long videos that several transcoders encoded", f"{shared} of {long}", shared * 2 >= long)
    left = [f"{it}: {database.sql(f'SELECT count(*) FROM {it}')[0][0]}" for it in ("fan_outs", "fan_out_chunks")]
    checks.none("rows of fan-outs that remain", [it for it in left if not it.endswith(" 0")])


def playback(checks, site, program, chosen):
    """Plays a video through the edge with FFmpeg, which decrypts and decodes everything."""
    problems = []
    for upload in chosen:
        grant = [program, "grant", upload.video, "--json"]
        done = subprocess.run(grant, env=site.environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            problems.append(f"{upload.video}: no grant: {done.stderr[:200]}")
            continue
        url = json.loads(done.stdout)["hls_url"]
        command = ["ffmpeg", "-v", "error", "-nostdin", "-xerror", "-progress", "-", "-i", url, "-f", "null", "-"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        times = [it.partition("=")[2] for it in done.stdout.splitlines() if it.startswith("out_time_us=")]
        seconds = int(times[-1]) / 1e6 if times and times[-1].isdigit() else 0
        if done.returncode != 0 or done.stderr.strip() or abs(seconds - upload.seconds) > TOLERANCE:
            problems.append(f"{upload.video} ({upload.name}): {seconds:.1f} s of {upload.seconds}: {done.stderr[:200]}")
    checks.none(f"videos that do not play, of {len(chosen)}", problems)
