"""The programs of an installation over the filled database, and a client of their API."""

import http.client
import http.server
import json
import os
import signal
import subprocess
import threading
import time
import urllib.parse
from pathlib import Path


class Failed(Exception):
    """The API refused a request that it must accept."""


class Program:
    """A running `edgereel` program; its log is in a file."""

    def __init__(self, program, arguments, folder, name, environment=None):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("EDGEREEL_")}
        self.log = Path(folder) / f"{name}.log"
        with open(self.log, "ab") as log:
            command = [program, *arguments]
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**clean, **(environment or {})},
                cwd=folder,
            )
        self.said = json.loads(self.process.stdout.readline() or "{}")
        if "api" not in self.said:
            raise SystemExit(f"error: {name} does not start: see {self.log}")
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()


class Client:
    """A caller of the API."""

    def __init__(self, url, token):
        self.host, self.token = urllib.parse.urlsplit(url).netloc, token

    def call(self, method, path, body=None, headers=None, expected=range(200, 300)):
        """One request; the JSON of the response, or its text. `expected=None`: any status will do."""
        headers = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection(self.host, timeout=120)
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        if expected is not None and response.status not in expected:
            raise Failed(f"{method} {path}: {response.status} {text[:300]!r}")
        try:
            return json.loads(text)
        except ValueError:
            return text


def send(request, content):
    """Sends a presigned request."""
    url = urllib.parse.urlsplit(request["url"])
    connection = http.client.HTTPConnection(url.netloc, timeout=120)
    connection.request(request["method"], f"{url.path}?{url.query}", content, request["headers"])
    response = connection.getresponse()
    response.read()
    if response.status not in (200, 204):
        raise Failed(f"the store: {response.status}")
    return response.headers.get("ETag")


class Receiver:
    """A receiver of webhooks that answers with `status`, and serves one file."""

    def __init__(self, content=b""):
        receiver = self
        self.status, self.received, self.content = 200, 0, content

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                receiver.received += 1
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "video/mp4")
                self.send_header("Content-Length", str(len(receiver.content)))
                self.end_headers()
                self.wfile.write(receiver.content)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        self.server.shutdown()


def wait(until, seconds, what):
    """Waits until a condition holds, and returns its value."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        found = until()
        if found:
            return found
        time.sleep(0.3)
    print(f"  note: {what}: not within {seconds} s")
    return None
