"""The programs of an installation: API, transcoders, functions and edge."""

import base64
import json
import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

from cloud import KEY, MEDIA, PRIVATE, REGION
from lambdas import Function, Schedule
from servers import stop

SECRET = base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
TOKEN = "er_soak"
# Seconds between two invocations. A real schedule is slower; the programs cannot tell.
SCHEDULES = {"dead-letter": 10, "webhooks": 5, "sweeper": 20}
START_SECONDS = 60
# After a kill.
PAUSE_SECONDS = 5
# How long the killer waits for a job: the kill of an idle transcoder proves little.
BUSY_SECONDS = 15
# What a transcoder has, by its name.
HAS_JOB = "SELECT count(*) FROM videos WHERE worker = '{}'"
HAS_CHUNK = "SELECT count(*) FROM fan_out_chunks WHERE worker = '{}' AND done_ms IS NULL"


def variables(database, cloud, profiles, ports):
    """The environment of every program."""
    return {
        "PATH": os.environ["PATH"],
        "RUST_BACKTRACE": "1",
        "EDGEREEL_DATABASE": database,
        "EDGEREEL_DATABASE_CONNECTIONS": "4",
        "EDGEREEL_QUEUE": f"sqs:{cloud.urls['jobs']}",
        "EDGEREEL_CHUNK_QUEUE": f"sqs:{cloud.urls['chunks']}",
        "EDGEREEL_BULK_QUEUE": f"sqs:{cloud.urls['bulk']}",
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": cloud.endpoint,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": KEY,
        "EDGEREEL_S3_ENDPOINT": cloud.endpoint,
        "EDGEREEL_S3_REGION": REGION,
        "EDGEREEL_S3_ACCESS_KEY_ID": KEY,
        "EDGEREEL_S3_SECRET_ACCESS_KEY": KEY,
        "EDGEREEL_PRIVATE_BUCKET": PRIVATE,
        "EDGEREEL_MEDIA_BUCKET": MEDIA,
        "EDGEREEL_API_TOKEN": TOKEN,
        "EDGEREEL_API_URL": f"http://127.0.0.1:{ports['api']}",
        "EDGEREEL_EDGE_URL": f"http://127.0.0.1:{ports['edge']}",
        "EDGEREEL_EDGE_LIST": "database",
        "EDGEREEL_GRANT_KEYS": f"g1:HS256:{SECRET}",
        "EDGEREEL_PASS_KEYS": f"p1:{SECRET}",
        "EDGEREEL_KEY_ENCRYPTION_KEYS": f"k1:{SECRET}",
        "EDGEREEL_WEBHOOK_KEYS": f"w1:{SECRET}",
        "EDGEREEL_WEBHOOKS_ALLOW_PRIVATE": "1",
        "EDGEREEL_WEBHOOKS_ALLOW_HTTP": "1",
        "EDGEREEL_PROFILES_DIR": str(profiles),
        "EDGEREEL_ENCODERS": "1",
    }


def responds(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def process(command, environment, log):
    with open(log, "ab") as output:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment)


class Transcoder:
    """One transcoder, which may be killed and started again."""

    def __init__(self, site, number, program):
        self.site, self.number, self.program = site, number, program
        self.starts, self.process, self.lock = 0, None, threading.Lock()
        self.start()

    def start(self):
        self.starts += 1
        # The first one keeps its name, like a host that restarts its program; the others are like new tasks of ECS.
        self.name = "soak-1" if self.number == 1 else f"soak-{self.number}-{self.starts}"
        environment = {**self.site.environment, "EDGEREEL_TRANSCODER_NAME": self.name}
        log = self.site.folder / f"transcoder-{self.number}.log"
        self.process = process([self.program, "transcoder"], environment, log)

    def kill(self):
        """Kills it without warning, and starts it again."""
        with self.lock:
            self.process.kill()
            self.process.wait()
            time.sleep(PAUSE_SECONDS)
            self.start()

    def replace(self, program):
        """Stops it in order, and starts another version."""
        with self.lock:
            stop(self.process, signal.SIGTERM)
            self.program = program
            self.start()

    def stop(self):
        with self.lock:
            stop(self.process, signal.SIGTERM)


class Site:
    """The installation. With functions, the API leaves the background tasks to them."""

    def __init__(self, folder, environment, ports, failures):
        self.folder, self.environment, self.ports, self.failures = folder, environment, ports, failures
        self.api, self.edge, self.schedules, self.transcoders, self.sums = None, None, [], [], {}

    def migrate(self, program):
        subprocess.run([program, "migrate"], env=self.environment, check=True, stdout=subprocess.DEVNULL)

    def start_api(self, program, functions=None):
        """Starts the API, and the functions in a folder."""
        url = f"127.0.0.1:{self.ports['api']}"
        command = [program, "api", "--listen", url, *(["--no-background"] if functions else [])]
        self.api = process(command, self.environment, self.folder / "api.log")
        self._wait_for(self.api, f"http://{url}/readyz", "the API")
        for name, seconds in SCHEDULES.items() if functions else ():
            function = Function(functions / name, name, self.environment, self.folder)
            self.schedules.append(Schedule(function, seconds, self.failures))

    def stop_api(self):
        for it in self.schedules:
            it.stop()
            for name, value in it.sums.items():
                key = f"{it.function.name}: {name}"
                self.sums[key] = self.sums.get(key, 0) + value
        self.schedules = []
        if self.api:
            stop(self.api, signal.SIGTERM)

    def start_edge(self, program):
        url = f"127.0.0.1:{self.ports['edge']}"
        self.edge = process([program, "edge", "--listen", url], self.environment, self.folder / "edge.log")
        self._wait_for(self.edge, f"http://{url}/readyz", "the edge")

    def _wait_for(self, started, url, name):
        began = time.monotonic()
        while not responds(url):
            if started.poll() is not None or time.monotonic() - began > START_SECONDS:
                raise SystemExit(f"error: {name} does not start: see {self.folder}")
            time.sleep(0.2)

    def replace(self, program, functions):
        """Replaces API and transcoders by another version, one after the other."""
        self.stop_api()
        self.start_api(program, functions)
        for it in self.transcoders:
            it.replace(program)

    def stop(self):
        self.stop_api()
        for it in self.transcoders:
            it.stop()
        if self.edge:
            stop(self.edge, signal.SIGTERM)


class Killer:
    """Kills a transcoder every minute, alternating."""

    def __init__(self, transcoders, seconds, database, queries):
        self.transcoders, self.seconds, self.database, self.queries = transcoders, seconds, database, queries
        self.kills, self.busy, self.ended = 0, 0, threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.ended.wait(self.seconds):
            transcoder = self.transcoders[self.kills % len(self.transcoders)]
            self.busy += self._is_busy_soon(transcoder)
            transcoder.kill()
            self.kills += 1

    def _is_busy_soon(self, transcoder):
        """Waits a moment until a transcoder has a job, or a chunk of another one's video."""
        began = time.monotonic()
        while time.monotonic() - began < BUSY_SECONDS and not self.ended.is_set():
            found = [self.database.sql(query.format(transcoder.name))[0][0] for query in self.queries]
            if any(it != "0" for it in found):
                return True
            time.sleep(0.3)
        return False

    def stop(self):
        self.ended.set()
        self.thread.join(timeout=60)


def call(url, method, path, body=None, headers=None):
    """A request to the API: the JSON of its response."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", **(headers or {})}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}{path}", data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as problem:
        if problem.code >= 500:
            raise OSError(f"{method} {path}: {problem.code}") from problem
        raise SystemExit(f"error: {method} {path}: {problem.code} {problem.read()[:300]!r}") from problem
