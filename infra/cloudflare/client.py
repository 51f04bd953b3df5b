"""Requests to Cloudflare's API, with the standard library alone."""

import email.message
import http.client
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

BASE_URL = "https://api.cloudflare.com/client/v4"
ATTEMPTS = 5
TIMEOUT_SECONDS = 30
# Cloudflare's own limit (1,200 requests in 5 minutes) asks for up to 5 minutes.
LONGEST_WAIT_SECONDS = 300.0

# The token's permissions: the path of a request, and the permission that the path needs, without `Read` or `Write`.
PERMISSIONS = [
    (r"/accounts/[^/]+/(r2|event_notifications)/", "Workers R2 Storage"),
    (r"/accounts/[^/]+/queues", "Queues"),
    (r"/accounts/[^/]+/storage/kv/", "Workers KV Storage"),
    (r"/zones/[^/]+/rulesets/phases/http_request_firewall_custom/", "Zone WAF"),
    (r"/zones/[^/]+/rulesets/phases/http_request_cache_settings/", "Cache Settings"),
    (r"/zones/[^/]+/(cache|argo)/", "Zone Settings"),
    (r"/zones", "Zone"),
]

# What the operator can do about an error of Cloudflare, by its code.
ADVICE = {
    10042: "R2 is not enabled in this account: open R2 in Cloudflare's dashboard and subscribe (the free allowance is "
    "part of the subscription)",
}


class SetupError(Exception):
    """A problem that the operator has to solve. Never contains the token."""


class Transient(Exception):
    """A request that may succeed later. It is unknown whether Cloudflare carried it out."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class Refused(Exception):
    """An answer of Cloudflare with errors."""

    def __init__(self, status: int, errors: list[dict[str, Any]], request: str) -> None:
        self.status = status
        self.codes = [it.get("code") for it in errors]
        text = "; ".join(f"{it.get('message')} (code {it.get('code')})" for it in errors) or f"status {status}"
        super().__init__(f"{request}: {text}")


def permission_of(path: str, write: bool) -> str:
    """The permission that a request needs.

    >>> permission_of("/accounts/1/r2/buckets/b/cors", write=True)
    'Workers R2 Storage Write'
    >>> permission_of("/zones?name=example.com", write=False)
    'Zone Read'
    """
    name = next((name for pattern, name in PERMISSIONS if re.match(pattern, path)), "the resource's")
    return f"{name} {'Write' if write else 'Read'}"


def wait_of(headers: email.message.Message | None, attempt: int) -> float:
    """Seconds until the next attempt: what `Retry-After` requests, or 1, 2, 4 ...

    >>> wait_of({"Retry-After": "7"}, 0), wait_of({}, 2), wait_of({"Retry-After": "soon"}, 0)
    (7.0, 4.0, 1.0)
    """
    requested = (headers or {}).get("Retry-After") or ""
    return min(float(requested) if requested.isdigit() else 2.0**attempt, LONGEST_WAIT_SECONDS)


class Cloudflare:
    """One account of Cloudflare, and the permission to change it."""

    def __init__(self, base: str, account: str, token: str, sleep: Callable[[float], None]) -> None:
        self.base = base.rstrip("/")
        self.account = account
        self.sleep = sleep
        self._token = token
        # The bucket's jurisdiction, for all requests to R2.
        self.jurisdiction: str | None = None

    def get(self, path: str, absent: Any = None) -> Any:
        """Reads. `absent` is the result if Cloudflare answers 404. Repeats after transient failures."""
        for attempt in range(ATTEMPTS):
            try:
                return self._send("GET", path, None)["result"]
            except Refused as refused:
                if refused.status == 404:
                    return absent
                raise self._explained(refused, path, write=False) from None
            except Transient as failure:
                if attempt == ATTEMPTS - 1:
                    raise SetupError(f"Cloudflare did not answer: {failure}. Run the script again.") from None
                self.sleep(failure.wait if failure.wait is not None else wait_of(None, attempt))
        raise AssertionError("unreachable")

    def write(self, method: str, path: str, body: Any, like: str | None = None) -> Any:
        """Changes. Does not repeat: a lost answer may belong to a change that Cloudflare carried out.

        Raises `Transient`: read again, and repeat if the change is still missing. `like` is a path that needs the same
        permission, if `path` does not show which one.
        """
        try:
            return self._send(method, path, body)["result"]
        except Refused as refused:
            raise self._explained(refused, like or path, write=True) from refused

    def pages(self, path: str) -> Iterator[Any]:
        """All entries of a list that Cloudflare returns in pages of 100."""
        separator = "&" if "?" in path else "?"
        page, before = 1, None
        while True:
            found = self.get(f"{path}{separator}page={page}&per_page=100", absent=[])
            # Some lists come as a whole, whatever page is requested.
            if found == before:
                return
            yield from found
            if len(found) < 100:
                return
            page, before = page + 1, found

    def _send(self, method: str, path: str, body: Any) -> dict[str, Any]:
        request = urllib.request.Request(self.base + path, method=method)
        request.add_header("Authorization", f"Bearer {self._token}")
        if self.jurisdiction and re.search(r"/(r2|event_notifications)/", path):
            request.add_header("cf-r2-jurisdiction", self.jurisdiction)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        label = f"{method} {path.partition('?')[0]}"
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
                status, headers, text = response.status, response.headers, response.read()
        except urllib.error.HTTPError as error:
            status, headers, text = error.code, error.headers, error.read()
        except (OSError, http.client.HTTPException) as error:
            raise Transient(f"{label}: {getattr(error, 'reason', error)}") from None
        if status == 429 or status >= 500:
            wait = wait_of(headers, 0) if headers.get("Retry-After") else None
            raise Transient(f"{label}: status {status}", wait)
        try:
            answer = json.loads(text)
        except ValueError:
            raise Refused(status, [{"message": "the answer is not JSON", "code": status}], label) from None
        if status >= 400 or not answer.get("success"):
            raise Refused(status, answer.get("errors") or [], label)
        return answer

    def _explained(self, refused: Refused, path: str, write: bool) -> SetupError:
        for code in refused.codes:
            if code in ADVICE:
                return SetupError(f"{ADVICE[code]}: {refused}")
        if refused.status not in (401, 403):
            return SetupError(str(refused))
        # Cloudflare gives the same answer to an invalid token and to a missing permission.
        if self._token_is_active():
            permission = permission_of(path, write)
            return SetupError(
                f"the token lacks the permission `{permission}` for this account or zone: add it "
                f"(setup.py --print-permissions lists all of them): {refused}"
            )
        return SetupError(f"Cloudflare does not accept the token in CLOUDFLARE_API_TOKEN: {refused}")

    def _token_is_active(self) -> bool:
        for path in (f"/accounts/{self.account}/tokens/verify", "/user/tokens/verify"):
            try:
                if self._send("GET", path, None)["result"].get("status") == "active":
                    return True
            except (Refused, Transient):
                continue
        return False


def quoted(name: str) -> str:
    """A name as a part of a path.

    >>> quoted("a b/c")
    'a%20b%2Fc'
    """
    return urllib.parse.quote(name, safe="")
