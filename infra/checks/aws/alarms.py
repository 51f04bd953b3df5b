"""Rules of alarms and of the dashboard."""

import json
import re
from collections.abc import Iterator

from .tasks import names_in
from .template import ROOT, Json, Template, strings, target_of

RUNBOOK = ROOT / "docs/runbook.md"
SECTION = re.compile(r"docs/runbook\.md#([a-z0-9-]+)")


def metrics(alarm: Json) -> Iterator[Json]:
    """The metrics of an alarm, of whichever form."""
    if "MetricName" in alarm:
        yield alarm
    for it in alarm.get("Metrics", []):
        if "MetricStat" in it:
            yield it["MetricStat"]["Metric"]


def dimensions(template: Template) -> Iterator[str]:
    """Each metric names its resource: without dimensions, an alarm is silent forever."""
    for name, alarm in template.of_type("AWS::CloudWatch::Alarm"):
        for metric in metrics(alarm):
            if not metric.get("Dimensions"):
                yield f"{name}: {metric['MetricName']} has no Dimensions"
            for dimension in metric.get("Dimensions", []):
                if target_of(dimension["Value"]) not in template.resources:
                    yield f"{name}: {dimension['Name']} is not a resource of this template"


def sections() -> set[str]:
    """The anchors of the runbook's headings."""
    text = RUNBOOK.read_text()
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", it.lower()).replace(" ", "-") for it in headings}


def runbook(template: Template) -> Iterator[str]:
    """Each alarm names a section of the runbook, and each section has an alarm."""
    named = set()
    for name, alarm in template.of_type("AWS::CloudWatch::Alarm"):
        match = SECTION.search(alarm.get("AlarmDescription", ""))
        if match is None:
            yield f"{name}: the description names no section of docs/runbook.md"
        else:
            named.add(match[1])
            if match[1] not in sections():
                yield f"{name}: docs/runbook.md has no section {match[1]}"
    for section in sorted(sections() - named):
        if f"<!-- no alarm: {section} -->" not in RUNBOOK.read_text():
            yield f"docs/runbook.md: no alarm names the section {section}"


def actions(template: Template) -> Iterator[str]:
    """Each alarm does something, and alarms rest while the installation does."""
    for name, alarm in template.of_type("AWS::CloudWatch::Alarm"):
        if not alarm.get("AlarmActions"):
            yield f"{name} has no AlarmActions"
        topics = {target_of(it) for it in alarm.get("AlarmActions", [])}
        if "AlarmTopic" in topics and alarm.get("ActionsEnabled") != {"Fn::If": ["IsRunning", True, False]}:
            yield f"{name}: ActionsEnabled does not follow the parameter Running"


def coverage(template: Template) -> Iterator[str]:
    """Dead letters of each queue, and errors of each function, raise an alarm."""
    watched: dict[str, set[str]] = {}
    for _, alarm in template.of_type("AWS::CloudWatch::Alarm"):
        for metric in metrics(alarm):
            for dimension in metric.get("Dimensions", []):
                watched.setdefault(metric["MetricName"], set()).add(target_of(dimension["Value"]) or "")
    letters = watched.get("ApproximateNumberOfMessagesVisible", set()) | watched.get("NumberOfMessagesDeleted", set())
    for queue in template.dead_letter_queues - letters:
        yield f"no alarm watches {queue}"
    functions = {name for name, _ in template.of_type("AWS::Lambda::Function")}
    for function in functions - watched.get("Errors", set()):
        yield f"no alarm watches the errors of {function}"


def dashboard(template: Template) -> Iterator[str]:
    """The dashboard is JSON, and each widget has a title and metrics."""
    for name, board in template.of_type("AWS::CloudWatch::Dashboard"):
        body = next(strings(board["DashboardBody"]))
        try:
            widgets = json.loads(re.sub(r"\$\{[^}]*\}", "x", body))["widgets"]
        except (ValueError, KeyError) as error:
            yield f"{name} is not a dashboard: {error}"
            continue
        for widget in widgets:
            if not widget["properties"].get("title") or not widget["properties"].get("metrics"):
                yield f"{name}: a widget has no title or no metrics"
        for missing in names_in(body) - set(template.resources) - {"AWS"}:
            yield f"{name}: {missing} is not a resource of this template"
