#!/usr/bin/env python3
"""Writes docs/costs.md from infra/prices.toml and from the measured receipts in infra/receipts. Works offline.

    scripts/costs.py           writes docs/costs.md
    scripts/costs.py --check   fails if docs/costs.md is not what this script would write
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from costs_model import Delivery, Film, Prices, requests, roads

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/costs.md"
# The receipts that the page compares: one film with its top rung copied or encoded, and the film at a lower rate, at
# which the copy replaces the encoded rung of the same size.
COPIED, REPLACED, ENCODED = "1080p-8mbit-copied", "1080p-7mbit-copied", "1080p-8mbit-encoded"
HOURS = 1_000
WATCHED = 100_000


def usd(amount: float) -> str:
    """
    >>> usd(0), usd(0.0123), usd(0.456), usd(12.3), usd(4720.4)
    ('0', '0.012', '0.46', '12.3', '4,720')
    """
    if amount == 0:
        return "0"
    if amount >= 100:
        return f"{amount:,.0f}"
    if amount >= 10:
        return f"{amount:.1f}"
    return f"{amount:.2f}" if amount >= 0.095 else f"{amount:.3f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """
    >>> print(table(["a", "b"], [["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = [head, None, *rows]
    return "\n".join("|" + "---|" * len(head) if it is None else f"| {' | '.join(it)} |" for it in lines)


def between(low: float, high: float | None) -> str:
    """
    >>> between(1, None), between(0, 0.104)
    ('1.00', '0 to 0.10')
    """
    return usd(low) if high is None else f"{usd(low)} to {usd(high)}"


def transcoding(prices: Prices, films: list[Film]) -> str:
    """The table of roads."""
    rows = []
    for road in roads(prices):
        row = [road.name, usd(road.vcpu_hour)]
        for film in films:
            compute, traffic, most = road.compute(film), road.traffic(film), road.traffic_most(film)
            once = compute + requests(prices, film)
            total = between(once + traffic, None if most is None else once + most)
            row.append(f"**{total}** ({usd(compute)} + {between(traffic, most)})")
        rows.append(row)
    return table(["transcoders on", "vCPU-hour", "8 Mbit/s, copied", "7 Mbit/s, copied", "encoded"], rows)


def kept(prices: Prices, film: Film) -> list[str]:
    """Storage of one film in three ways, per 1,000 hours and month."""
    standard, infrequent = prices["cloudflare.r2_gigabyte_month"], prices["cloudflare.r2_infrequent_gigabyte_month"]
    outputs = film.stored - film.source
    return [
        usd(HOURS * outputs * standard),
        usd(HOURS * (outputs * standard + film.source * infrequent)),
        usd(HOURS * film.stored * standard),
    ]


def storage(prices: Prices, copied: Film, encoded: Film) -> str:
    """The table of a month's storage."""
    mux = HOURS * 60 * prices["others.mux_stored_minute_month"]
    stream = HOURS * 60 / 1000 * prices["others.stream_stored_1000_minutes"]
    rows = [
        ["Edgereel on R2, top rung copied at 8 Mbit/s", *kept(prices, copied)],
        ["Edgereel on R2, all encoded", *kept(prices, encoded)],
        ["Mux (unverified)", usd(mux), "", ""],
        ["Cloudflare Stream", usd(stream), "", ""],
    ]
    return table(["", "without the source", "source in infrequent access", "source kept"], rows)


def delivery(prices: Prices, month: Delivery) -> str:
    """The table of a month's playback."""
    minutes = month.hours * 60
    rows = [
        ["Edgereel, mode `edge`, 95 % of segments from the cache", usd(month.month(prices, "edge", 0.95))],
        ["Edgereel, mode `edge`, nothing from the cache", usd(month.month(prices, "edge", 0.0))],
        ["Edgereel, mode `cdn`, 95 % from the cache", usd(month.month(prices, "cdn", 0.95))],
        ["Edgereel, mode `cdn`, nothing from the cache", usd(month.month(prices, "cdn", 0.0))],
        ["Bunny, volume network: traffic alone", usd(month.gigabytes * prices["others.bunny_volume_gigabyte"])],
        ["Bunny, standard network: traffic alone", usd(month.gigabytes * prices["others.bunny_gigabyte"])],
        ["Mux (unverified)", usd(max(0, minutes - 100_000) * prices["others.mux_delivered_minute"])],
        ["Cloudflare Stream", usd(minutes / 1000 * prices["others.stream_delivered_1000_minutes"])],
    ]
    return table(["", f"USD for {month.hours:,.0f} hours"], rows)


def year(prices: Prices, copied: Film, encoded: Film, month: Delivery) -> str:
    """The table of a year: 1,000 hours uploaded at its beginning, kept with their sources, and watched."""
    shown = 12 * month.month(prices, "edge", 0.95)
    per_gigabyte = prices["cloudflare.r2_gigabyte_month"]
    spot = next(it for it in roads(prices) if "Spot" in it.name)
    rows = []
    server = 12 * prices["own_server.month"]
    for name, film in (("copied", copied), ("encoded", encoded)):
        held = 12 * HOURS * film.stored * per_gigabyte
        once = HOURS * requests(prices, film)
        egress = prices.egress(HOURS * film.gigabytes_out)
        spots = HOURS * spot.compute(film) + egress + once
        for road, cost in (("own server", server + once), ("Fargate Spot, arm64", spots)):
            rows.append([f"{road}, top rung {name}", *map(usd, (cost, held, shown, cost + held + shown))])
    minutes, stored = month.hours * 60, HOURS * 60
    mux = (
        12 * stored * prices["others.mux_stored_minute_month"],
        12 * max(0, minutes - 100_000) * prices["others.mux_delivered_minute"],
    )
    stream = (
        12 * stored / 1000 * prices["others.stream_stored_1000_minutes"],
        12 * minutes / 1000 * prices["others.stream_delivered_1000_minutes"],
    )
    rows.append(["Mux, basic quality (unverified)", "0", *map(usd, (*mux, sum(mux)))])
    rows.append(["Cloudflare Stream", "0", *map(usd, (*stream, sum(stream)))])
    return table(["", "transcoding", "storage", "playback", "sum"], rows)


def measured(films: list[Film]) -> str:
    """The table of receipts."""
    rows = [
        [
            it.title,
            f"{it.cpu_hours:.2f}",
            f"{it.gigabytes_in:.2f}",
            f"{it.gigabytes_out:.2f}",
            f"{it.writes:,.0f}",
            f"{it.reads:,.0f}",
            f"{it.stored:.2f}",
        ]
        for it in films
    ]
    head = ["film", "CPU-hours", "GB read", "GB written", "writes", "reads", "GB stored"]
    return table(head, rows)


def price_list(prices: Prices) -> str:
    """The table of all prices, with their sources."""
    rows = []
    for name, entry in prices.entries.items():
        tiers = entry.get("tiers")
        amount = ", ".join(f"{usd:g} to {limit:,} GB" for limit, usd in tiers) if tiers else f"{entry['usd']:g}"
        state = "" if entry.get("verified", True) else "unverified"
        rows.append([f"`{name}`", amount, entry["read"], entry["source"], state])
    return table(["price", "USD", "read", "source", ""], rows)


def conclusion(prices: Prices, copied: Film, replaced: Film, encoded: Film) -> str:
    """What a copied top rung costs. Fails where the figures no longer support the sentences."""
    egress, month = prices.egress_gigabyte(), prices["cloudflare.r2_gigabyte_month"]
    fargate = [it for it in roads(prices) if it.name.startswith("AWS Fargate")]
    server = next(it for it in roads(prices) if it.name.startswith("own server"))
    saved = [it.compute(encoded) - it.compute(replaced) for it in fargate]
    more = (replaced.gigabytes_out - encoded.gigabytes_out) * egress
    held = (replaced.stored - replaced.source - encoded.stored + encoded.source) * month
    months = (server.compute(encoded) - server.compute(replaced)) / held
    write, most = copied.gigabytes_out * egress, max(it.compute(copied) for it in fargate)
    if not (write > most and more > max(saved) > min(saved) > 0 and 0 < months < 12):
        raise SystemExit("costs: the receipts no longer support the conclusion: rewrite it")
    return f"""\
A copied top rung makes a video playable within seconds and loses no quality. On AWS it is the
expensive way: an hour of the film at 8 Mbit/s costs {usd(write)} USD to write from Fargate to R2, and at
most {usd(most)} USD to encode.

- At 8 Mbit/s, the copy saves no CPU time: an encoded rung of the same size saves more than a third
  of the bits, so players get it too. Without the copy, writing costs {usd(encoded.gigabytes_out * egress)} USD.
- At 7 Mbit/s, the copy replaces that rung. It saves {usd(min(saved))} to {usd(max(saved))} USD of CPU on Fargate, and
  costs {usd(more)} USD more traffic.
- Everywhere, the copy takes more storage: {usd(HOURS * held)} USD a month for {HOURS:,} hours at 7 Mbit/s. On an own
  server, whose traffic is included, encoding is the cheaper way after {months:.1f} months."""


def page(prices: Prices, films: dict[str, Film]) -> str:
    """The text of docs/costs.md."""
    copied, replaced, encoded = films[COPIED], films[REPLACED], films[ENCODED]
    month, read = Delivery(WATCHED), encoded.gigabytes_in / encoded.source
    machines = sorted({f"{it.about['machine']}, {it.about['ffmpeg']}, {it.about['measured']}" for it in films.values()})
    return f"""\
# Costs

`scripts/costs.py` writes this page from [prices](#prices), which name their date and source, and
from measured [receipts](#receipts). A receipt is part of each video that the API returns, so the
same figures can be computed for your own videos. All amounts are US dollars, without taxes. They
are not bills: nothing here has run in a cloud account yet.

## Transcode one hour of video

<!-- generated: begin -->

The film is {copied.about["source"]}; once more at 7 Mbit/s. *Copied*: the
source's own video is the top rung. *Encoded*: all rungs are encoded. In brackets: compute, and
traffic, which is what the place of the transcoders charges for bytes that leave it for R2, and for
a NAT gateway. The sums include the requests to R2 ({usd(requests(prices, encoded))} USD).

{transcoding(prices, [copied, replaced, encoded])}

- A CPU-second of each processor counts the same: arm64, Lambda and Containers were not measured.
- A vCPU of Fargate comes with 2 GB of memory, one of Containers with 3 GiB. Time in which a
  transcoder waits for jobs costs the same as work.
- Transcoders on Fargate also pay {usd(prices["aws.public_ipv4_hour"])} USD an hour for a public IPv4 address. A NAT
  gateway costs {usd(prices["aws.nat_gateway_hour"] * 730)} USD a month before its first byte, and each byte in both
  directions: use public subnets without ingress. The transcoder read the source {read:.1f} times.
- Cloudflare does not say whether traffic between Containers and R2 counts as egress.

## Copied top rungs

{conclusion(prices, copied, replaced, encoded)}

So copy at once, and replace the copy later, if the bill matters more than the original quality:
`copy_top = "until_encoded"` in a profile does that, unless to encode costs more than a year of
storage saves. `enabled = false` in the table `[source_rung]` always encodes.

## Keep {HOURS:,} hours for a month

{storage(prices, copied, encoded)}

`source_policy` of the profile keeps, archives or deletes the source.

## Play {WATCHED:,} hours in a month

{month.mbit:g} Mbit/s on average: {month.gigabytes / 1000:,.0f} TB.
{month.segments / 1e6:,.0f} million segments of video and audio, {month.segment_seconds:g} s each.
Views of {month.view_minutes:g} minutes.

{delivery(prices, month)}

R2 and Workers charge no egress. [Edge](edge.md#choose-how-segments-are-delivered) explains the
modes.

## A year

{HOURS:,} hours of the film at 8 Mbit/s, uploaded at the beginning of the year and kept with their
sources; {WATCHED:,} hours watched each month in the mode `edge`.

{year(prices, copied, encoded, month)}

Not included: database, API (Lambda or a small server), logs, support, and the people who operate
it. The own server is rented for the whole year; it transcodes the {HOURS:,} hours in \
{HOURS * encoded.cpu_hours / 8 / 24:.0f} days or less.

## Receipts

Per hour of video, measured with `edgereel dev`; `infra/receipts` has the files. Short films count
their fixed costs many times. The 1080p film is Big Buck Bunny, enlarged, with film grain.
{"; ".join(machines)}.

{measured(list(films.values()))}

## Prices

`infra/prices.toml`; the API computes the cost in a receipt from the same file.

{price_list(prices)}

<!-- generated: end -->
"""


def main() -> int:
    """Writes or checks the page."""
    prices = Prices((ROOT / "infra/prices.toml").read_text(encoding="utf-8"))
    files = sorted((ROOT / "infra/receipts").glob("*.json"))
    films = {file.stem: Film.of(json.loads(file.read_text(encoding="utf-8"))) for file in files}
    text = page(prices, films)
    if sys.argv[1:] == ["--check"]:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
            print("docs/costs.md is not current: run scripts/costs.py", file=sys.stderr)
            return 1
        print(f"costs: {len(films)} receipts, {len(prices.entries)} prices: the page is current")
        return 0
    if sys.argv[1:]:
        print(__doc__, file=sys.stderr)
        return 2
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
