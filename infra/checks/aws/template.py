"""The template: as it is written, and as CloudFormation gets it."""

import copy
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any

# The translator looks for the region of an account otherwise.
os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")

import cfnlint.decode.cfn_yaml as cfn
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.translator.transform import transform

# It counts its own use, and warns that no one collects the numbers.
logging.getLogger("samtranslator").setLevel(logging.ERROR)

ROOT = Path(__file__).resolve().parents[3]
SOURCE = ROOT / "infra/aws/template.yaml"
README = ROOT / "infra/aws/README.md"
REGIONS = ["eu-central-1", "us-east-1"]

Json = dict[str, Any]


class _NoManagedPolicies:
    """The translator may resolve the names of AWS's policies. The template names none."""

    def load(self) -> Json:
        return {}


class Refused(Exception):
    """The translator does not accept the template."""


class Template:
    """A SAM template with its translation."""

    def __init__(self, source: Json) -> None:
        self.source = source
        prepared = copy.deepcopy(source)
        for resource in prepared["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function":
                # `aws cloudformation package` replaces the path by such an address.
                resource["Properties"]["CodeUri"] = "s3://bucket/key"
        try:
            self.translated: Json = transform(prepared, {}, _NoManagedPolicies())
        except InvalidDocumentException as error:
            raise Refused("; ".join(it.message for it in error.causes)) from error
        self.resources: dict[str, Json] = self.translated["Resources"]

    @classmethod
    def read(cls) -> "Template":
        """The template of the repository."""
        return cls(source())

    def of_type(self, kind: str) -> Iterator[tuple[str, Json]]:
        """Name and properties of the resources of a type, such as `AWS::SQS::Queue`."""
        for name, resource in self.resources.items():
            if resource["Type"] == kind:
                yield name, resource.get("Properties", {})

    @cached_property
    def containers(self) -> list[tuple[str, Json]]:
        """The containers of all tasks, each with the name of its task."""
        tasks = self.of_type("AWS::ECS::TaskDefinition")
        return [(name, it) for name, task in tasks for it in task["ContainerDefinitions"]]

    @cached_property
    def dead_letter_queues(self) -> set[str]:
        """The queues that a redrive policy names."""
        return {
            target
            for _, queue in self.of_type("AWS::SQS::Queue")
            if (target := target_of(queue.get("RedrivePolicy", {}).get("deadLetterTargetArn")))
        }

    def variables(self, function: str) -> Json:
        """The environment of a function."""
        properties = self.resources[function]["Properties"]
        return properties.get("Environment", {}).get("Variables", {})


@cache
def _parsed() -> Json:
    # `!GetAtt` and its like become `Fn::GetAtt`.
    loaded: Json = json.loads(json.dumps(cfn.load(str(SOURCE))))
    return loaded


def source() -> Json:
    """The template of the repository, as a copy that the caller may change."""
    return copy.deepcopy(_parsed())


def target_of(value: Any) -> str | None:
    """The resource or parameter that a reference names.

    >>> target_of({"Ref": "Jobs"}), target_of({"Fn::GetAtt": ["Jobs", "Arn"]}), target_of("text")
    ('Jobs', 'Jobs', None)
    """
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), _]}:
            return name
    return None


def text_of(value: Any) -> str:
    """A value as a short text, for tables and messages.

    >>> text_of({"Fn::Sub": "${Log.Arn}:*"}), text_of({"Ref": "Jobs"}), text_of("*")
    ('${Log.Arn}:*', 'Jobs', '*')
    """
    if name := target_of(value):
        return name
    match value:
        case {"Fn::Sub": str(text)}:
            return text
        case str() | int():
            return str(value)
    return json.dumps(value)


def listed(value: Any) -> list[Any]:
    """The value as a list: CloudFormation accepts one element without one."""
    return value if isinstance(value, list) else [value]


def strings(value: Any) -> Iterator[str]:
    """All texts anywhere in a value."""
    match value:
        case str():
            yield value
        case dict():
            for it in value.values():
                yield from strings(it)
        case list():
            for it in value:
                yield from strings(it)


def lint(templates: dict[str, Template], folder: Path, regions: list[str]) -> dict[str, list[str]]:
    """What cfn-lint reports about translated templates, by their names."""
    for name, template in templates.items():
        (folder / f"{name}.json").write_text(json.dumps(template.translated, indent=1))
    command = [Path(sys.executable).with_name("cfn-lint"), "--format", "parseable", "--non-zero-exit-code", "none"]
    paths = [str(folder / f"{name}.json") for name in templates]
    done = subprocess.run(
        [*command, "--regions", *regions, "--template", *paths], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"cfn-lint failed: {done.stderr}")
    found: dict[str, list[str]] = {name: [] for name in templates}
    for line in done.stdout.splitlines():
        # FILE:LINE:COLUMN:LINE:COLUMN:RULE:MESSAGE
        path, *_, rule, message = line.split(":", 6)
        found[Path(path).stem].append(f"{rule} {message}")
    return found
