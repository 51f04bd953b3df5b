"""Checks commands of the AWS CLI against the models of AWS's API, which are in botocore."""

import re
from collections.abc import Iterator
from functools import cache

from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from botocore.session import Session

# Options of every command.
GLOBAL = {"query", "output", "region", "profile", "no-cli-pager", "cli-input-json"}
# Commands that the AWS CLI adds to the operations of the API.
ADDED = {
    ("cloudformation", "deploy"): {
        *("stack-name", "template-file", "s3-bucket", "capabilities", "parameter-overrides"),
        "no-fail-on-empty-changeset",
    },
    ("cloudformation", "package"): {"template-file", "s3-bucket", "s3-prefix", "output-template-file"},
    ("ecr", "get-login-password"): set(),
    ("logs", "tail"): {"since", "follow", "format", "filter-pattern", "log-stream-name-prefix", "log-stream-names"},
    ("s3", "cp"): {"recursive"},
    ("s3", "mb"): set(),
    ("s3", "rb"): {"force"},
}


def kebab(name: str) -> str:
    """The name of an operation or parameter on the command line.

    >>> kebab("GetQueueAttributes"), kebab("SecretId"), kebab("DBInstanceIdentifier")
    ('get-queue-attributes', 'secret-id', 'db-instance-identifier')
    """
    return xform_name(name, "-")


@cache
def operations(service: str) -> dict[str, tuple[frozenset[str], frozenset[str]]] | None:
    """The operations of a service, each with its parameters and the required ones; None for an unknown service."""
    try:
        model = Session().get_service_model(service)
    except UnknownServiceError:
        return None
    found = {}
    for name in model.operation_names:
        shape = model.operation_model(name).input_shape
        members = frozenset(shape.members) if shape else frozenset[str]()
        required = frozenset(shape.required_members) if shape else frozenset[str]()
        found[kebab(name)] = (frozenset(map(kebab, members)), frozenset(map(kebab, required)))
    return found


@cache
def waiters(service: str) -> frozenset[str]:
    """The names after `aws SERVICE wait`."""
    return frozenset(kebab(it) for it in Session().get_waiter_model(service).waiter_names)


def problems(command: list[str]) -> Iterator[str]:
    """What is wrong in the words of an `aws` command.

    >>> list(problems("aws sqs list-queues --queue-name-prefix a".split()))
    []
    >>> list(problems("aws sqs get-queue-attributes --queue-urls a".split()))
    ['aws sqs get-queue-attributes has no option --queue-urls', 'aws sqs get-queue-attributes needs --queue-url']
    >>> list(problems("aws sqs post-message".split()))
    ['aws sqs has no command post-message']
    """
    words = [it for it in command[1:3] if not it.startswith("-")]
    if len(words) < 2:
        yield f"{' '.join(command)} has no service and no command"
        return
    service, name = words
    given = {it[2:].split("=")[0] for it in command[3:] if re.match(r"--[a-z]", it)}
    required: frozenset[str] = frozenset()
    if (service, name) in ADDED:
        known = frozenset(ADDED[service, name])
    elif (api := operations(service)) is None:
        yield f"aws has no service {service}"
        return
    elif name == "wait":
        if command[3] not in waiters(service):
            yield f"aws {service} wait has no {command[3]}"
        return
    elif name not in api:
        yield f"aws {service} has no command {name}"
        return
    else:
        known, required = api[name]
    for option in sorted(given - known - GLOBAL):
        if option.removeprefix("no-") not in known:
            yield f"aws {service} {name} has no option --{option}"
    for option in sorted(required - given):
        yield f"aws {service} {name} needs --{option}"
