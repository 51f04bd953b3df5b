#!/usr/bin/env python3
"""Writes the tables of docs/scale.md: a large installation on paper, from prices and measured figures. Works offline.

scripts/scale.py           writes the tables into docs/scale.md
scripts/scale.py --check   fails if they are not what this script would write
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from costs import table, usd
from costs_model import MONTH_HOURS, Delivery, Film, Prices, requests, roads

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/scale.md"
BEGIN, END = "<!-- generated: begin -->\n", "<!-- generated: end -->\n"
# docs/database.md: 12 GB for two million videos.
DATABASE_BYTES_PER_VIDEO = 12e9 / 2e6
# docs/load.md: PostgreSQL and the API on two cores.
CREATED_PER_SECOND, STREAMED_PER_SECOND = 1996, 6952


@dataclass
class Load:
    """The installation of the page."""

    uploads_per_hour: float = 10_000
    minutes: float = 10
    videos: float = 10_000_000
    viewers: float = 100_000
    vcpu_per_transcoder: float = 4

    @property
    def hours_per_hour(self) -> float:
        """Hours of video that are uploaded in an hour.

        >>> Load().hours_per_hour
        1666.6666666666667
        """
        return self.uploads_per_hour * self.minutes / 60

    @property
    def hours_per_month(self) -> float:
        return self.hours_per_hour * MONTH_HOURS

    def vcpus(self, film: Film) -> float:
        """Processors that are busy all the time."""
        return self.hours_per_hour * film.cpu_hours


def number(value: float) -> str:
    """
    >>> number(0.5), number(2833.4), number(8_600_000), number(86_400_000_000)
    ('0.5', '2,830', '8.6 million', '86 billion')
    """
    for limit, name in ((1e9, "billion"), (1e6, "million")):
        if value >= limit:
            return f"{float(f'{value / limit:.2g}'):g} {name}"
    return f"{float(f'{value:.3g}'):,.0f}" if value >= 10 else f"{value:.2g}"


def flows(load: Load, film: Film, month: Delivery) -> str:
    """What moves, per second and per month."""
    second = 1 / 3600
    views = load.viewers / (month.view_minutes * 60)
    segments = load.viewers / month.segment_seconds * month.segments_at_once
    created, streamed = number(CREATED_PER_SECOND), number(STREAMED_PER_SECOND)
    rows = [
        ["uploads", load.uploads_per_hour * second, f"the API creates {created} per second on two cores"],
        ["writes to R2 by transcoders", load.hours_per_hour * film.writes * second, "no name twice within 1.5 s"],
        ["reads from R2 by transcoders", load.hours_per_hour * film.reads * second, ""],
        ["views that begin", views, f"the API gives {streamed} playback URLs per second on two cores"],
        ["playlists and keys at the edge", views * month.requests_per_view, "0.3 ms of CPU each"],
        ["segments", segments, "from Cloudflare's cache, or through the Worker"],
    ]
    shown = [[name, number(rate), number(rate * 3600 * MONTH_HOURS), note] for name, rate, note in rows]
    return table(["", "per second", "per month", ""], shown)


def bills(load: Load, prices: Prices, film: Film, month: Delivery) -> str:
    """USD a month."""
    hours = load.hours_per_month
    by_name = {it.name: it for it in roads(prices)}
    server, spot = by_name["own server, busy all month"], by_name["AWS Fargate Spot, arm64"]
    out = hours * film.gigabytes_out
    kept = load.videos * load.minutes / 60 * (film.stored - film.source)
    database = load.videos * DATABASE_BYTES_PER_VIDEO / 1e9
    rows = [
        [f"transcoding on own servers ({number(load.vcpus(film) / 8)} of 8 vCPU)", hours * server.compute(film)],
        [f"transcoding on Fargate Spot, arm64 ({number(load.vcpus(film))} vCPU)", hours * spot.compute(film)],
        [f"traffic from AWS to R2, {number(out / 1000)} TB, only with Fargate", prices.egress(out)],
        ["requests of transcoders to R2", hours * requests(prices, film)],
        [
            f"{number(load.videos)} videos in R2 without their sources, {number(kept / 1e6)} PB",
            kept * prices["cloudflare.r2_gigabyte_month"],
        ],
        ["playback in the mode `cdn`, 95 % from the cache", month.month(prices, "cdn", 0.95)],
        ["playback in the mode `edge`, 95 % from the cache", month.month(prices, "edge", 0.95)],
    ]
    shown = [[name, usd(amount)] for name, amount in rows]
    shown.append([f"the database, {number(database)} GB", "not in the price list"])
    return table(["", "USD a month"], shown)


def tables() -> str:
    """The generated part of the page."""
    prices = Prices((ROOT / "infra/prices.toml").read_text(encoding="utf-8"))
    receipt = json.loads((ROOT / "infra/receipts/1080p-8mbit-encoded.json").read_text(encoding="utf-8"))
    load, film = Load(), Film.of(receipt)
    month = Delivery(load.viewers * MONTH_HOURS)
    jobs = load.vcpus(film) / load.vcpu_per_transcoder
    return f"""\
- {number(load.uploads_per_hour)} uploads an hour, of {number(load.minutes)} minutes each: the 1080p film of
  [Costs](costs.md#receipts), all rungs encoded. That is {number(load.hours_per_hour)} hours of video in
  each hour.
- {number(load.videos)} videos are kept. {number(load.viewers)} viewers watch at any time, at
  {month.mbit:g} Mbit/s, for {number(month.view_minutes)} minutes each.
- {number(load.vcpus(film))} vCPU encode all the time: {number(jobs)} transcoders of
  {number(load.vcpu_per_transcoder)} vCPU.

## What moves

{flows(load, film, month)}

## What it costs

{bills(load, prices, film, month)}
"""


def main() -> int:
    """Writes or checks the tables."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    current = f"{before}{BEGIN}\n{tables()}\n{END}{after}"
    if sys.argv[1:] == ["--check"]:
        if current != text:
            print("docs/scale.md is not current: run scripts/scale.py", file=sys.stderr)
            return 1
        print("scale: the page is current")
        return 0
    PAGE.write_text(current, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
