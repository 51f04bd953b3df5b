"""The alerts fire for failures and name their section of the runbook; all expressions use metrics of the table."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from aws.alarms import sections

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "infra/monitoring"
METRIC = re.compile(r"\bedgereel_[a-z_]+\b")
SECTION = re.compile(r"docs/runbook\.md#([a-z0-9-]+)")


def metrics() -> set[str]:
    """The names of all series, from the table in docs/metrics.md."""
    rows = re.findall(r"^\| `(edgereel_\w+)` \| (\w+)", (ROOT / "docs/metrics.md").read_text(), re.M)
    names = set()
    for name, kind in rows:
        suffixes = ("_bucket", "_count", "_sum") if kind == "histogram" else ("",)
        names |= {name + suffix for suffix in suffixes}
    return names


def alerts() -> list[dict[str, Any]]:
    """All alert rules."""
    groups = yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> Iterator[str]:
    """The expressions of the dashboard, with a value in the place of Grafana's variable."""
    for panel in json.loads((FOLDER / "dashboard.json").read_text())["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"].replace("$__rate_interval", "5m")


def in_documents() -> Iterator[str]:
    """The expressions in docs/metrics.md."""
    text = (ROOT / "docs/metrics.md").read_text().split("## Useful expressions")[1].split("\n## ")[0]
    for cell in re.findall(r"^\| .*? \| `(.+)` \|$", text, re.M):
        # In a table, Markdown needs a backslash before a bar.
        yield cell.replace("\\|", "|")


def promtool(case: unittest.TestCase, *arguments: str) -> None:
    """Runs promtool, which must succeed. Skips the test where it is not installed."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    program = shutil.which("promtool") or shutil.which(cache / "edgereel/promtool/bin/promtool")
    if program is None:
        if os.environ.get("EDGEREEL_REQUIRE_SERVICES", "0") not in ("", "0"):
            case.fail("promtool is not installed: scripts/setup.sh --infra")
        case.skipTest("promtool is not installed: scripts/setup.sh --infra")
    ended = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    case.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)


class MonitoringTest(unittest.TestCase):
    def test_the_rules_are_valid_and_fire(self) -> None:
        promtool(self, "check", "rules", str(FOLDER / "alerts.yaml"))
        promtool(self, "test", "rules", str(FOLDER / "alerts_test.yaml"))

    def test_each_alert_is_tested_in_both_ways(self) -> None:
        tested: dict[str, set[bool]] = {}
        for case in yaml.safe_load((FOLDER / "alerts_test.yaml").read_text())["tests"]:
            for it in case["alert_rule_test"]:
                tested.setdefault(it["alertname"], set()).add(bool(it.get("exp_alerts")))
        self.assertEqual(tested, {it["alert"]: {True, False} for it in alerts()})

    def test_each_alert_names_its_section_of_the_runbook(self) -> None:
        for alert in alerts():
            with self.subTest(alert["alert"]):
                match = SECTION.fullmatch(alert["annotations"]["runbook_url"])
                self.assertIsNotNone(match)
                self.assertIn(match[1], sections())
                self.assertIn(alert["labels"]["severity"], ("warning", "critical"))

    def test_expressions_name_metrics_of_the_table(self) -> None:
        known = metrics()
        self.assertGreater(len(known), 20)
        for expression in [*expressions(), *in_documents(), *(it["expr"] for it in alerts())]:
            with self.subTest(expression):
                named = set(METRIC.findall(expression))
                self.assertTrue(named)
                self.assertLessEqual(named, known)

    def test_the_expressions_of_dashboard_and_documents_are_valid(self) -> None:
        rules = [
            {"record": f"test:expression:{number}", "expr": expression}
            for number, expression in enumerate([*expressions(), *in_documents()])
        ]
        self.assertGreater(len(rules), 30)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rules.yaml"
            path.write_text(yaml.safe_dump({"groups": [{"name": "test", "rules": rules}]}))
            promtool(self, "check", "rules", str(path))

    def test_panels_have_a_title_and_a_place_of_their_own(self) -> None:
        panels = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
        places = [(it["gridPos"]["x"], it["gridPos"]["y"]) for it in panels]
        for values in (places, [it["id"] for it in panels], [it["title"] for it in panels]):
            self.assertEqual(len(values), len(set(values)))


if __name__ == "__main__":
    unittest.main()
