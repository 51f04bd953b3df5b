#!/usr/bin/env -S python3 -IS
"""Takes the place of `aws`, `docker`, `curl` and other programs while test_aws_guide.py runs the commands of a guide.

Appends each call to the file STAND_IN_CALLS, as a line of JSON, with the content of files that the call passes. Prints
what the program would print, as far as the guide reads it.
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:edgereel-AbCdEf"


def files(arguments: list[str]) -> dict[str, str]:
    """The contents of the files that options name."""
    found = {}
    for before, argument in zip(["", *arguments], arguments, strict=False):
        if argument.startswith("file://") or before == "--secrets-file":
            found[argument] = Path(argument.removeprefix("file://")).read_text()
    return found


def calls() -> list[dict[str, Any]]:
    """The calls so far."""
    log = Path(os.environ["STAND_IN_CALLS"])
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def output_of_stack(query: str, outputs: list[str]) -> str:
    """The value of an output of the stack."""
    if "ImageTag" in query:
        arguments = [argument for call in calls() for argument in call["arguments"]]
        return [it.removeprefix("ImageTag=") for it in arguments if it.startswith("ImageTag=")][-1]
    name = re.search(r"OutputKey=='(\w+)'", query)
    if name is None or name[1] not in outputs:
        sys.exit(f"the stack has no output {name and name[1]}")
    return {"ApiUrl": "https://a1b2.execute-api.eu-central-1.amazonaws.com"}.get(name[1], f"{name[1].lower()}.example")


def reply(program: str, arguments: list[str]) -> str:
    """What the program prints."""
    query = arguments[arguments.index("--query") + 1] if "--query" in arguments else ""
    match [program, *arguments]:
        case ["aws", "secretsmanager", "create-secret", *_]:
            return ARN
        case ["aws", "secretsmanager", "get-secret-value", *_]:
            return "{}"
        case ["aws", "sts", "get-caller-identity", *_]:
            return "123456789012"
        case ["aws", "cloudformation", "describe-stacks", *_]:
            return output_of_stack(query, os.environ["STAND_IN_OUTPUTS"].split())
        case ["aws", "cloudformation", "describe-stack-resource", *_]:
            return f"edgereel-{arguments[arguments.index('--logical-resource-id') + 1]}"
        case ["aws", "ecs", "run-task", *_]:
            return "arn:aws:ecs:eu-central-1:123456789012:task/edgereel/1"
        case ["aws", "ecs", "describe-tasks", *_]:
            return os.environ.get("STAND_IN_EXIT_CODE", "0")
        case ["aws", "acm", "request-certificate", *_]:
            return "arn:aws:acm:eu-central-1:123456789012:certificate/1d0c7e1f-0000-0000-0000-000000000000"
        case ["aws", "cloudformation", "package", *_]:
            Path(arguments[arguments.index("--output-template-file") + 1]).write_text("packaged")
        case ["aws", "cloudformation", "deploy", *_]:
            Path(arguments[arguments.index("--template-file") + 1]).read_text()
        case ["git", "rev-parse", *_]:
            pulls = sum(call["program"] == "git" and call["arguments"] == ["pull"] for call in calls())
            return f"fedcba98765{pulls}"
        case ["curl", *_]:
            return json.dumps({"key": "er_events"})
    return ""


def main() -> None:
    program, arguments = Path(sys.argv[0]).name, sys.argv[1:]
    if "--password-stdin" in arguments:
        sys.stdin.read()
    call = {"program": program, "arguments": arguments, "files": files(arguments)}
    with open(os.environ["STAND_IN_CALLS"], "a") as log:
        log.write(json.dumps(call) + "\n")
    print(reply(program, arguments))


main()
