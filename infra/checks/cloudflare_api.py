"""A stand-in for the part of Cloudflare's API that infra/cloudflare/setup.py uses. It keeps what was created, and
refuses paths, methods, fields and values that Cloudflare's documentation does not have.
"""

import copy
import json
import re
import threading
from collections.abc import Callable
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import cloudflare_rules as rules
from cloudflare_rules import Refusal, fields

ACCOUNT = "0123456789abcdef0123456789abcdef"
TOKEN = "token-of-the-tests"
ZONE = {"id": "fedcba9876543210fedcba9876543210", "name": "example.com", "status": "active"}
GROUPS = ["Workers R2 Storage", "Queues", "Workers KV Storage", "Zone", "Zone WAF", "Cache Settings", "Zone Settings"]
ALL_PERMISSIONS = [f"{name} {access}" for name in GROUPS for access in ("Read", "Write")]
PHASES = {"http_request_firewall_custom": "Zone WAF", "http_request_cache_settings": "Cache Settings"}
SWITCHES = ["argo/tiered_caching", "cache/tiered_cache_smart_topology_enable"]


def id_of(*parts: str) -> str:
    """The same id for the same resource in every run, so that states can be compared."""
    return sha256("/".join(parts).encode()).hexdigest()[:32]


class Account:
    """The state of one account, and its rules."""

    def __init__(self) -> None:
        self.permissions = set(ALL_PERMISSIONS)
        self.r2_enabled = True
        # "paid"; "free": long retention is refused; "clamped": it is shortened.
        self.plan = "paid"
        self.buckets: dict[str, dict[str, Any]] = {}
        self.queues: dict[str, dict[str, Any]] = {}
        self.namespaces: dict[str, str] = {}
        self.rulesets: dict[str, dict[str, Any]] = {}
        self.switches = dict.fromkeys(SWITCHES, "off")

    def state(self) -> dict[str, Any]:
        """Everything that was created."""
        names = ["buckets", "queues", "namespaces", "rulesets", "switches"]
        return copy.deepcopy({name: getattr(self, name) for name in names})

    def need(self, permission: str, method: str) -> None:
        access = {"Read", "Write"} if method == "GET" else {"Write"}
        if not any(f"{permission} {it}" in self.permissions for it in access):
            raise Refusal(403, 10000, "Authentication error")

    def answer(self, method: str, path: str, query: dict[str, str], body: Any, jurisdiction: str) -> Any:
        """The result of a request."""
        for pattern, handler in ROUTES:
            found = re.fullmatch(pattern, path)
            if found:
                return handler(self, method, query, body, jurisdiction, *found.groups())
        raise Refusal(400, 7000, f"No route for that URI: {path}")

    # R2

    def bucket(self, name: str, jurisdiction: str) -> dict[str, Any]:
        found = self.buckets.get(name)
        if not found or found["jurisdiction"] != jurisdiction:
            raise Refusal(404, 10006, "The specified bucket does not exist.")
        return found

    def open_r2(self, method: str) -> None:
        self.need("Workers R2 Storage", method)
        if not self.r2_enabled:
            raise Refusal(403, 10042, "Please enable R2 through the Cloudflare Dashboard.")

    def create_bucket(self, method: str, _query: dict[str, str], body: Any, jurisdiction: str) -> Any:
        self.open_r2(method)
        if method != "POST":
            raise Refusal(405, 10405, "Method not allowed")
        name = rules.bucket(body)
        if name in self.buckets:
            raise Refusal(409, 10004, "The bucket you tried to create already exists, and you own it.")
        self.buckets[name] = {
            "jurisdiction": jurisdiction,
            "location": body.get("locationHint", "weur"),
            "cors": None,
            "lifecycle": [rules.DEFAULT_LIFECYCLE],
            "managed": False,
            "domains": {},
            "events": {},
        }
        return {"name": name}

    def one_bucket(self, method: str, _query: Any, _body: Any, jurisdiction: str, name: str) -> Any:
        self.open_r2(method)
        rules.only(method, "GET")
        found = self.bucket(name, jurisdiction)
        return {"name": name, "location": found["location"].upper(), "jurisdiction": jurisdiction}

    def cors(self, method: str, _query: Any, body: Any, jurisdiction: str, name: str) -> Any:
        self.open_r2(method)
        found = self.bucket(name, jurisdiction)
        if method == "GET":
            if found["cors"] is None:
                raise Refusal(404, 10059, "The CORS configuration does not exist.")
            return {"rules": found["cors"]}
        rules.only(method, "PUT", "DELETE")
        found["cors"] = rules.cors(body) if method == "PUT" else None
        return {}

    def lifecycle(self, method: str, _query: Any, body: Any, jurisdiction: str, name: str) -> Any:
        self.open_r2(method)
        found = self.bucket(name, jurisdiction)
        if method == "GET":
            return {"rules": found["lifecycle"]}
        rules.only(method, "PUT")
        found["lifecycle"] = rules.lifecycle(body)
        return {}

    def managed_domain(self, method: str, _query: Any, body: Any, jurisdiction: str, name: str) -> Any:
        self.open_r2(method)
        found = self.bucket(name, jurisdiction)
        if method != "GET":
            rules.only(method, "PUT")
            fields(body, {"enabled": bool}, {})
            found["managed"] = body["enabled"]
        return {"bucketId": id_of(name), "domain": f"pub-{id_of(name)}.r2.dev", "enabled": found["managed"]}

    def domains(self, method: str, _query: Any, body: Any, jurisdiction: str, name: str) -> Any:
        self.open_r2(method)
        found = self.bucket(name, jurisdiction)
        if method == "GET":
            status = {"ownership": "active", "ssl": "active"}
            return {"domains": [{"domain": host, "status": status, **it} for host, it in found["domains"].items()]}
        rules.only(method, "POST")
        host, settings = rules.domain(body, ZONE)
        if any(host in it["domains"] for it in self.buckets.values()):
            raise Refusal(409, 10056, "The domain is already attached to a bucket.")
        found["domains"][host] = settings
        return {"domain": host, **settings}

    def one_domain(self, method: str, _query: Any, body: Any, jurisdiction: str, name: str, host: str) -> Any:
        self.open_r2(method)
        found = self.bucket(name, jurisdiction)["domains"]
        if host not in found:
            raise Refusal(404, 10057, "The domain does not exist.")
        rules.only(method, "PUT")
        fields(body, {}, {"enabled": bool, "minTLS": str, "ciphers": list})
        found[host] |= body
        return {"domain": host, **found[host]}

    def event_rules(self, method: str, _query: Any, _body: Any, jurisdiction: str, name: str) -> Any:
        self.open_r2(method)
        rules.only(method, "GET")
        found = self.bucket(name, jurisdiction)["events"]
        if not found:
            raise Refusal(404, 11015, "The bucket has no event notification configuration.")
        names = {it["queue_id"]: name for name, it in self.queues.items()}
        queues = [{"queueId": id, "queueName": names[id], "rules": it} for id, it in found.items()]
        return {"bucketName": name, "queues": queues}

    def queue_rules(self, method: str, _query: Any, body: Any, jurisdiction: str, name: str, queue: str) -> Any:
        self.open_r2(method)
        events = self.bucket(name, jurisdiction)["events"]
        if queue not in {it["queue_id"] for it in self.queues.values()}:
            raise Refusal(404, 11011, "Queue not found")
        rules.only(method, "PUT", "DELETE")
        if method == "DELETE":
            fields(body, {"ruleIds": list}, {})
            events[queue] = [it for it in events.get(queue, []) if it["ruleId"] not in body["ruleIds"]]
            if not events[queue]:
                del events[queue]
            return {}
        for rule in rules.event_rules(body, [it for found in events.values() for it in found]):
            rule_id = id_of(name, queue, json.dumps(rule, sort_keys=True))
            events.setdefault(queue, []).append({**rule, "ruleId": rule_id})
        return {}

    # Queues and KV

    def all_queues(self, method: str, query: dict[str, str], body: Any, _jurisdiction: str) -> Any:
        self.need("Queues", method)
        if method == "GET":
            rules.parameters(query, "name", "page", "per_page")
            found = [it for name, it in self.queues.items() if query.get("name", "") in name]
            return rules.page(found, query)
        rules.only(method, "POST")
        fields(body, {"queue_name": str}, {"settings": dict})
        if body["queue_name"] in self.queues:
            raise Refusal(409, 11009, "Queue name is already taken")
        settings = {"delivery_delay": 0, "message_retention_period": 345_600, "delivery_paused": False}
        name = body["queue_name"]
        settings |= rules.queue_settings(body.get("settings", {}), self.plan)
        counts = {"producers_total_count": 0, "consumers_total_count": 0, "created_on": "", "modified_on": ""}
        self.queues[name] = {"queue_id": id_of("queue", name), "queue_name": name, "settings": settings, **counts}
        return self.queues[name]

    def one_queue(self, method: str, _query: Any, body: Any, _jurisdiction: str, queue: str) -> Any:
        self.need("Queues", method)
        rules.only(method, "PATCH")
        found = next((it for it in self.queues.values() if it["queue_id"] == queue), None)
        if not found:
            raise Refusal(404, 11011, "Queue not found")
        fields(body, {}, {"settings": dict, "queue_name": str})
        defaults = {"delivery_delay": 0, "message_retention_period": 345_600, "delivery_paused": False}
        found["settings"] = defaults | rules.queue_settings(body.get("settings", {}), self.plan)
        return found

    def kv_namespaces(self, method: str, query: dict[str, str], body: Any, _jurisdiction: str) -> Any:
        self.need("Workers KV Storage", method)
        if method == "GET":
            rules.parameters(query, "page", "per_page", "order", "direction")
            return rules.page([{"id": id, "title": title} for title, id in self.namespaces.items()], query)
        rules.only(method, "POST")
        fields(body, {"title": str}, {})
        if body["title"] in self.namespaces:
            raise Refusal(400, 10014, "a namespace with this account ID and title already exists")
        self.namespaces[body["title"]] = id_of("kv", body["title"])
        return {"id": self.namespaces[body["title"]], "title": body["title"]}

    # Zones

    def zones(self, method: str, query: dict[str, str], _body: Any, _jurisdiction: str) -> Any:
        self.need("Zone", method)
        rules.only(method, "GET")
        rules.parameters(query, "name", "account.id")
        return [ZONE] if query.get("name") == ZONE["name"] and query.get("account.id") == ACCOUNT else []

    def entry_point(self, method: str, _query: Any, _body: Any, _jurisdiction: str, phase: str) -> Any:
        self.need(PHASES[phase], method)
        rules.only(method, "GET")
        if phase not in self.rulesets:
            raise Refusal(404, 10003, f"could not find entrypoint ruleset in the {phase} phase")
        return self.rulesets[phase]

    def all_rulesets(self, method: str, _query: Any, body: Any, _jurisdiction: str) -> Any:
        rules.only(method, "POST")
        fields(body, {"name": str, "kind": str, "phase": str, "rules": list}, {"description": str})
        phase = body["phase"]
        self.need(PHASES[phase], method)
        if body["kind"] != "zone" or phase in self.rulesets:
            raise Refusal(400, 20217, "a zone ruleset of this phase already exists")
        ruleset = {"id": id_of("ruleset", phase), "kind": "zone", "phase": phase, "rules": []}
        for rule in body["rules"]:
            rules.add_rule(ruleset, rule)
        self.rulesets[phase] = ruleset
        return ruleset

    def ruleset_rules(
        self, method: str, _query: Any, body: Any, _jurisdiction: str, ruleset: str, rule: str | None
    ) -> Any:
        rules.only(method, "PATCH" if rule else "POST")
        found = next((it for it in self.rulesets.values() if it["id"] == ruleset), None)
        if not found:
            raise Refusal(404, 20203, "the ruleset does not exist")
        self.need(PHASES[found["phase"]], method)
        if rule:
            rules.change_rule(found, rule, body)
        else:
            rules.add_rule(found, body)
        return found

    def switch(self, method: str, _query: Any, body: Any, _jurisdiction: str, name: str) -> Any:
        self.need("Zone Settings", method)
        if method != "GET":
            rules.only(method, "PATCH")
            fields(body, {"value": str}, {})
            if body["value"] not in ("on", "off"):
                raise Refusal(400, 1007, "Invalid value for zone setting")
            self.switches[name] = body["value"]
        return {"id": name, "value": self.switches[name], "editable": True}


R2 = rf"/accounts/{ACCOUNT}/r2/buckets"
EVENTS = rf"/accounts/{ACCOUNT}/event_notifications/r2/([^/]+)/configuration"
RULESETS = rf"/zones/{ZONE['id']}/rulesets"
ROUTES: list[tuple[str, Callable[..., Any]]] = [
    (R2, Account.create_bucket),
    (rf"{R2}/([^/]+)", Account.one_bucket),
    (rf"{R2}/([^/]+)/cors", Account.cors),
    (rf"{R2}/([^/]+)/lifecycle", Account.lifecycle),
    (rf"{R2}/([^/]+)/domains/managed", Account.managed_domain),
    (rf"{R2}/([^/]+)/domains/custom", Account.domains),
    (rf"{R2}/([^/]+)/domains/custom/([^/]+)", Account.one_domain),
    (EVENTS, Account.event_rules),
    (rf"{EVENTS}/queues/([^/]+)", Account.queue_rules),
    (rf"/accounts/{ACCOUNT}/queues", Account.all_queues),
    (rf"/accounts/{ACCOUNT}/queues/([^/]+)", Account.one_queue),
    (rf"/accounts/{ACCOUNT}/storage/kv/namespaces", Account.kv_namespaces),
    ("/zones", Account.zones),
    (rf"{RULESETS}/phases/({'|'.join(PHASES)})/entrypoint", Account.entry_point),
    (RULESETS, Account.all_rulesets),
    (rf"{RULESETS}/([^/]+)/rules(?:/([^/]+))?", Account.ruleset_rules),
    (rf"/zones/{ZONE['id']}/({'|'.join(SWITCHES)})", Account.switch),
]


class Server(ThreadingHTTPServer):
    """The API on a port of the loopback interface."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.account = Account()
        self.requests: list[tuple[str, str]] = []
        # Called with the number of each request, from 0: `None`, or how to fail: "drop", "lost", "500" or "429".
        self.fault: Callable[[int], str | None] = lambda _number: None
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/client/v4"

    def writes(self) -> list[tuple[str, str]]:
        return [it for it in self.requests if it[0] != "GET"]

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def handle_one(self) -> None:
        url = urlsplit(self.path)
        path = url.path.removeprefix("/client/v4")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.fault(len(self.server.requests))
        self.server.requests.append((self.command, path))
        if fault == "drop":
            self.close_connection = True
            return
        if fault in ("500", "429"):
            self.reply(int(fault), {"success": False, "errors": [], "result": None})
            return
        try:
            result = self.result(path, dict(parse_qsl(url.query)), json.loads(body) if body else None)
            status, answer = 200, {"success": True, "errors": [], "messages": [], "result": result}
        except Refusal as refusal:
            status, errors = refusal.status, [{"code": refusal.code, "message": refusal.message}]
            answer = {"success": False, "errors": errors, "messages": [], "result": None}
        if fault != "lost":
            self.reply(status, answer)

    def result(self, path: str, query: dict[str, str], body: Any) -> Any:
        is_valid = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        if path in (f"/accounts/{ACCOUNT}/tokens/verify", "/user/tokens/verify"):
            if not is_valid or path.startswith("/accounts"):
                raise Refusal(401, 1000, "Invalid API Token")
            return {"id": id_of(TOKEN), "status": "active"}
        if not is_valid:
            raise Refusal(403, 10000, "Authentication error")
        if body is not None and self.headers.get("Content-Type") != "application/json":
            raise Refusal(400, 6003, "Invalid request headers")
        jurisdiction = self.headers.get("cf-r2-jurisdiction", "default")
        return self.server.account.answer(self.command, path, query, body, jurisdiction)

    def reply(self, status: int, answer: Any) -> None:
        text = json.dumps(answer).encode()
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", "7")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the tests read `Server.requests`."""
