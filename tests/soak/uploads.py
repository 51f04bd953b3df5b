"""Uploads with presigned requests, as a browser sends them."""

import http.client
import threading
import time
import urllib.parse

from programs import call

# While the API is being replaced, a client repeats its requests.
ATTEMPTS = 40


class Upload:
    """One upload, and what is known of it."""

    def __init__(self, number, source):
        self.number, self.video = number, None
        self.name, self.content, self.type, self.seconds = source


class Uploads:
    """Sends videos at a steady rate. Each upload has a thread of its own."""

    def __init__(self, url, events, completes):
        self.url, self.events, self.completes = url, events, completes
        self.all, self.failures, self.threads = [], [], []

    def send(self, sources, numbers, pause):
        """Starts an upload for each number, with a pause after each, seconds."""
        for number in numbers:
            upload = Upload(number, sources[number % len(sources)])
            self.all.append(upload)
            thread = threading.Thread(target=self._send, args=[upload], daemon=True)
            thread.start()
            self.threads.append(thread)
            time.sleep(pause)

    def wait(self):
        for it in self.threads:
            it.join()

    def _send(self, upload):
        try:
            self._upload(upload)
        except (OSError, SystemExit, http.client.HTTPException) as problem:
            self.failures.append(f"upload {upload.number}: {problem}")

    def _upload(self, upload):
        body = {
            "filename": upload.name,
            "size": len(upload.content),
            "content_type": upload.type,
            "title": f"{upload.number} {upload.name}",
            "profile": "small",
        }
        # A repeated request must not make a second video.
        once = {"Idempotency-Key": f"soak-{upload.number}"}
        created = self._patiently("POST", "/v1/uploads", body, once)
        upload.video = created["video"]
        request = created["upload"]["request"]
        key, etag = put(request, upload.content)
        self.events.add(key, len(upload.content), etag)
        if self.completes and upload.number % 2 == 0:
            self._patiently("POST", f"/v1/uploads/{upload.video}/complete", {})

    def _patiently(self, method, path, body, headers=None):
        for _ in range(ATTEMPTS):
            try:
                return call(self.url, method, path, body, headers)
            except (OSError, http.client.HTTPException) as problem:
                last = problem
                time.sleep(0.5)
        raise last


def put(request, content):
    """Sends a presigned request with an origin, as a page does: the key and the ETag of the object."""
    url = urllib.parse.urlsplit(request["url"])
    connection = http.client.HTTPConnection(url.netloc, timeout=120)
    headers = {**request["headers"], "Origin": "https://app.example"}
    connection.request(request["method"], f"{url.path}?{url.query}", content, headers)
    response = connection.getresponse()
    text = response.read()
    connection.close()
    if response.status != 200 or not response.headers.get("Access-Control-Allow-Origin"):
        raise OSError(f"the store: {response.status} {text[:300]!r}")
    return urllib.parse.unquote(url.path.split("/", 2)[2]), response.headers["ETag"]
