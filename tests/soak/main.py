"""Proves that an installation loses, doubles and forgets no video while transcoders are killed. `make soak` calls it.

    main.py [--videos 50] [--minutes 3] [--lose 10] [--upgrade OLD_PROGRAM] [--fan-out] [--kill-seconds 60] [--seed 1]

    EDGEREEL_BIN=path        the program (required)
    EDGEREEL_FUNCTIONS=path  the folder with the functions `dead-letter`, `sweeper`, `webhooks`; that of the program
    WORK=path                a new folder for the data and logs of the run; a temporary one by default
    REPORT=path              the page in which the section of the mode is replaced

PostgreSQL, SQS and S3 (LocalStack), the edge worker in workerd, the API, the Lambda functions in an emulator, and two
transcoders, one of which is killed every minute. `--lose N` never delivers every n-th event of the bucket. `--upgrade`
begins with an older program, upgrades after a third of the videos, and goes back after two thirds; the older API runs
its background tasks itself. `--fan-out` has four transcoders, and one video in three is so long that several of them
encode it. Needs FFmpeg and Node. Exits with 1 if a check fails.
"""

import argparse
import contextlib
import os
import random
import shutil
import signal
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import checks as check
import programs
import report
import videos
from bucket_events import BucketEvents, Worker
from cloud import PRIVATE, Cloud
from fan_outs import FanOuts
from receiver import Receiver
from servers import LocalStack, Postgres, free_port
from uploads import Uploads

ROOT = Path(__file__).resolve().parents[2]
# After the last upload, minutes. A lost event is repaired after ten of them.
PATIENCE, PATIENCE_WITH_LOSSES = 15, 25
PLAYED = 5
# Transcoders, and those with `--fan-out`.
TRANSCODERS, MORE_TRANSCODERS = 2, 4
EVENTS = ["video.ready", "video.failed"]


def step(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--videos", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=3, help="the time in which the videos are uploaded")
    parser.add_argument("--lose", type=int, default=0, metavar="N", help="never deliver every n-th event")
    parser.add_argument("--upgrade", type=Path, metavar="OLD_PROGRAM", help="begin with an older version, and return")
    parser.add_argument("--fan-out", action="store_true", help="long videos, for several transcoders each")
    parser.add_argument("--kill-seconds", type=float, default=60, help="the pause before the next kill")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


class Run:
    """One run over new servers."""

    def __init__(self, options, folder, stack):
        self.options, self.failures, self.began = options, [], time.monotonic()
        self.program = Path(os.environ["EDGEREEL_BIN"]).resolve()
        self.functions = Path(os.environ.get("EDGEREEL_FUNCTIONS") or self.program.parent).resolve()
        self.sources = videos.make(folder, options.fan_out)
        self.database = Postgres(folder / "postgres")
        stack.callback(self.database.stop)
        localstack = LocalStack(folder / "localstack")
        stack.callback(localstack.stop)
        self.cloud = Cloud(localstack.endpoint)
        self.cloud.create()
        ports = {"api": free_port(), "edge": free_port()}
        profiles = videos.make_profile(folder / "profiles", options.fan_out)
        environment = programs.variables(self.database.url, self.cloud, profiles, ports)
        self.site = programs.Site(folder, environment, ports, self.failures)
        stack.callback(self.site.stop)
        self.first = options.upgrade.resolve() if options.upgrade else self.program
        self.site.migrate(self.first)
        self.site.start_api(self.first, None if options.upgrade else self.functions)
        count = MORE_TRANSCODERS if options.fan_out else TRANSCODERS
        self.site.transcoders = [programs.Transcoder(self.site, number + 1, self.first) for number in range(count)]
        self.fan_outs = FanOuts(self.database) if options.fan_out else None
        if self.fan_outs:
            stack.callback(self.fan_outs.stop)
        self.url = environment["EDGEREEL_API_URL"]
        self.receiver = Receiver()
        stack.callback(self.receiver.stop)
        programs.call(self.url, "POST", "/v1/webhooks", {"url": self.receiver.url, "events": EVENTS})
        key = programs.call(self.url, "POST", "/v1/api-keys", {"name": "events", "scopes": ["events"]})["key"]
        bindings = {
            "EDGEREEL_PRIVATE_BUCKET": PRIVATE,
            "EDGEREEL_JOBS_URL": f"{self.url}/v1/events",
            "EDGEREEL_JOBS_TOKEN": key,
        }
        worker = Worker(ROOT, bindings, folder)
        stack.callback(worker.stop)
        self.events = BucketEvents(worker, options.lose, options.seed)
        stack.callback(self.events.stop)
        # In a run that loses events, no client completes its upload either: only the clean-up finds the source.
        self.uploads = Uploads(self.url, self.events, completes=not options.lose)
        queries = [programs.HAS_JOB, *([programs.HAS_CHUNK] if options.fan_out else [])]
        self.killer = programs.Killer(self.site.transcoders, options.kill_seconds, self.database, queries)
        stack.callback(self.killer.stop)
        self.replaced = 0

    def upload(self):
        """Uploads all videos; replaces the programs meanwhile, if they are to be."""
        count, pause = self.options.videos, self.options.minutes * 60 / self.options.videos
        thirds = [range(count)]
        if self.options.upgrade:
            thirds = [range(count // 3), range(count // 3, count * 2 // 3), range(count * 2 // 3, count)]
        replacing = None
        for number, part in enumerate(thirds):
            if replacing:
                replacing.join()
            if number:
                replacing = threading.Thread(target=self._replace, args=[number], daemon=True)
                replacing.start()
            self.uploads.send(self.sources, part, pause)
        if replacing:
            replacing.join()
        self.uploads.wait()

    def _replace(self, number):
        is_upgrade = number == 1
        step("upgrading" if is_upgrade else "going back to the older version")
        if is_upgrade:
            self.site.migrate(self.program)
        new, functions = (self.program, self.functions) if is_upgrade else (self.first, None)
        self.site.replace(new, functions)
        self.replaced += len(self.site.transcoders)
        step("replaced")

    def wait(self):
        """Waits until all is settled; minutes after the last upload."""
        began = time.monotonic()
        limit = PATIENCE_WITH_LOSSES if self.options.lose else PATIENCE
        reported = 0
        while True:
            # First, because an event that is delivered meanwhile becomes a message of a queue.
            is_delivered = self.events.is_empty()
            is_over, text = check.settled(self.database, self.cloud)
            if (is_delivered and is_over) or time.monotonic() - began > limit * 60:
                step(text)
                return (time.monotonic() - began) / 60
            if time.monotonic() - reported > 30:
                reported = time.monotonic()
                step(text)
            time.sleep(2)

    def check(self):
        """All checks, and the facts of the run."""
        result = check.Checks()
        known = check.videos(result, self.uploads, self.database)
        arrived, different = check.messages(result, self.uploads, self.receiver)
        objects = check.objects(result, self.cloud, known)
        interruptions = self.killer.kills + self.replaced
        again = check.attempts(result, self.database, interruptions)
        if self.fan_outs:
            self.fan_outs.stop()
            long = [it for it in self.uploads.all if it.seconds >= videos.LONG_SECONDS]
            check.fan_outs(result, self.fan_outs, self.database, len(long))
        self.site.start_edge(self.first)
        played = len(self.uploads.all) if self.options.fan_out else min(PLAYED, len(self.uploads.all))
        chosen = random.Random(self.options.seed).sample(self.uploads.all, played)
        check.playback(result, self.site, self.first, chosen)
        # The functions have ended then, and their sums are complete.
        self.site.stop_api()
        self.site.start_api(self.first)
        check.queues(result, self.cloud, self.url, self.site.sums)
        lost = len(self.events.lost)
        if lost:
            found = self.site.sums.get("sweeper: arrivals", 0)
            result.add("sources without event that the sweeper found", f"{found} of {lost}", found == lost)
        result.none("failures of functions and of the edge worker", self.failures + self.events.failures)
        waits = self.database.sql("SELECT ready_ms - created_ms FROM videos WHERE ready_ms IS NOT NULL")
        waits = sorted(int(it[0]) / 1000 for it in waits) or [0]
        counts = ", ".join(f"{name} {value}" for name, value in self.events.counts.items())
        sums = ", ".join(f"{name} {value}" for name, value in sorted(self.site.sums.items()) if value)
        return result, {
            "Videos": f"{self.options.videos}, uploaded in {self.options.minutes:g} minutes",
            "Transcoders killed": f"{self.killer.kills}, of these {self.killer.busy} during a job",
            "Transcoders": f"{len(self.site.transcoders)}",
            "Programs replaced": f"the API {'twice' if self.replaced else 'never'}, transcoders {self.replaced} times",
            "From the request of an upload until ready": f"median {statistics.median(waits):.0f} s, at most "
            f"{waits[-1]:.0f} s",
            "Events of the bucket": counts,
            "`video.ready` messages": f"{arrived} arrived, {different} different ones",
            "Productions of segments": ", ".join(f"{name} {value}" for name, value in again.items()),
            "Objects below `hls/`": f"{objects['media']}; keys that playlists name: {objects['keys']}",
            "Results of functions": sums or "none",
            "Length of the run": f"{(time.monotonic() - self.began) / 60:.0f} minutes",
        }


def main():
    options = arguments()
    if options.videos < (3 if options.upgrade else 1):
        raise SystemExit("error: --videos: too few")
    if not os.environ.get("EDGEREEL_BIN"):
        raise SystemExit("error: EDGEREEL_BIN must be the path of the program: make soak sets it")
    # Ends everything that was started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("error: terminated"))
    folder = Path(os.environ.get("WORK") or tempfile.mkdtemp(prefix="edgereel-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    # PostgreSQL runs as another user.
    folder.chmod(0o755)
    step(f"data and logs: {folder}")
    with contextlib.ExitStack() as stack:
        run = Run(options, folder, stack)
        step("uploading")
        run.upload()
        step("waiting")
        run.wait()
        run.killer.stop()
        step("checking")
        result, facts = run.check()
    text = report.table(result, facts)
    print(text, end="")
    mode = "upgrade" if options.upgrade else "lose" if options.lose else "fan-out" if options.fan_out else "plain"
    if os.environ.get("REPORT"):
        report.write(os.environ["REPORT"], mode, text)
    if result.is_good and not os.environ.get("WORK"):
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(0 if result.is_good else 1)


if __name__ == "__main__":
    main()
