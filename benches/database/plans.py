"""What the server's log says about each statement."""

import re

PREPARED = re.compile(r"^PREPARE \w+(?: \([^)]*\))? AS ", re.IGNORECASE)
LARGE = 10_000


def plain(text):
    return " ".join(PREPARED.sub("", " ".join(text.split())).rstrip(";").split())


def nodes(plan):
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def describe(plan):
    """The kinds of access of a plan, such as `Index Scan videos_owner`."""
    seen = []
    for node in nodes(plan):
        kind = node["Node Type"]
        where = node.get("Index Name") or node.get("Relation Name")
        if where and kind != "ModifyTable":
            seen.append(f"{kind} {where}")
    return ", ".join(dict.fromkeys(seen)) or plan["Node Type"]


def scanned(plan, sizes):
    """Large tables that the plan reads from end to end."""
    return {
        node["Relation Name"]
        for node in nodes(plan)
        if node["Node Type"] == "Seq Scan" and sizes.get(node["Relation Name"], 0) > LARGE
    }


class Statement:
    """All executions of one statement."""

    def __init__(self, text):
        self.text, self.rounds, self.scans = text, {}, {}

    def add(self, number, execution, sizes):
        cost = execution.elapsed if execution.cpu is None else min(execution.elapsed, execution.cpu)
        best = self.rounds.get(number)
        if best is None or cost > best[0]:
            self.rounds[number] = (cost, execution)
        for table in scanned(execution.plan, sizes):
            if cost > self.scans.get(table, 0):
                self.scans[table] = cost

    @property
    def cold(self):
        return self.rounds[0][1] if 0 in self.rounds else None

    @property
    def slowest(self):
        """Of the warm rounds, the one that other work disturbed least: CPU milliseconds and execution."""
        warm = [it for number, it in self.rounds.items() if number > 0]
        return min(warm, key=lambda it: it[0]) if warm else self.rounds[0]


def collect(found, number, executions, sizes):
    """Adds the executions of round `number` to the statements by text."""
    # A list, because the CPU time of a change comes after its plan.
    for it in list(executions):
        key = plain(it.text)
        found.setdefault(key, Statement(key)).add(number, it, sizes)
