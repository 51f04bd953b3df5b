"""A receiver of webhooks that records every message."""

import http.server
import json
import threading


class Receiver:
    """Answers with 200, but every n-th time with 503: the sender has to repeat that message."""

    def __init__(self, fail_every=7):
        receiver = self
        self.messages, self.requests, self.lock = [], 0, threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with receiver.lock:
                    receiver.requests += 1
                    is_refused = receiver.requests % fail_every == 0
                    receiver.messages.append((self.headers["webhook-id"], json.loads(body)))
                # The message has arrived, but the sender cannot know.
                self.send_response(503 if is_refused else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"

    def of_type(self, kind):
        """The ids of the messages of a type, by video; repeats included."""
        found = {}
        with self.lock:
            for identity, message in self.messages:
                if message["type"] == kind:
                    found.setdefault(message["data"]["video"], []).append(identity)
        return found

    def stop(self):
        self.server.shutdown()
