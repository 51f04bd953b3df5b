"""Runs all commands of docs/deploy/aws.md, from first to last, with stand-ins for the programs that need an account.

bash, jq, openssl and the shell functions of the guide are real. What the guide would send to AWS must fit the template.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from functools import cache
from pathlib import Path
from typing import Any

import guides
from aws.settings import keys_of_secret
from aws.template import source

GUIDE = guides.ROOT / "docs/deploy/aws.md"
STAND_IN = Path(__file__).with_name("stand_in.py")
# In the folder of programs, and in the checkout.
PROGRAMS = ["aws", "cargo", "curl", "docker", "edgereel", "git", "make", "psql", "vi", "zip"]
SCRIPTS = ["setup.sh", "lambda.sh", "setup.py", "build.sh", "wrangler"]
Call = dict[str, Any]


def run(script: str, folder: Path, **environment: str) -> list[Call]:
    """Runs a script in an empty folder that looks like a checkout; returns the calls of stand-ins."""
    programs = folder / "bin"
    programs.mkdir()
    for name in PROGRAMS:
        (programs / name).symlink_to(STAND_IN)
    checkout = folder / "checkout"
    for path in re.findall(r"^\s*((?:scripts|infra|tests)/[\w./-]+)", script, re.MULTILINE):
        if Path(path).name in SCRIPTS and not (checkout / path).exists():
            (checkout / path).parent.mkdir(parents=True, exist_ok=True)
            (checkout / path).symlink_to(STAND_IN)
    calls = folder / "calls.jsonl"
    variables = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(folder),
        "STAND_IN_CALLS": str(calls),
        "STAND_IN_OUTPUTS": " ".join(source()["Outputs"]),
        **environment,
    }
    command = ["bash", "-euo", "pipefail", "-c", script]
    # The values of the R2 token, which the guide reads.
    done = subprocess.run(
        command, cwd=checkout, env=variables, input="key-id\nkey-secret\n", capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise AssertionError(f"exit code {done.returncode}: {done.stderr}")
    return [json.loads(line) for line in calls.read_text().splitlines()]


def script(database: str) -> str:
    """All commands of the guide, with the choice of a database."""
    text = "".join(block.text for block in guides.blocks(GUIDE.read_text()))
    changed = text.replace("\nDATABASE=url ", f"\nDATABASE={database} ")
    assert changed.count(f"\nDATABASE={database} ") == 1
    return changed


def aws(calls: list[Call], *words: str) -> list[Call]:
    """The calls of a command of `aws`."""
    return [it for it in calls if it["program"] == "aws" and tuple(it["arguments"][: len(words)]) == words]


def parameters(call: Call) -> dict[str, str]:
    """The parameters of a deployment."""
    arguments = call["arguments"]
    return dict(it.split("=", 1) for it in arguments[arguments.index("--parameter-overrides") + 1 :])


def unfit(name: str, value: str) -> str | None:
    """Why CloudFormation would refuse the value of a parameter."""
    parameter = source()["Parameters"].get(name)
    if parameter is None:
        return f"there is no parameter {name}"
    if "AllowedValues" in parameter and value not in map(str, parameter["AllowedValues"]):
        return f"{name}={value} is not allowed"
    if not re.search(parameter.get("AllowedPattern", ""), value):
        return f"{name}={value} does not match"
    low, high = parameter.get("MinValue"), parameter.get("MaxValue")
    if low is not None and not low <= int(value) <= (high or int(value)):
        return f"{name}={value} is not between {low} and {high}"
    return None


@cache
def calls_of_guide() -> list[Call]:
    """The calls of the whole guide, with a database that the stack creates."""
    with tempfile.TemporaryDirectory() as folder:
        return run(script("rds"), Path(folder))


@unittest.skipUnless(shutil.which("jq") and shutil.which("openssl"), "jq and openssl are not installed")
class GuideTest(unittest.TestCase):
    def test_deployments_fit_the_template(self) -> None:
        calls = aws(calls_of_guide(), "cloudformation", "deploy")
        # CloudFormation accepts a template above 51,200 bytes only from a bucket.
        self.assertTrue(all("--s3-bucket" in it["arguments"] for it in calls))
        deployments = [parameters(it) for it in calls]
        self.assertGreaterEqual(len(deployments), 6)
        problems = [unfit(name, value) for it in deployments for name, value in it.items()]
        self.assertEqual([it for it in problems if it], [])
        required = {name for name, it in source()["Parameters"].items() if "Default" not in it}
        self.assertEqual(required - set(deployments[0]), set())

    def test_tables_exist_before_anything_runs(self) -> None:
        calls = aws(calls_of_guide())
        started = [parameters(it).get("Running") for it in aws(calls, "cloudformation", "deploy")]
        self.assertEqual(started[:2], ["false", "true"])
        order = [it["arguments"][:2] for it in calls]
        starts = [i for i, it in enumerate(order) if it == ["cloudformation", "deploy"]]
        self.assertIn(["ecs", "run-task"], order[starts[0] : starts[1]])
        # The upgrade does the same.
        upgrade = [i for i, it in zip(starts, started, strict=True) if it in ("false", "true")][2:]
        self.assertIn(["ecs", "run-task"], order[upgrade[0] : upgrade[1]])

    def test_the_secret_has_all_keys_in_the_form_that_the_program_reads(self) -> None:
        [created] = aws(calls_of_guide(), "secretsmanager", "create-secret")
        secret = json.loads(created["files"]["file://secret.json"])
        self.assertEqual(set(secret), set(keys_of_secret()))
        for name, prefix in (("GRANT", "g1:HS256:"), ("PASS", "p1:"), ("KEY_ENCRYPTION", "k1:"), ("WEBHOOK", "w1:")):
            value = secret[f"EDGEREEL_{name}_KEYS"]
            self.assertTrue(value.startswith(prefix), value)
            self.assertEqual(len(base64.b64decode(value.removeprefix(prefix), validate=True)), 32)
        self.assertEqual(secret["EDGEREEL_S3_ACCESS_KEY_ID"], "key-id")
        self.assertEqual(secret["EDGEREEL_S3_SECRET_ACCESS_KEY"], "key-secret")

    def test_the_database_of_the_stack_gets_into_the_secret(self) -> None:
        calls = calls_of_guide()
        [created] = aws(calls, "secretsmanager", "create-secret")
        password = json.loads(created["files"]["file://secret.json"])["DATABASE_PASSWORD"]
        stored = json.loads(aws(calls, "secretsmanager", "put-secret-value")[0]["files"]["file://secret.json"])
        expected = f"postgres://edgereel:{password}@databasehost.example/edgereel"
        self.assertEqual((stored["EDGEREEL_DATABASE"], stored["MIGRATION_DATABASE"]), (expected, expected))
        self.assertEqual(set(stored), set(keys_of_secret()))

    def test_the_edge_gets_the_keys_of_the_api(self) -> None:
        calls = calls_of_guide()
        [deployment] = [it for it in calls if it["program"] == "wrangler"]
        [created] = aws(calls, "secretsmanager", "create-secret")
        secret = json.loads(created["files"]["file://secret.json"])
        shared = ("EDGEREEL_GRANT_KEYS", "EDGEREEL_PASS_KEYS", "EDGEREEL_KEY_ENCRYPTION_KEYS")
        expected = {name: secret[name] for name in shared} | {"EDGEREEL_JOBS_TOKEN": "er_events"}
        self.assertEqual(json.loads(deployment["files"]["edge-secrets.json"]), expected)

    def test_a_failed_migration_stops_the_reader(self) -> None:
        with (
            tempfile.TemporaryDirectory() as folder,
            self.assertRaisesRegex(AssertionError, "exit code 1"),
        ):
            run(script("url"), Path(folder), STAND_IN_EXIT_CODE="1")

    def test_resources_that_the_guide_names_exist(self) -> None:
        calls = aws(calls_of_guide(), "cloudformation", "describe-stack-resource")
        named = {it["arguments"][it["arguments"].index("--logical-resource-id") + 1] for it in calls}
        self.assertTrue(named)
        self.assertEqual(named - set(source()["Resources"]), set())


if __name__ == "__main__":
    unittest.main()
