#!/usr/bin/env python3
"""Creates what Edgereel needs at Cloudflare, and corrects what differs: buckets, CORS, lifecycle and event rules,
queues, the KV namespace, and in the mode `cdn` the public domain with its firewall and cache rules. Then it writes the
Worker's configuration for wrangler. It never deletes what it did not create, so run it again whenever you are in doubt.

    setup.py                       creates and corrects; one line per resource
    setup.py --check               changes nothing; one line per difference, and exit code 1 if there is one
    setup.py --print-permissions   the permissions that the API token needs

The token is in CLOUDFLARE_API_TOKEN, the account's id in CLOUDFLARE_ACCOUNT_ID. docs/deploy/cloudflare.md is the guide.
Exit codes: 0 done, 1 differences, 2 an error.
"""

import argparse
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import installation
import resources
import worker
from client import ATTEMPTS, BASE_URL, Cloudflare, SetupError, Transient, quoted, wait_of
from installation import Installation

# Account or zone, the name of the permission in the dashboard, and why. In the API, `Edit` is `Write`.
PERMISSIONS = [
    ("Account", "Workers R2 Storage: Edit", "buckets, their rules and domains"),
    ("Account", "Queues: Edit", "the two queues"),
    ("Account", "Workers KV Storage: Edit", "the list of revocations"),
    ("Account", "Workers Scripts: Edit", "wrangler deploy, wrangler secret"),
    ("Zone", "Zone: Read", "finds the zone's id"),
    ("Zone", "Workers Routes: Edit", "the Worker's host"),
]
CDN_PERMISSIONS = [
    ("Zone", "Zone WAF: Edit", "mode cdn: the firewall rule of the media host"),
    ("Zone", "Cache Rules: Edit", "mode cdn: the cache rule (`Cache Settings Write` in the API)"),
    ("Zone", "Zone Settings: Edit", "mode cdn: Tiered Cache"),
]
Say = Callable[[str], None]


def print_permissions(say: Say) -> None:
    """Lists the permissions of the token."""
    say("The API token needs these permissions, for your account and for the zone:")
    for scope, name, reason in PERMISSIONS + CDN_PERMISSIONS:
        say(f"  {scope:8} {name:26} {reason}")


def find_zone(api: Cloudflare, name: str) -> str:
    """The id of a zone."""
    found = api.get(f"/zones?name={quoted(name)}&account.id={api.account}")
    if not found:
        raise SetupError(f"the account has no zone {name}, or the token may not read it (permission `Zone Read`)")
    return found[0]["id"]


def converge(api: Cloudflare, resource: resources.Resource) -> resources.Change | None:
    """Makes one resource as required. A change whose answer was lost is looked at again before it is repeated."""
    made = None
    for attempt in range(ATTEMPTS):
        change = resource.look(api)
        if change is None or change.run is None:
            return change or made
        made = made or change
        try:
            change.run()
            return made
        except Transient as failure:
            problem = failure
            api.sleep(failure.wait if failure.wait is not None else wait_of(None, attempt))
    raise SetupError(f"{resource.name}: Cloudflare did not carry out the change: {problem}. Run the script again.")


def check(api: Cloudflare, it: Installation, zone: str, say: Say) -> int:
    """Reports all differences, and returns their number."""
    differences = 0
    for resource in resources.all_resources(it, zone):
        change = resource.look(api)
        if change:
            differences += 1
            state = {"created": "is missing", "changed": "differs"}.get(change.kind, "needs you")
            say(f"{resource.name} {state}: {change.what}")
    return differences


def set_up(api: Cloudflare, it: Installation, zone: str, say: Say) -> int:
    """Creates and corrects everything, and returns the number of differences that are left to the operator."""
    left = 0
    for resource in resources.all_resources(it, zone):
        try:
            change = converge(api, resource)
        except SetupError as error:
            raise SetupError(f"{resource.name}: {error}") from None
        left += change is not None and change.kind == "manual"
        say(f"{change.kind if change else 'ok':8} {resource.name}" + (f": {change.what}" if change else ""))
    return left


def write_configuration(file: Path, text: str) -> str:
    """Writes wrangler's configuration, and returns what happened to the file."""
    before = file.read_text(encoding="utf-8") if file.exists() else None
    if before == text:
        return "ok"
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_suffix(".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(file)
    return "created" if before is None else "changed"


def say_next_steps(it: Installation, account: str, file: Path, say: Say) -> None:
    """What remains to do by hand."""
    endpoint = f"https://{account}.{it.jurisdiction + '.' if it.jurisdiction else ''}r2.cloudflarestorage.com"
    say("\nWhat remains:")
    say(f"1. Write the Worker's secrets to a file, NAME=value, one per line: {' '.join(it.secrets())}")
    say(f"2. wrangler deploy --config {file} --secrets-file SECRETS_FILE")
    say(f"   Later, to change secrets: wrangler secret bulk SECRETS_FILE --config {file}")
    say("3. Create an R2 API token with `Object Read & Write` on the two buckets, and configure API and transcoder:")
    say(f"   EDGEREEL_S3_ENDPOINT={endpoint}")
    say(f"   EDGEREEL_PRIVATE_BUCKET={it.private_bucket} EDGEREEL_MEDIA_BUCKET={it.media_bucket}")
    say(f"   EDGEREEL_EDGE_URL=https://{it.edge_host}")


def connect(environment: Mapping[str, str], sleep: Callable[[float], None]) -> Cloudflare:
    """The account that the environment names."""
    token, account = (environment.get(name, "") for name in ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID"))
    if not token:
        raise SetupError("CLOUDFLARE_API_TOKEN is missing: create a token (setup.py --print-permissions)")
    if not re.fullmatch(r"[0-9a-f]{32}", account):
        raise SetupError("CLOUDFLARE_ACCOUNT_ID: expected the account's id, 32 hexadecimal digits")
    return Cloudflare(environment.get("CLOUDFLARE_API_BASE_URL") or BASE_URL, account, token, sleep)


def run(arguments: argparse.Namespace, environment: Mapping[str, str], say: Say, sleep: Callable[[float], None]) -> int:
    """Runs the command, and returns its exit code."""
    it = installation.read(arguments.config)
    api = connect(environment, sleep)
    api.jurisdiction = it.jurisdiction
    file = Path(os.path.relpath(arguments.out / "wrangler.json"))
    zone = find_zone(api, it.zone)
    left = check(api, it, zone, say) if arguments.check else set_up(api, it, zone, say)
    edge_list = resources.find_namespace(api, it.edge_list)
    text = worker.text_of(worker.configuration(it, api.account, edge_list, arguments.out.resolve()))
    if not arguments.check:
        say(f"{write_configuration(file, text):8} {file}")
        say_next_steps(it, api.account, file, say)
    elif file.exists() and file.read_text(encoding="utf-8") != text:
        say(f"{file} is not current: run setup.py, then `wrangler deploy`")
        left += 1
    elif not left:
        say("No differences.")
    return 1 if left else 0


def main(
    argv: list[str],
    environment: Mapping[str, str],
    say: Say = print,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """The program, with everything that tests replace."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(__file__).with_name("installation.toml")
    parser.add_argument("--config", type=Path, default=default, help="the settings (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=worker.BUILD, help="folder of wrangler.json (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="change nothing, and report differences")
    parser.add_argument("--print-permissions", action="store_true", help="list the permissions of the API token")
    arguments = parser.parse_args(argv)
    if arguments.print_permissions:
        print_permissions(say)
        return 0
    try:
        return run(arguments, environment, say, sleep)
    except SetupError as error:
        say(f"setup.py: {error}")
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
