"""Lambda functions as programs, under an emulator of Lambda's Runtime API."""

import http.server
import json
import queue
import subprocess
import threading
import time

from servers import stop

# The time limit of the functions in infra/aws/template.yaml that run every minute.
LIMIT_SECONDS = 60
PREFIX = "/2018-06-01/runtime/invocation/"


class Function:
    """One instance of a function: it gets one event at a time."""

    def __init__(self, program, name, variables, folder):
        self.name, self.events, self.results, self.count = name, queue.Queue(), queue.Queue(), 0
        self.is_open, self.lock = True, threading.Lock()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        environment = {
            **variables,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.server.server_address[1]}",
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_LOG_GROUP_NAME": "group",
            "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
        }
        with open(folder / f"{name}.log", "ab") as log:
            streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            self.process = subprocess.Popen([program], env=environment, **streams)

    def _handler(self):
        function = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                event = function.next_event()
                if event is None:
                    self.close_connection = True
                    return
                identity, body = event
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", identity)
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + LIMIT_SECONDS) * 1000)))
                arn = f"arn:aws:lambda:us-east-1:000000000000:function:{function.name}"
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", arn)
                self.send_header("Lambda-Runtime-Trace-Id", "Root=1-0-0")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                identity, kind = self.path.removeprefix(PREFIX).split("/")
                function.results.put((identity, kind, self._body()))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def _body(self):
                if self.headers.get("Transfer-Encoding") != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length", 0)))
                parts = []
                while size := int(self.rfile.readline(), 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)

            def log_message(self, *_):
                pass

        return Handler

    def next_event(self):
        """The next event; `None` after the end."""
        while self.is_open:
            try:
                return self.events.get(timeout=1)
            except queue.Empty:
                continue
        return None

    def invoke(self, event):
        """The result of an event; raises `OSError` if the function fails or does not answer."""
        with self.lock:
            self.count += 1
            wanted = f"request-{self.count}"
            self.events.put((wanted, json.dumps(event).encode()))
            while True:
                try:
                    identity, kind, body = self.results.get(timeout=LIMIT_SECONDS + 5)
                except queue.Empty as problem:
                    raise OSError(f"the function {self.name} does not answer") from problem
                # The answer to an event whose time was over.
                if identity != wanted:
                    continue
                if kind != "response":
                    raise OSError(f"the function {self.name} fails: {body[:300]!r}")
                return json.loads(body)

    def stop(self):
        self.is_open = False
        stop(self.process, 15)
        self.server.shutdown()


class Schedule:
    """Invokes a function on a schedule, and sums the numbers of its results."""

    def __init__(self, function, seconds, failures):
        self.function, self.seconds, self.failures = function, seconds, failures
        self.sums, self.ended = {}, threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.ended.wait(self.seconds):
            try:
                result = self.function.invoke({"source": "aws.events", "detail-type": "Scheduled Event"})
            except OSError as problem:
                if not self.ended.is_set():
                    self.failures.append(str(problem))
                continue
            for name, value in result.items():
                self.sums[name] = self.sums.get(name, 0) + value

    def stop(self):
        """Ends after the invocation that is running."""
        self.ended.set()
        self.thread.join(timeout=LIMIT_SECONDS + 10)
        self.function.stop()
