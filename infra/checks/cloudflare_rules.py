"""What Cloudflare's API accepts: the checks of cloudflare_api.py, as the API's documentation and wrangler have them."""

import re
from hashlib import sha256
from typing import Any

DEFAULT_LIFECYCLE = {
    "id": "Default Multipart Abort Rule",
    "enabled": True,
    "conditions": {"prefix": ""},
    "abortMultipartUploadsTransition": {"condition": {"type": "Age", "maxAge": 604_800}},
}
ACTIONS = ["PutObject", "CopyObject", "DeleteObject", "CompleteMultipartUpload", "LifecycleDeletion"]
# The actions of rules in each phase, as far as the tests need them.
RULE_ACTIONS = {
    "http_request_firewall_custom": ["block", "skip", "log", "managed_challenge"],
    "http_request_cache_settings": ["set_cache_settings"],
}


class Refusal(Exception):
    """An answer with an error."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def invalid(message: str) -> Refusal:
    return Refusal(400, 10026, f"The request body is not valid: {message}")


def only(method: str, *allowed: str) -> None:
    if method not in allowed:
        raise Refusal(405, 10405, f"Method {method} not allowed")


def fields(value: Any, required: dict[str, type], optional: dict[str, type]) -> None:
    """Refuses missing and unknown fields, and other types."""
    if not isinstance(value, dict):
        raise invalid("expected an object")
    missing, unknown = set(required) - set(value), set(value) - set(required) - set(optional)
    if missing or unknown:
        raise invalid(f"missing {sorted(missing)}, unknown {sorted(unknown)}")
    for name, kind in {**required, **optional}.items():
        if name in value and (not isinstance(value[name], kind) or (kind is int and isinstance(value[name], bool))):
            raise invalid(f"{name} is not {kind.__name__}")


def parameters(query: dict[str, str], *known: str) -> None:
    if set(query) - set(known):
        raise Refusal(400, 10027, f"unknown query parameters {sorted(set(query) - set(known))}")


def page(found: list[Any], query: dict[str, str]) -> list[Any]:
    size, number = int(query.get("per_page", 20)), int(query.get("page", 1))
    return found[(number - 1) * size : number * size]


def bucket(body: Any) -> str:
    fields(body, {"name": str}, {"locationHint": str, "storageClass": str})
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", body["name"]):
        raise Refusal(400, 10005, "The bucket name is not valid.")
    if body.get("locationHint", "weur") not in ("apac", "eeur", "enam", "weur", "wnam", "oc"):
        raise invalid("locationHint")
    return body["name"]


def cors(body: Any) -> list[Any]:
    fields(body, {"rules": list}, {})
    for rule in body["rules"]:
        fields(rule, {"allowed": dict}, {"id": str, "exposeHeaders": list, "maxAgeSeconds": int})
        fields(rule["allowed"], {"origins": list, "methods": list}, {"headers": list})
        if not set(rule["allowed"]["methods"]) <= {"GET", "PUT", "POST", "DELETE", "HEAD"}:
            raise invalid("methods")
        if not all(re.fullmatch(r"\*|https?://[^/]+", it) for it in rule["allowed"]["origins"]):
            raise invalid("origins")
        if not 0 <= rule.get("maxAgeSeconds", 0) <= 86_400:
            raise invalid("maxAgeSeconds")
    return body["rules"]


def lifecycle(body: Any) -> list[Any]:
    fields(body, {"rules": list}, {})
    for rule in body["rules"]:
        transitions = {"abortMultipartUploadsTransition": dict, "deleteObjectsTransition": dict}
        fields(rule, {"id": str, "enabled": bool, "conditions": dict}, {**transitions, "storageClassTransitions": list})
        fields(rule["conditions"], {"prefix": str}, {})
        for name in transitions:
            if name in rule:
                fields(rule[name], {"condition": dict}, {})
                fields(rule[name]["condition"], {"type": str, "maxAge": int}, {})
    if len({it["id"] for it in body["rules"]}) < len(body["rules"]):
        raise invalid("two rules have the same id")
    return body["rules"]


def domain(body: Any, zone: dict[str, str]) -> tuple[str, dict[str, Any]]:
    fields(body, {"domain": str, "zoneId": str, "enabled": bool}, {"minTLS": str, "ciphers": list})
    if body["zoneId"] != zone["id"] or not body["domain"].endswith(zone["name"]):
        raise Refusal(400, 10058, "The domain is not in this zone.")
    if body.get("minTLS", "1.0") not in ("1.0", "1.1", "1.2", "1.3"):
        raise invalid("minTLS")
    return body["domain"], {"minTLS": "1.0"} | {key: body[key] for key in body if key not in ("domain", "zoneId")}


def event_rules(body: Any, existing: list[Any]) -> list[Any]:
    fields(body, {"rules": list}, {})
    for rule in body["rules"]:
        fields(rule, {"actions": list}, {"prefix": str, "suffix": str, "description": str})
        if not set(rule["actions"]) <= set(ACTIONS):
            raise invalid("actions")
        for other in existing:
            one, two = rule.get("prefix", ""), other.get("prefix", "")
            if set(rule["actions"]) & set(other["actions"]) and (one.startswith(two) or two.startswith(one)):
                raise Refusal(409, 11020, "conflicting event notification rules")
    return body["rules"]


def queue_settings(settings: Any, plan: str) -> dict[str, Any]:
    fields(settings, {}, {"message_retention_period": int, "delivery_delay": int, "delivery_paused": bool})
    retention = settings.get("message_retention_period")
    if retention is None:
        return settings
    if not 60 <= retention <= 1_209_600:
        raise invalid("message_retention_period")
    if plan == "free" and retention != 86_400:
        raise Refusal(400, 11013, "message retention period cannot be configured on the free plan")
    return {**settings, "message_retention_period": min(retention, 86_400) if plan == "clamped" else retention}


def checked_rule(ruleset: dict[str, Any], rule: Any) -> dict[str, Any]:
    optional = {"ref": str, "description": str, "enabled": bool, "action_parameters": dict, "position": dict}
    fields(rule, {"action": str, "expression": str}, optional)
    if rule["action"] not in RULE_ACTIONS[ruleset["phase"]]:
        raise Refusal(400, 20015, f"action {rule['action']} is not allowed in this phase")
    if not rule["expression"].startswith("("):
        raise Refusal(400, 20127, "could not parse the expression")
    if rule["action"] == "set_cache_settings":
        known = {"cache": bool, "edge_ttl": dict, "browser_ttl": dict}
        fields(rule.get("action_parameters"), {}, known)
        for name in ("edge_ttl", "browser_ttl"):
            modes = ("respect_origin", "bypass_by_default", "override_origin")
            if rule["action_parameters"].get(name, {}).get("mode", "respect_origin") not in modes:
                raise invalid(name)
    return {key: value for key, value in rule.items() if key != "position"}


def add_rule(ruleset: dict[str, Any], rule: Any) -> None:
    made = checked_rule(ruleset, rule)
    if any(it.get("ref") == made.get("ref") for it in ruleset["rules"]):
        raise Refusal(400, 20021, "two rules have the same reference")
    made["id"] = sha256(f"{ruleset['phase']}/{made.get('ref')}".encode()).hexdigest()[:32]
    position = rule.get("position", {}).get("index", len(ruleset["rules"]) + 1)
    ruleset["rules"].insert(position - 1, made)


def change_rule(ruleset: dict[str, Any], rule_id: str, rule: Any) -> None:
    found = next((it for it in ruleset["rules"] if it["id"] == rule_id), None)
    if not found:
        raise Refusal(404, 20204, "the rule does not exist")
    found |= checked_rule(ruleset, rule)
