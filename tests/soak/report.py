"""The table of a run, on standard output and in a page."""

import os
import platform
import textwrap
import time
from pathlib import Path

# Of a line in Markdown.
WIDTH = 100
BEGIN, END = "<!-- measured: {} begin -->", "<!-- measured: {} end -->"


def machine():
    models = [it for it in Path("/proc/cpuinfo").read_text().splitlines() if it.startswith("model name")]
    name = models[0].split(":", 1)[1].strip() if models else platform.machine()
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 2**20
    return f"{name}, {os.cpu_count()} processors, {memory:.0f} GiB"


def table(checks, facts):
    """The rows of a run in Markdown."""
    load = f"load average {os.getloadavg()[2]:.1f} during the run"
    facts = {"Date": time.strftime("%Y-%m-%d"), "Machine": f"{machine()}; it runs everything, {load}", **facts}
    lines = []
    for name, value in facts.items():
        lines += textwrap.wrap(f"- {name}: {value}", WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    lines += ["", "| check | found | |", "|---|---|---|"]
    lines += [f"| {name} | {found} | {'right' if is_right else '**wrong**'} |" for name, found, is_right in checks.rows]
    return "\n".join(lines) + "\n"


def write(path, mode, text):
    """Replaces the section of a mode in the page."""
    page = Path(path).read_text(encoding="utf-8")
    begin, end = BEGIN.format(mode), END.format(mode)
    head, rest = page.split(begin, 1)
    Path(path).write_text(f"{head}{begin}\n{text}{end}{rest.split(end, 1)[1]}", encoding="utf-8")
