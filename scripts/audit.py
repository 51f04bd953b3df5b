#!/usr/bin/env python3
"""Checks licences, origins and dependencies of everything that is built, from `cargo metadata` alone: works offline.

Fails if a package has a licence outside ALLOWED, does not come from a registry, or is in BANNED, or if one of our crates
has a dependency that ARCHITECTURE.md forbids.
"""

import json
import re
import subprocess
import sys

ALLOWED = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0",
    "CDLA-Permissive-2.0", "ISC", "MIT", "MIT-0", "OpenSSL", "Unicode-3.0", "Unlicense", "Zlib",
}

# A second TLS stack, or a C library that every machine would need.
BANNED = {"openssl-sys", "native-tls"}

# Dependencies between our crates only point down.
MAY_USE = {
    "confine": set(),
    "hls": set(),
    "domain": {"hls"},
    "media": set(),
    "serve": set(),
    "s3-server": {"serve"},
    # The embedded server only with the feature `conformance`, which tests alone switch on.
    "platform": {"domain", "s3-server", "serve"},
    "edge-server": {"domain", "platform"},
    "check": {"hls", "media"},
    "transcoder": {"confine", "domain", "hls", "media", "platform", "serve"},
    "functions": {"domain", "hls", "platform", "serve"},
    "cli": {
        "confine", "domain", "edge-server", "media", "platform", "s3-server", "serve", "check", "transcoder", "functions",
    },
    "edge-worker": {"domain"},
    "testkit": set(),
    "e2e": {
        "confine", "domain", "edge-server", "hls", "media", "platform", "s3-server", "serve", "check", "transcoder", "functions", "cli", "testkit",
    },
    "load": {"confine", "domain", "platform", "serve", "functions", "testkit", "e2e"},
}

# Programs that run in the cloud do not carry the server of the laptop.
MUST_NOT_LINK = {
    "functions": {"s3-server", "s3s", "rusqlite"},
    "transcoder": {"s3-server", "s3s", "rusqlite"},
}

# Pure crates: no clock, sockets or threads, including their dependencies.
PURE = {"domain", "hls", "media"}
IMPURE = {"tokio", "mio", "socket2", "reqwest", "hyper", "sqlx", "rusqlite", "aws-sdk-s3", "getrandom", "chrono"}


def allowed(expression: str) -> bool:
    """Whether an SPDX expression can be satisfied by ALLOWED. `/` is the old form of `OR`."""
    tokens = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))
    place = 0

    def either() -> bool:
        nonlocal place
        good = both()
        while place < len(tokens) and tokens[place] == "OR":
            place += 1
            good = both() or good
        return good

    def both() -> bool:
        nonlocal place
        good = one()
        while place < len(tokens) and tokens[place] == "AND":
            place += 1
            good = one() and good
        return good

    def one() -> bool:
        nonlocal place
        if tokens[place] == "(":
            place += 1
            good = either()
            place += 1
            return good
        name = tokens[place]
        place += 1
        if place < len(tokens) and tokens[place] == "WITH":
            name += f" WITH {tokens[place + 1]}"
            place += 2
        return name in ALLOWED

    return either()


def linked_by(crate: str) -> set[str]:
    """The packages that one of our crates links when it is built alone: metadata unifies the features of all crates."""
    command = ["cargo", "tree", "--locked", "--package", crate, "--edges", "normal", "--prefix", "none"]
    tree = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return {line.split()[0] for line in tree.splitlines() if line.strip()}


def main() -> int:
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    ours = set(metadata["workspace_members"])
    problems = []

    for id, package in packages.items():
        if id in ours:
            continue
        name = f"{package['name']} {package['version']}"
        licence = package["license"]
        if not licence:
            problems.append(f"{name} declares no licence")
        elif not allowed(licence):
            problems.append(f"{name} has the licence {licence}")
        if not (package["source"] or "").startswith("registry+"):
            problems.append(f"{name} comes from {package['source'] or 'a path'}, not from a registry")
        if package["name"] in BANNED:
            problems.append(f"{name} is banned")

    # Linked dependencies, without those of tests.
    edges = {
        node["id"]: [
            dependency["pkg"]
            for dependency in node["deps"]
            if any(kind["kind"] is None for kind in dependency["dep_kinds"])
        ]
        for node in metadata["resolve"]["nodes"]
    }
    for id in ours:
        name = packages[id]["name"]
        if name not in MAY_USE:
            problems.append(f"our crate {name} is missing in MAY_USE")
            continue
        for used in (packages[it]["name"] for it in edges[id] if it in ours):
            if used not in MAY_USE[name]:
                problems.append(f"our crate {name} must not use {used}")
        if name in PURE:
            impure = linked_by(name) & IMPURE
            problems.extend(f"our crate {name} is pure, and must not link {it}" for it in sorted(impure))

    for crate, unwanted in MUST_NOT_LINK.items():
        problems.extend(f"our crate {crate} must not link {it}" for it in sorted(linked_by(crate) & unwanted))

    for problem in sorted(problems):
        print(f"audit: {problem}", file=sys.stderr)
    if not problems:
        print(f"audit: {len(packages) - len(ours)} third-party packages, {len(ours)} own crates: no problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
