"""What Edgereel costs, from prices and measured receipts: the arithmetic of scripts/costs.py."""

import tomllib
from dataclasses import dataclass

GB = 1e9
HOUR_MS = 3_600_000
# The memory that a vCPU brings along, as the prices of Fargate, Lambda and Containers count it.
FARGATE_GIGABYTES_PER_VCPU = 2
LAMBDA_GIGABYTES_PER_VCPU = 1.769
CONTAINER_GIBIBYTES_PER_VCPU = 3
CONTAINER_DISK_GIGABYTES_PER_VCPU = 5
MONTH_HOURS = 730
OWN_SERVER_VCPU = 8


class Prices:
    """The prices of infra/prices.toml by name, `aws.egress_gigabyte`."""

    def __init__(self, text: str) -> None:
        self.entries = {
            f"{table}.{name}": entry for table, values in tomllib.loads(text).items() for name, entry in values.items()
        }

    def __getitem__(self, name: str) -> float:
        return self.entries[name]["usd"]

    def egress(self, gigabytes: float) -> float:
        """What a month's traffic out of AWS costs, with its tiers.

        >>> prices = Prices('[aws]\\negress_gigabyte = { tiers = [[100, 0.0], [1000, 0.09], [2000, 0.05]] }')
        >>> prices.egress(50), round(prices.egress(600), 2), round(prices.egress(1500), 2)
        (0.0, 45.0, 106.0)
        """
        cost, below = 0.0, 0.0
        for limit, usd in self.entries["aws.egress_gigabyte"]["tiers"]:
            cost += max(0.0, min(gigabytes, limit) - below) * usd
            below = limit
        return cost + max(0.0, gigabytes - below) * usd

    def egress_gigabyte(self) -> float:
        """The first price of traffic out of AWS that is not free.

        >>> Prices('[aws]\\negress_gigabyte = { tiers = [[100, 0.0], [1000, 0.09], [2000, 0.05]] }').egress_gigabyte()
        0.09
        """
        return next(usd for _, usd in self.entries["aws.egress_gigabyte"]["tiers"] if usd)


@dataclass
class Film:
    """A measured receipt, per hour of video."""

    title: str
    about: dict
    cpu_hours: float
    gigabytes_in: float
    gigabytes_out: float
    writes: float
    reads: float
    stored: float
    source: float

    @classmethod
    def of(cls, measured: dict) -> "Film":
        """
        >>> receipt = {"cpu_ms": 60_000, "source_ms": 30_000, "bytes_in": 1, "bytes_out": 10_000_000,
        ...     "store_writes": 10, "store_reads": 5, "stored_bytes": 12_000_000}
        >>> film = Film.of({"title": "a film", "source_bytes": 2_000_000, "receipt": receipt})
        >>> film.cpu_hours, film.gigabytes_out, film.writes, film.source
        (2.0, 1.2, 1200.0, 0.24)
        """
        receipt = measured["receipt"]
        scale = HOUR_MS / receipt["source_ms"]
        return cls(
            measured["title"],
            measured,
            cpu_hours=receipt["cpu_ms"] * scale / HOUR_MS,
            gigabytes_in=receipt["bytes_in"] * scale / GB,
            gigabytes_out=receipt["bytes_out"] * scale / GB,
            writes=receipt["store_writes"] * scale,
            reads=receipt["store_reads"] * scale,
            stored=receipt["stored_bytes"] * scale / GB,
            source=measured["source_bytes"] * scale / GB,
        )


@dataclass
class Road:
    """A place of transcoders: USD per vCPU-hour, and per GB that a transcoder writes or reads."""

    name: str
    vcpu_hour: float
    out: float = 0.0
    out_most: float | None = None
    gateway: float = 0.0

    def compute(self, film: Film) -> float:
        return film.cpu_hours * self.vcpu_hour

    def traffic(self, film: Film) -> float:
        return film.gigabytes_out * self.out + (film.gigabytes_in + film.gigabytes_out) * self.gateway

    def traffic_most(self, film: Film) -> float | None:
        return None if self.out_most is None else film.gigabytes_out * self.out_most


def roads(prices: Prices) -> list[Road]:
    """All roads, in the order of the page."""
    x86 = prices["aws.fargate_x86_vcpu_hour"] + FARGATE_GIGABYTES_PER_VCPU * prices["aws.fargate_x86_gigabyte_hour"]
    arm = prices["aws.fargate_arm_vcpu_hour"] + FARGATE_GIGABYTES_PER_VCPU * prices["aws.fargate_arm_gigabyte_hour"]
    spot = arm * prices["aws.fargate_spot_factor"]
    out = prices.egress_gigabyte()
    container = 3600 * (
        prices["cloudflare.containers_vcpu_second"]
        + CONTAINER_GIBIBYTES_PER_VCPU * prices["cloudflare.containers_gibibyte_second"]
        + CONTAINER_DISK_GIGABYTES_PER_VCPU * prices["cloudflare.containers_disk_gigabyte_second"]
    )
    return [
        Road("a laptop, or a machine that is there anyway", 0.0),
        Road("own server, busy all month", prices["own_server.month"] / MONTH_HOURS / OWN_SERVER_VCPU),
        Road("AWS Fargate, x86", x86, out),
        Road("AWS Fargate, arm64", arm, out),
        Road("AWS Fargate Spot, arm64", spot, out),
        Road("the same, behind a NAT gateway", spot, out, gateway=prices["aws.nat_gateway_gigabyte"]),
        Road(
            "AWS Lambda, arm64",
            3600 * LAMBDA_GIGABYTES_PER_VCPU * prices["aws.lambda_arm_gigabyte_second"],
            out,
        ),
        Road("Cloudflare Containers", container, 0.0, out_most=prices["cloudflare.containers_egress_gigabyte"]),
    ]


def requests(prices: Prices, film: Film) -> float:
    """R2's price of the requests of a transcoder, per hour of video."""
    return (
        film.writes * prices["cloudflare.r2_million_class_a"] + film.reads * prices["cloudflare.r2_million_class_b"]
    ) / 1e6


@dataclass
class Delivery:
    """A month of playback: hours watched, and how."""

    hours: float
    mbit: float = 3.0
    segment_seconds: float = 6.0
    # Video and audio are separate segments.
    segments_at_once: int = 2
    view_minutes: float = 30.0
    # Playlists and keys of one view, and the names that the edge looks up in KV for each.
    requests_per_view: int = 8
    names_per_request: int = 3
    worker_cpu_ms: float = 0.3

    @property
    def gigabytes(self) -> float:
        """
        >>> Delivery(100_000).gigabytes
        135000.0
        """
        return self.hours * 3600 * self.mbit / 8 / 1000

    @property
    def segments(self) -> float:
        """
        >>> Delivery(100_000).segments
        120000000.0
        """
        return self.hours * 3600 / self.segment_seconds * self.segments_at_once

    @property
    def others(self) -> float:
        """Requests of playlists and keys."""
        return self.hours * 60 / self.view_minutes * self.requests_per_view

    def month(self, prices: Prices, mode: str, hits: float) -> float:
        """USD in the mode `edge` or `cdn`, where the cache answers the share `hits` of the segments."""
        worker = self.others + (self.segments if mode == "edge" else 0)
        cpu_ms = worker * self.worker_cpu_ms
        names = self.others * self.names_per_request
        return (
            prices["cloudflare.workers_base_month"]
            + max(0, worker / 1e6 - 10) * prices["cloudflare.workers_million_requests"]
            + max(0, cpu_ms / 1e6 - 30) * prices["cloudflare.workers_million_cpu_ms"]
            + max(0, names / 1e6 - 10) * prices["cloudflare.kv_million_reads"]
            + (self.others + self.segments * (1 - hits)) / 1e6 * prices["cloudflare.r2_million_class_b"]
        )
