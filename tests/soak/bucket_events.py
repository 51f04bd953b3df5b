"""The bucket's event notifications in a queue of Cloudflare's kind: at least once, late and in any order.

The edge worker in workerd consumes the queue. It posts the jobs to the API.
"""

import json
import random
import subprocess
import threading
import time

from cloud import PRIVATE

# How long a message waits: most of them hardly, some as long as a busy queue lets them wait.
DELAYS = ((0.7, 3), (0.2, 20), (0.1, 60))
TWICE = 0.2
BATCH = 20
# The Worker asks for 5 seconds and more; a retry of a minute would only make the run longer.
LONGEST_RETRY = 30


class Worker:
    """The built edge worker in workerd: `tests/edge/serve.mjs`."""

    def __init__(self, root, bindings, folder):
        build, modules = root / "edge-worker/build/index.js", root / "tests/edge/node_modules"
        if not (build.exists() and modules.exists()):
            raise SystemExit("error: the edge worker is not built: make edge")
        with open(folder / "worker.log", "ab") as log:
            self.process = subprocess.Popen(
                ["node", root / "tests/edge/serve.mjs"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.lock = threading.Lock()
        self.say({"bindings": bindings})

    def say(self, command):
        with self.lock:
            self.process.stdin.write(f"{json.dumps(command)}\n")
            self.process.stdin.flush()
            answer = json.loads(self.process.stdout.readline() or '{"error": "it ended"}')
        if "error" in answer:
            raise OSError(f"the edge worker: {answer['error']}")
        return answer

    def stop(self):
        # It ends with its input; killed, it would leave workerd behind.
        self.process.stdin.close()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()


class BucketEvents:
    """The queue. `lose`: every n-th event is never delivered (0: none)."""

    def __init__(self, worker, lose, seed):
        self.worker, self.lose, self.random = worker, lose, random.Random(seed)
        self.waiting, self.lock, self.ended = [], threading.Lock(), threading.Event()
        self.counts = dict.fromkeys(("events", "lost", "deliveries", "acknowledged", "retried"), 0)
        self.failures, self.lost = [], []
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def add(self, key, size, etag):
        """The bucket has stored an object."""
        event = {
            "account": "soak",
            "action": "PutObject",
            "bucket": PRIVATE,
            "object": {"key": key, "size": size, "eTag": etag.strip('"')},
            "eventTime": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
        }
        with self.lock:
            self.counts["events"] += 1
            if self.lose and self.counts["events"] % self.lose == 0:
                self.counts["lost"] += 1
                self.lost.append(key)
                return
            for _ in range(2 if self.random.random() < TWICE else 1):
                longest = self.random.choices([it[1] for it in DELAYS], [it[0] for it in DELAYS])[0]
                self.waiting.append((time.monotonic() + self.random.uniform(0, longest), event))

    def is_empty(self):
        with self.lock:
            return not self.waiting

    def _due(self):
        now = time.monotonic()
        with self.lock:
            due = [it for it in self.waiting if it[0] <= now]
            self.random.shuffle(due)
            return due[:BATCH]

    def _run(self):
        while not self.ended.wait(1):
            batch = self._due()
            if not batch:
                continue
            try:
                result = self.worker.say({"do": "queue", "bodies": [event for _, event in batch]})
            except (OSError, ValueError) as problem:
                if not self.ended.is_set():
                    self.failures.append(str(problem))
                continue
            self._settle(batch, result)

    def _settle(self, batch, result):
        if result["outcome"] != "ok":
            self.failures.append(f"the edge worker's queue handler: {result['outcome']}")
            return
        acknowledged = {int(it) for it in result["explicitAcks"]}
        retried = {int(it["msgId"]): it.get("delaySeconds", 1) for it in result["retryMessages"]}
        with self.lock:
            self.counts["deliveries"] += len(batch)
            self.counts["acknowledged"] += len(acknowledged)
            self.counts["retried"] += len(retried)
            for at, message in enumerate(batch):
                self.waiting.remove(message)
                if at in retried:
                    again = time.monotonic() + min(retried[at], LONGEST_RETRY)
                    self.waiting.append((again, message[1]))
                elif at not in acknowledged:
                    self.failures.append(f"the edge worker settled no message of {message[1]['object']['key']}")

    def stop(self):
        self.ended.set()
        self.thread.join(timeout=30)
