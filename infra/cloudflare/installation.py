"""The installation's settings: installation.toml, read and validated."""

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from client import SetupError

LOCATIONS = ["apac", "eeur", "enam", "oc", "weur", "wnam"]
JURISDICTIONS = ["eu", "us", "fedramp"]
MAX_RETENTION_SECONDS = 1_209_600
# Variables that follow from other settings of the file.
DERIVED = ["EDGEREEL_PRIVATE_BUCKET", "EDGEREEL_JOBS_URL", "EDGEREEL_SQS_QUEUE_URL", "AWS_REGION", "EDGEREEL_CDN"]
SECRETS = ["EDGEREEL_GRANT_KEYS", "EDGEREEL_PASS_KEYS", "EDGEREEL_KEY_ENCRYPTION_KEYS"]


@dataclass
class Installation:
    """What setup.py creates, and the Worker's settings."""

    zone: str
    worker: str
    edge_host: str
    cpu_ms: int
    private_bucket: str
    media_bucket: str
    location: str | None
    jurisdiction: str | None
    abort_uploads_days: int
    upload_origins: list[str]
    events_queue: str
    dead_queue: str
    retention_seconds: int
    jobs_url: str | None
    sqs_queue_url: str | None
    sqs_region: str | None
    media_host: str | None
    tiered_cache: bool
    edge_list: str
    vars: dict[str, str] = field(default_factory=dict)

    def variables(self) -> dict[str, str]:
        """The Worker's variables."""
        own = {
            "EDGEREEL_PRIVATE_BUCKET": self.private_bucket,
            "EDGEREEL_JOBS_URL": self.jobs_url,
            "EDGEREEL_SQS_QUEUE_URL": self.sqs_queue_url,
            "AWS_REGION": self.sqs_region,
            "EDGEREEL_CDN": f"https://{self.media_host}" if self.media_host else None,
        }
        return {name: value for name, value in own.items() if value} | self.vars

    def secrets(self) -> list[str]:
        """The names of the Worker's secrets."""
        jobs = ["EDGEREEL_JOBS_TOKEN"] if self.jobs_url else ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
        return SECRETS + jobs


class _Reader:
    """Reads the values of a table, and notes all problems."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self.problems: list[str] = []
        self.known: set[str] = set()

    def value(self, name: str, kind: type, default: Any = ...) -> Any:
        table, _, key = name.rpartition(".")
        self.known.add(name)
        found = self.root.get(table, {}) if table else self.root
        value = found.get(key) if isinstance(found, dict) else None
        if value is None:
            if default is ...:
                self.problems.append(f"{name} is missing")
                return kind()
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.problems.append(f"{name}: expected {'text' if kind is str else kind.__name__}")
            return kind()
        return value

    def matching(self, name: str, pattern: str, expected: str, default: Any = ...) -> Any:
        value = self.value(name, str, default)
        if value and not re.fullmatch(pattern, value):
            self.problems.append(f"{name}: expected {expected}")
        return value

    def between(self, name: str, low: int, high: int, default: int) -> int:
        value = self.value(name, int, default)
        if not low <= value <= high:
            self.problems.append(f"{name}: expected {low} to {high}")
        return value

    def host(self, name: str, zone: str, default: Any = ...) -> Any:
        value = self.matching(name, r"[a-z0-9-]+(\.[a-z0-9-]+)+", "a host without https://", default)
        if value and zone and value != zone and not value.endswith(f".{zone}"):
            self.problems.append(f"{name}: {value} is not in the zone {zone}")
        return value

    def unknown(self) -> list[str]:
        names = {name for name, value in self.root.items() if not isinstance(value, dict)}
        for table, values in self.root.items():
            if isinstance(values, dict) and table != "vars":
                names |= {f"{table}.{key}" for key in values}
        return sorted(names - self.known)


def is_origin(text: Any) -> bool:
    """Whether a text is an origin, as browsers send it.

    >>> is_origin("https://app.example.com"), is_origin("http://localhost:5173")
    (True, True)
    >>> is_origin("https://app.example.com/"), is_origin("app.example.com"), is_origin("*")
    (False, False, False)
    """
    if not isinstance(text, str):
        return False
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.netloc) and text == f"{parts.scheme}://{parts.netloc}"


def parse(text: str) -> Installation:
    """Reads the text of installation.toml. Raises `SetupError` with all problems at once."""
    try:
        reader = _Reader(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SetupError(f"not TOML: {error}") from None
    bucket, queue = r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", r"[a-z0-9][a-z0-9-]{0,62}"
    zone = reader.matching("zone", r"[a-z0-9-]+(\.[a-z0-9-]+)+", "a domain, example.com")
    mode = reader.matching("delivery.mode", "edge|cdn", "edge or cdn", "edge")
    media_host = reader.host("delivery.media_host", zone, None)
    installation = Installation(
        zone=zone,
        worker=reader.matching("worker.name", queue, "a-z, 0-9 and hyphens", "edgereel"),
        edge_host=reader.host("worker.host", zone),
        cpu_ms=reader.between("worker.cpu_ms", 0, 300_000, 1000),
        private_bucket=reader.matching("buckets.private", bucket, "3 to 63 of a-z, 0-9 and hyphens"),
        media_bucket=reader.matching("buckets.media", bucket, "3 to 63 of a-z, 0-9 and hyphens"),
        location=reader.matching("buckets.location", "|".join(LOCATIONS), "one of " + ", ".join(LOCATIONS), None),
        jurisdiction=reader.matching(
            "buckets.jurisdiction", "|".join(JURISDICTIONS), "one of " + ", ".join(JURISDICTIONS), None
        ),
        abort_uploads_days=reader.between("buckets.abort_uploads_days", 1, 7, 7),
        upload_origins=reader.value("uploads.origins", list, []),
        events_queue=reader.matching("queues.events", queue, "a-z, 0-9 and hyphens", "edgereel-events"),
        dead_queue=reader.matching("queues.dead", queue, "a-z, 0-9 and hyphens", "edgereel-events-dead"),
        retention_seconds=reader.between("queues.retention_seconds", 60, MAX_RETENTION_SECONDS, MAX_RETENTION_SECONDS),
        jobs_url=reader.matching("jobs.url", r"https://[^/\s]+/\S*", "a URL, https://API/v1/events", None),
        sqs_queue_url=reader.matching("jobs.sqs_queue_url", r"https://[^/\s]+/\S+", "a URL, https://...", None),
        sqs_region=reader.value("jobs.region", str, None),
        media_host=media_host if mode == "cdn" else None,
        tiered_cache=reader.value("delivery.tiered_cache", bool, True),
        edge_list=reader.value("edge_list.title", str, "edgereel-edge-list"),
        vars=reader.root.get("vars", {}),
    )
    problems = reader.problems + [f"{name} is not a setting" for name in reader.unknown()]
    problems += _combinations(installation, mode, media_host)
    if problems:
        raise SetupError("; ".join(problems))
    return installation


def _combinations(it: Installation, mode: str, media_host: str | None) -> list[str]:
    """The problems of settings that do not fit together."""
    problems = [f"uploads.origins: {text!r} is not an origin" for text in it.upload_origins if not is_origin(text)]
    if mode == "cdn" and not media_host:
        problems.append("delivery.media_host is missing: the mode cdn needs it")
    if media_host and media_host == it.edge_host:
        problems.append("delivery.media_host and worker.host must differ")
    if it.private_bucket == it.media_bucket:
        problems.append("buckets.private and buckets.media must differ")
    if it.events_queue == it.dead_queue:
        problems.append("queues.events and queues.dead must differ")
    if it.location and it.jurisdiction:
        problems.append("buckets.location and buckets.jurisdiction: set only one of them")
    if bool(it.jobs_url) == bool(it.sqs_queue_url):
        problems.append("jobs: set either url or sqs_queue_url")
    if it.sqs_queue_url and not it.sqs_region:
        problems.append("jobs.region is missing: SQS needs it")
    if not isinstance(it.vars, dict) or not all(isinstance(value, str) for value in it.vars.values()):
        problems.append("vars: expected texts")
    else:
        problems += [f"vars.{name} follows from other settings" for name in it.vars if name in DERIVED]
        problems += [f"vars.{name} is a secret: never write it here" for name in it.vars if name in ALL_SECRETS]
    return problems


ALL_SECRETS = [*SECRETS, "EDGEREEL_JOBS_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]


def read(path: Path) -> Installation:
    """Reads a file of settings."""
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        example = Path(__file__).with_name("installation.example.toml")
        raise SetupError(f"{path} does not exist: copy {example} and change the names") from None
    except SetupError as error:
        raise SetupError(f"{path}: {error}") from None
