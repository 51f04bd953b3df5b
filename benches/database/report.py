"""Writes docs/database.md."""

import os
import platform
import time
from pathlib import Path

from plans import describe

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
LIMIT = 50


def short(text, length=110):
    text = text.replace("|", "\\|")
    for long in ("id, adopted, owner, title", "id, owner, url, types, description"):
        if long in text:
            start = text.index(long)
            end = min(it for it in (text.find(" FROM ", start), len(text)) if it > 0)
            text = text[:start] + "..." + text[end:]
    # No word is cut.
    return "`" + (text if len(text) <= length else text[: length - 3].rsplit(" ", 1)[0] + " ...") + "`"


def number(value):
    return f"{value:,}"


def machine():
    model = next(
        (it.split(":")[1].strip() for it in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in it),
        platform.machine(),
    )
    memory = int(Path("/proc/meminfo").read_text().split()[1]) // (1 << 20)
    return (
        f"{model}, {os.cpu_count()} cores, {memory} GB of memory (load average {os.getloadavg()[1]:.1f} during the run)"
    )


def costs(writes):
    """The table of what indexes cost."""
    names = {"INSERT": "insert", "UPDATE": "change of the state"}
    return [
        "",
        "### Cost of the indexes of 0023",
        "",
        "Microseconds of CPU time of PostgreSQL for one video:",
        "",
        "| | without them | with them |",
        "|---|---:|---:|",
        *(
            f"| {name} | {writes[kind, 'without']:.0f} | {writes[kind, 'with']:.0f} |"
            for kind, name in names.items()
        ),
    ]


def page(facts, found, source, unseen, upgrade, writes):
    """The section that the bench writes."""
    rows = sorted((it for it in found.values()), key=lambda it: -it.slowest[0])
    slow = [it for it in rows if it.slowest[0] > LIMIT]
    lines = [
        BEGIN,
        f"- Date: {time.strftime('%Y-%m-%d')}",
        f"- Machine: {machine()};",
        "  it runs PostgreSQL, the programs and the callers",
        f"- PostgreSQL {facts['version']}: `shared_buffers = 2GB`, `max_wal_size = 2GB`, `fsync = off`; otherwise the",
        "  defaults",
        f"- The database has {facts['size']}; it was filled in {facts['filled']:.0f} s",
        f"- Statements in the source: {len(source)}. Executed: {len(source) - len(unseen)}, of these",
        f"  {facts['direct']} one by one and the others by the programs. Different texts, because each",
        f"  filter has its own: {len(rows)}",
        f"- More than {LIMIT} ms of CPU time when warm: {len(slow)}",
        "",
        "| table | rows | size with indexes |",
        "|---|---:|---:|",
        *(f"| `{name}` | {number(int(count))} | {size} |" for name, count, size in facts["tables"]),
        "",
        "### The slowest statements",
        "",
        "The slowest execution of each, milliseconds. Cold: the first round after a start of the server,",
        "whose memory is empty then; the files are in the memory of the system. Warm: the better one of two",
        "more rounds. CPU: the time that the server process computed, which other work on the machine",
        "changes little.",
        "",
        "| statement | cold | warm | warm, CPU | rows | access |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for it in rows[:25]:
        milliseconds, execution = it.slowest
        cold = "" if it.cold is None else f"{it.cold.elapsed:.1f}"
        rows_of, access = execution.plan.get("Actual Rows", 0), describe(execution.plan)[:90]
        lines.append(
            f"| {short(it.text)} | {cold} | {execution.elapsed:.1f} | {milliseconds:.1f} | {rows_of} | {access} |"
        )
    lines += ["", "### Large tables that are read from end to end", ""]
    scans = [(table, milliseconds, it) for it in rows for table, milliseconds in it.scans.items()]
    if scans:
        lines += ["Tables of more than 10,000 rows, in any round. `LIMIT` ends most of these scans early.", ""]
        lines += ["| statement | table | CPU ms |", "|---|---|---:|"]
        for table, milliseconds, it in sorted(scans, key=lambda it: -it[1])[:25]:
            lines.append(f"| {short(it.text)} | `{table}` | {milliseconds:.1f} |")
    else:
        lines.append("No statement does.")
    if unseen:
        lines += ["", "### Statements that were not executed", "", *(f"- {short(it, 200)}" for it in unseen)]
    lines += costs(writes)
    lines += ["", "### Upgrade of a database with as many videos", ""]
    lines += ["Seconds of each migration that `edgereel migrate` ran, from the schema before 0013:", ""]
    lines += [
        "| migration | seconds |",
        "|---|---:|",
        *(f"| {n:04} {name} | {seconds:.1f} |" for n, name, seconds in upgrade),
    ]
    lines.append(END)
    return "\n".join(lines) + "\n", slow


def write(path, text):
    """Replaces the measured section of the page."""
    before = Path(path).read_text(encoding="utf-8")
    head, rest = before.split(BEGIN, 1)
    tail = rest.split(END, 1)[1].lstrip("\n")
    Path(path).write_text(f"{head}{text}\n{tail}" if tail else f"{head}{text}", encoding="utf-8")
