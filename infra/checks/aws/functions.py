"""Rules of functions and of the HTTP API."""

import re
from collections.abc import Iterator

from .template import ROOT, Template, listed, target_of

# API Gateway ends a request after 30 s, so a function must not run on.
LONGEST_REQUEST = 29
# What the access log may contain. Paths hold API keys (`/u/{key}/...`) and secrets of share links.
LOGGED = {
    "requestId",
    "requestTime",
    "identity.sourceIp",
    "httpMethod",
    "status",
    "responseLength",
    "responseLatency",
    "integrationLatency",
    "error.message",
}


def program(template: Template) -> Iterator[str]:
    """Each function runs a program that scripts/lambda.sh builds, for the architecture of its zip."""
    script = (ROOT / "scripts/lambda.sh").read_text()
    match = re.search(r"^functions=\((.*)\)$", script, re.MULTILINE)
    built = set(match.group(1).split()) if match else set()
    defaults = template.source["Globals"]["Function"]
    used = set()
    for name, resource in template.source["Resources"].items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        properties = defaults | resource["Properties"]
        architecture = {"arm64": "arm64", "x86_64": "x86-64"}.get(properties["Architectures"][0])
        zipped = re.fullmatch(r"zips/([^/]+)/([^/]+)/bootstrap\.zip", str(properties["CodeUri"]))
        if not zipped or zipped[1] != architecture:
            yield f"{name}: CodeUri is not zips/{architecture}/PROGRAM/bootstrap.zip"
            continue
        used.add(zipped[2])
        if properties["Runtime"] != "provided.al2023":
            yield f"{name}: the programs are built for provided.al2023"
    if used != built:
        yield f"the functions run {sorted(used)}, and scripts/lambda.sh builds {sorted(built)}"


def time_limits(template: Template) -> Iterator[str]:
    """A function ends before its caller gives up, and before its next scheduled run."""
    limits: dict[str, int] = {}
    for name, permission in template.of_type("AWS::Lambda::Permission"):
        if permission["Principal"] == "apigateway.amazonaws.com":
            limits[target_of(permission["FunctionName"]) or name] = LONGEST_REQUEST
    for name, schedule in template.of_type("AWS::Scheduler::Schedule"):
        rate = re.fullmatch(r"rate\((\d+) (minute|hour)s?\)", schedule["ScheduleExpression"])
        if rate is None:
            yield f"{name}: the schedule is not a rate"
            continue
        limits[target_of(schedule["Target"]["Arn"]) or name] = int(rate[1]) * (60 if rate[2] == "minute" else 3600)
    for name, function in template.of_type("AWS::Lambda::Function"):
        if function["Timeout"] > limits.get(name, 900):
            yield f"{name}: Timeout {function['Timeout']} is above {limits[name]}"


def logs(template: Template) -> Iterator[str]:
    """Each function writes JSON to a log group of its own: Lambda's own groups never expire."""
    used: dict[str, str] = {}
    for name, function in template.of_type("AWS::Lambda::Function"):
        logging = function.get("LoggingConfig", {})
        group = target_of(logging.get("LogGroup"))
        if logging.get("LogFormat") != "JSON":
            yield f"{name}: LogFormat is not JSON"
        if group is None or template.resources.get(group, {}).get("Type") != "AWS::Logs::LogGroup":
            yield f"{name} has no log group"
        elif group in used:
            yield f"{name} and {used[group]} share the log group {group}"
        else:
            used[group] = name


def expiry(template: Template) -> Iterator[str]:
    """Log groups expire."""
    for name, group in template.of_type("AWS::Logs::LogGroup"):
        if "RetentionInDays" not in group:
            yield f"{name} never expires: set RetentionInDays"


def batches(template: Template) -> Iterator[str]:
    """One bad event does not repeat a batch, and a flood of events does not use up the database's connections."""
    for name, mapping in template.of_type("AWS::Lambda::EventSourceMapping"):
        if mapping.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{name}: FunctionResponseTypes is not [ReportBatchItemFailures]"
        if mapping.get("BatchSize", 10) > 10:
            yield f"{name}: BatchSize is above 10"
        if not 2 <= mapping.get("ScalingConfig", {}).get("MaximumConcurrency", 1000) <= 10:
            yield f"{name}: MaximumConcurrency is not between 2 and 10"


def throttling(template: Template) -> Iterator[str]:
    """The API has a rate limit: limits per caller count in each instance of the function alone."""
    for name, stage in template.of_type("AWS::ApiGatewayV2::Stage"):
        settings = stage.get("DefaultRouteSettings", {})
        for limit in ("ThrottlingRateLimit", "ThrottlingBurstLimit"):
            if limit not in settings:
                yield f"{name}: {limit} is not set"


def access_log(template: Template) -> Iterator[str]:
    """The access log has no path and no query."""
    for name, stage in template.of_type("AWS::ApiGatewayV2::Stage"):
        settings = stage.get("AccessLogSettings")
        if settings is None:
            yield f"{name} has no access log"
            continue
        for variable in re.findall(r"\$context\.([A-Za-z.]+)", settings["Format"]):
            if variable not in LOGGED:
                yield f"{name}: the access log contains $context.{variable}"


def gateway(template: Template) -> Iterator[str]:
    """The gateway passes everything on as it is: the program answers CORS, and paths have no stage."""
    for name, stage in template.of_type("AWS::ApiGatewayV2::Stage"):
        if stage.get("StageName") != "$default":
            yield f"{name}: a stage other than $default is part of each path"
    for name, api in template.of_type("AWS::ApiGatewayV2::Api"):
        if "CorsConfiguration" in api:
            yield f"{name}: the program answers CORS"
        for path, methods in api["Body"]["paths"].items():
            for route in listed(list(methods.values())):
                version = route["x-amazon-apigateway-integration"]["payloadFormatVersion"]
                if version != "2.0":
                    yield f"{name}: {path} has payload version {version}, and the program expects 2.0"
