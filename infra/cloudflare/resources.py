"""What setup.py creates at Cloudflare. Each resource is a function that reads the present state, and returns the change
that is missing, or `None`. So a resource can be asked again after an interruption, and a finished set-up changes
nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from client import Cloudflare, SetupError, Transient, quoted
from installation import Installation

# Ids of the rules that belong to this script. All other rules stay as they are.
UPLOADS_RULE = "edgereel-uploads"
MEDIA_RULE = "edgereel-media"
ABORT_RULE = "edgereel-abort-uploads"
EVENT_RULE = "edgereel: uploads become jobs"
FIREWALL_RULE = "edgereel_media_segments_only"
# Encrypted segments. Initialisation sections of fragmented MP4 (`.mp4`) come from the edge.
SEGMENT_SUFFIXES = (".ts", ".m4s")
CACHE_RULE = "edgereel_media_cache"
# What `wrangler r2 bucket notification create --event-type object-create` sends.
CREATIONS = ["PutObject", "CompleteMultipartUpload", "CopyObject"]
UPLOADS_PREFIX = "uploads/"
DAY_SECONDS = 86_400
FREE_PLAN = (
    "Cloudflare's free plan keeps messages for 24 hours: set `retention_seconds = 86400` in the table [queues] of "
    "installation.toml, or subscribe to the paid plan of Workers, which keeps them for up to 14 days"
)


@dataclass
class Change:
    """A difference between the present and the required state."""

    kind: str  # `created` or `changed`; `manual`: only the operator may change it
    what: str
    run: Callable[[], Any] | None = None


@dataclass
class Resource:
    """A resource by its name in the output."""

    name: str
    look: Callable[[Cloudflare], Change | None]


def same(wanted: Any, found: Any) -> bool:
    """Whether Cloudflare has what is required. It may have more fields, and another order of lists.

    >>> same({"a": [1, 2], "b": {"c": 1}}, {"a": [2, 1], "b": {"c": 1, "d": 2}, "e": 3})
    True
    >>> same({"a": [1]}, {"a": [1, 2]}), same({"a": 1}, {}), same("ETag", "etag")
    (False, False, True)
    """
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(same(value, found.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and sorted(map(_key, wanted)) == sorted(map(_key, found))
    return _key(wanted) == _key(found)


def _key(value: Any) -> str:
    return str(value).lower()


def all_resources(it: Installation, zone: str) -> list[Resource]:
    """All resources, in the order in which they can be created. `zone`: the id of the zone."""
    buckets = [it.private_bucket, it.media_bucket]
    resources = [Resource(f"bucket {name}", partial(bucket, name=name, location=it.location)) for name in buckets]
    resources += [Resource(f"r2.dev access to {name}", partial(no_public_url, bucket=name)) for name in buckets]
    private = it.private_bucket
    resources.append(Resource(f"domains of {private}", partial(no_domain, bucket=private, keep=None)))
    resources.append(Resource(f"CORS rule of {private}", partial(cors, bucket=private, rule=uploads_rule(it))))
    resources += [
        Resource(f"lifecycle rule of {name}", partial(abort_uploads, bucket=name, days=it.abort_uploads_days))
        for name in buckets
    ]
    resources += [
        Resource(f"queue {name}", partial(queue, name=name, retention=it.retention_seconds))
        for name in (it.dead_queue, it.events_queue)
    ]
    resources.append(Resource(f"event rule of {private}", partial(events, bucket=private, name=it.events_queue)))
    resources.append(Resource(f"KV namespace {it.edge_list}", partial(namespace, title=it.edge_list)))
    if it.media_host:
        resources += delivery(it, zone, it.media_host)
    resources.append(
        Resource(f"domains of {it.media_bucket}", partial(no_domain, bucket=it.media_bucket, keep=it.media_host))
    )
    return resources


def delivery(it: Installation, zone: str, host: str) -> list[Resource]:
    """What the mode `cdn` needs. The domain comes last: until the firewall rule exists, it would also serve playlists
    and images, which are not encrypted."""
    suffixes = " or ".join(f'ends_with(http.request.uri.path, "{it}")' for it in SEGMENT_SUFFIXES)
    only_segments = {
        "ref": FIREWALL_RULE,
        "description": "Edgereel: only segments are public",
        "expression": f'(http.host eq "{host}" and not ({suffixes}))',
        "action": "block",
        "enabled": True,
    }
    # These are not among the extensions that Cloudflare caches by default.
    cached = {
        "ref": CACHE_RULE,
        "description": "Edgereel: cache segments",
        "expression": f'(http.host eq "{host}")',
        "action": "set_cache_settings",
        "action_parameters": {
            "cache": True,
            "edge_ttl": {"mode": "respect_origin"},
            "browser_ttl": {"mode": "respect_origin"},
        },
        "enabled": True,
    }
    firewall, cache = "http_request_firewall_custom", "http_request_cache_settings"
    block = partial(zone_rule, zone=zone, phase=firewall, rule=only_segments, first=True)
    resources = [
        Resource(f"firewall rule of {host}", block),
        Resource(f"cache rule of {host}", partial(zone_rule, zone=zone, phase=cache, rule=cached, first=False)),
    ]
    if it.tiered_cache:
        resources += [
            Resource(f"{title} of {it.zone}", partial(switched_on, path=f"/zones/{zone}/{path}"))
            for title, path in (
                ("Tiered Cache", "argo/tiered_caching"),
                ("Smart Tiered Cache", "cache/tiered_cache_smart_topology_enable"),
            )
        ]
    resources.append(
        Resource(f"CORS rule of {it.media_bucket}", partial(cors, bucket=it.media_bucket, rule=segments_rule()))
    )
    resources.append(Resource(f"domain {host}", partial(domain, bucket=it.media_bucket, host=host, zone=zone)))
    return resources


def uploads_rule(it: Installation) -> dict[str, Any] | None:
    """The CORS rule of the private bucket, as docs/uploads.md describes it."""
    if not it.upload_origins:
        return None
    return {
        "id": UPLOADS_RULE,
        "allowed": {"origins": it.upload_origins, "methods": ["PUT"], "headers": ["content-type", "if-none-match"]},
        "exposeHeaders": ["ETag"],
        "maxAgeSeconds": 3600,
    }


def segments_rule() -> dict[str, Any]:
    """The CORS rule of the media bucket in the mode `cdn`: every page may read segments, which are encrypted."""
    return {
        "id": MEDIA_RULE,
        "allowed": {"origins": ["*"], "methods": ["GET", "HEAD"], "headers": ["range"]},
        "exposeHeaders": ["content-length", "content-range"],
        "maxAgeSeconds": 86_400,
    }


def _bucket_path(api: Cloudflare, name: str) -> str:
    return f"/accounts/{api.account}/r2/buckets/{quoted(name)}"


def bucket(api: Cloudflare, name: str, location: str | None) -> Change | None:
    """A bucket. Cloudflare cannot change the location of an existing one."""
    if api.get(_bucket_path(api, name)):
        return None
    body = {"name": name} | ({"locationHint": location} if location else {})
    place = location or (f"jurisdiction {api.jurisdiction}" if api.jurisdiction else "automatic location")
    return Change("created", place, lambda: api.write("POST", f"/accounts/{api.account}/r2/buckets", body))


def no_public_url(api: Cloudflare, bucket: str) -> Change | None:
    """The bucket is not public at its URL of r2.dev, which has no firewall."""
    path = f"{_bucket_path(api, bucket)}/domains/managed"
    if not (api.get(path) or {}).get("enabled"):
        return None
    return Change("changed", "disabled", lambda: api.write("PUT", path, {"enabled": False}))


def no_domain(api: Cloudflare, bucket: str, keep: str | None) -> Change | None:
    """The bucket is not public at any domain but `keep`."""
    found = (api.get(f"{_bucket_path(api, bucket)}/domains/custom") or {}).get("domains") or []
    public = [it["domain"] for it in found if it.get("enabled") and it["domain"] != keep]
    if not public:
        return None
    hosts = ", ".join(public)
    return Change("manual", f"{hosts} makes the bucket public: remove it (wrangler r2 bucket domain remove)")


def cors(api: Cloudflare, bucket: str, rule: dict[str, Any] | None) -> Change | None:
    """One CORS rule of a bucket; the others stay. `None`: no rule of this script."""
    path = f"{_bucket_path(api, bucket)}/cors"
    rules = (api.get(path) or {}).get("rules") or []
    ids = [rule["id"]] if rule else [UPLOADS_RULE]
    mine = [it for it in rules if it.get("id") in ids]
    if rule and any(same({**rule, "id": it.get("id")}, it) for it in rules):
        return None
    if not rule and not mine:
        return None
    others = [it for it in rules if it not in mine]
    kept = others + ([rule] if rule else [])
    what = f"origins {', '.join(rule['allowed']['origins'])}" if rule else "no origins"
    kind = "changed" if mine else "created"
    if not kept:
        return Change(kind, what, lambda: api.write("DELETE", path, None))
    return Change(kind, what, lambda: api.write("PUT", path, {"rules": kept}))


def abort_uploads(api: Cloudflare, bucket: str, days: int) -> Change | None:
    """The lifecycle rule that removes parts of uploads that were never completed; other rules stay."""
    path = f"{_bucket_path(api, bucket)}/lifecycle"
    rules = (api.get(path) or {}).get("rules") or []
    rule = {
        "id": ABORT_RULE,
        "enabled": True,
        "conditions": {"prefix": ""},
        "abortMultipartUploadsTransition": {"condition": {"type": "Age", "maxAge": days * DAY_SECONDS}},
    }
    mine = [it for it in rules if it.get("id") == ABORT_RULE]
    if mine and same(rule, mine[0]):
        return None
    kept = [it for it in rules if it not in mine] + [rule]
    kind = "changed" if mine else "created"
    return Change(kind, f"incomplete uploads end after {days} d", lambda: api.write("PUT", path, {"rules": kept}))


def find_queue(api: Cloudflare, name: str) -> dict[str, Any] | None:
    """A queue by its name."""
    found = api.pages(f"/accounts/{api.account}/queues?name={quoted(name)}")
    return next((it for it in found if it["queue_name"] == name), None)


def queue(api: Cloudflare, name: str, retention: int) -> Change | None:
    """A queue that keeps messages for `retention` seconds."""
    path = f"/accounts/{api.account}/queues"
    settings = {"settings": {"message_retention_period": retention}}
    what = f"keeps messages for {retention} s"
    found = find_queue(api, name)

    def write(method: str, path: str, body: dict[str, Any]) -> None:
        try:
            kept = (api.write(method, path, body) or {}).get("settings") or {}
        except SetupError as error:
            advice = f". {FREE_PLAN}" if "retention" in str(error).lower() else ""
            raise SetupError(f"{error}{advice}") from None
        seconds = kept.get("message_retention_period", retention)
        if seconds != retention:
            raise SetupError(f"Cloudflare keeps its messages for {seconds} s instead of {retention} s. {FREE_PLAN}")

    if not found:
        return Change("created", what, lambda: write("POST", path, {"queue_name": name, **settings}))
    if same(settings["settings"], found.get("settings")):
        return None
    # Without its other settings, Cloudflare would reset them.
    body = {"settings": {**(found.get("settings") or {}), **settings["settings"]}}
    return Change("changed", what, lambda: write("PATCH", f"{path}/{found['queue_id']}", body))


def overlaps(rule: dict[str, Any]) -> bool:
    """Whether one upload would match an event rule as well as ours. Cloudflare refuses such pairs.

    >>> overlaps({"actions": ["PutObject"], "prefix": ""}), overlaps({"actions": ["DeleteObject"]})
    (True, False)
    >>> overlaps({"actions": ["PutObject"], "prefix": "uploads/a", "suffix": ".mp4"})
    True
    >>> overlaps({"actions": ["PutObject"], "prefix": "keys/"})
    False
    """
    prefix = rule.get("prefix") or ""
    return bool(set(rule["actions"]) & set(CREATIONS)) and (
        prefix.startswith(UPLOADS_PREFIX) or UPLOADS_PREFIX.startswith(prefix)
    )


def events(api: Cloudflare, bucket: str, name: str) -> Change | None:
    """The rule by which the bucket sends the events of uploads to the queue."""
    path = f"/accounts/{api.account}/event_notifications/r2/{quoted(bucket)}/configuration"
    wanted = {"actions": CREATIONS, "prefix": UPLOADS_PREFIX, "description": EVENT_RULE}
    body = {"rules": [{**wanted, "suffix": ""}]}
    target = find_queue(api, name)
    stale = []
    for other in (api.get(path) or {}).get("queues") or []:
        for rule in filter(overlaps, other.get("rules") or []):
            right = {**wanted, "description": rule.get("description")}
            if other["queueName"] == name and same(right, rule) and not rule.get("suffix"):
                return None
            if rule.get("description") != EVENT_RULE:
                label = f"rule {rule.get('ruleId')} to the queue {other['queueName']}, prefix {rule.get('prefix')!r}"
                return Change(
                    "manual",
                    f"{label}, also matches uploads, and Cloudflare refuses overlapping rules: remove it "
                    "(wrangler r2 bucket notification delete)",
                )
            stale.append((other["queueId"], rule["ruleId"]))

    def put() -> None:
        if target is None:
            raise Transient(f"the queue {name} is not visible yet")
        for queue_id, rule_id in stale:
            api.write("DELETE", f"{path}/queues/{queue_id}", {"ruleIds": [rule_id]})
        api.write("PUT", f"{path}/queues/{target['queue_id']}", body)

    return Change("changed" if stale else "created", f"{UPLOADS_PREFIX} to the queue {name}", put)


def find_namespace(api: Cloudflare, title: str) -> str | None:
    """The id of a KV namespace."""
    found = api.pages(f"/accounts/{api.account}/storage/kv/namespaces")
    return next((it["id"] for it in found if it["title"] == title), None)


def namespace(api: Cloudflare, title: str) -> Change | None:
    """The KV namespace of revocations and renewals."""
    if find_namespace(api, title):
        return None
    path = f"/accounts/{api.account}/storage/kv/namespaces"
    return Change("created", "for revocations and renewals", lambda: api.write("POST", path, {"title": title}))


def zone_rule(api: Cloudflare, zone: str, phase: str, rule: dict[str, Any], first: bool) -> Change | None:
    """One rule of a phase of the zone; the others stay. `first`: a new rule comes before the others."""
    base = f"/zones/{zone}/rulesets"
    like = f"{base}/phases/{phase}/entrypoint"
    ruleset = api.get(like)
    if not ruleset:
        body = {"name": "default", "kind": "zone", "phase": phase, "rules": [rule]}
        return Change("created", rule["expression"], lambda: api.write("POST", base, body, like))
    mine = next((it for it in ruleset.get("rules") or [] if it.get("ref") == rule["ref"]), None)
    rules = f"{base}/{ruleset['id']}/rules"
    if mine is None:
        body = rule | ({"position": {"index": 1}} if first else {})
        return Change("created", rule["expression"], lambda: api.write("POST", rules, body, like))
    if same(rule, mine):
        return None
    return Change("changed", rule["expression"], lambda: api.write("PATCH", f"{rules}/{mine['id']}", rule, like))


def switched_on(api: Cloudflare, path: str) -> Change | None:
    """A setting of the zone that is `on`."""
    if (api.get(path) or {}).get("value") == "on":
        return None
    return Change("changed", "on", lambda: api.write("PATCH", path, {"value": "on"}))


def domain(api: Cloudflare, bucket: str, host: str, zone: str) -> Change | None:
    """The public domain of the media bucket."""
    path = f"{_bucket_path(api, bucket)}/domains/custom"
    found = (api.get(path) or {}).get("domains") or []
    mine = next((it for it in found if it["domain"] == host), None)
    wanted = {"enabled": True, "minTLS": "1.2"}
    if mine is None:
        body = {"domain": host, "zoneId": zone, **wanted}
        return Change("created", f"serves {bucket}", lambda: api.write("POST", path, body))
    if mine.get("enabled") and mine.get("minTLS") in ("1.2", "1.3"):
        return None
    return Change("changed", "enabled, TLS 1.2", lambda: api.write("PUT", f"{path}/{quoted(host)}", wanted))
