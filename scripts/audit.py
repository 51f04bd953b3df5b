#!/usr/bin/env python3
"""Checks all packages in the build, from `cargo metadata` and our sources alone: works offline.

Fails when

- a package has a licence that deny.toml does not allow, is banned there, or does not come from a registry. cargo-deny
  checks the same where it is installed;
- a crate of ours depends on a crate that ARCHITECTURE.md forbids;
- a crate of ours has a dependency that none of its sources names, or the workspace has one that no crate uses.
  Exceptions are those of cargo-machete, `[package.metadata.cargo-machete]` in a Cargo.toml.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

# Dependencies between our crates only point down.
MAY_USE = {
    "captions": set(),
    "confine": set(),
    "hls": set(),
    "domain": {"hls"},
    "media": set(),
    "traces": {"domain"},
    "serve": set(),
    "metrics": set(),
    "s3-server": {"serve"},
    # The embedded server only with the feature `conformance`, which tests alone switch on.
    "platform": {"domain", "s3-server", "serve"},
    "catalog": {"captions", "domain", "metrics", "platform"},
    "edge-server": {"domain", "platform"},
    "check": {"captions", "hls", "media"},
    "transcoder": {
        "captions",
        "catalog",
        "config",
        "confine",
        "domain",
        "health",
        "hls",
        "media",
        "metrics",
        "platform",
        "serve",
        "traces",
    },
    "config": {"catalog", "domain", "platform", "traces"},
    "health": {"catalog", "config", "domain", "metrics", "platform", "serve"},
    "api-types": {"domain"},
    "web-app": set(),
    "api": {
        "api-types",
        "captions",
        "catalog",
        "config",
        "domain",
        "health",
        "hls",
        "metrics",
        "platform",
        "serve",
        "traces",
        "web-app",
    },
    "functions": {"api", "config", "catalog", "domain", "metrics", "platform", "serve", "traces"},
    "cli": {
        "catalog",
        "confine",
        "domain",
        "edge-server",
        "health",
        "media",
        "metrics",
        "platform",
        "s3-server",
        "serve",
        "check",
        "transcoder",
        "api",
        "api-types",
        "config",
        # The stand-ins for other services, in tests.
        "testkit",
    },
    "edge-worker": {"domain"},
    "testkit": set(),
    "e2e": {
        "catalog",
        "confine",
        "domain",
        "edge-server",
        "hls",
        "media",
        "metrics",
        "platform",
        "s3-server",
        "serve",
        "check",
        "transcoder",
        "api",
        "api-types",
        "config",
        "cli",
        "testkit",
    },
    "load": {"api", "catalog", "config", "confine", "domain", "platform", "serve", "testkit", "e2e"},
}

# Programs that run in the cloud do not carry the server of the laptop.
MUST_NOT_LINK = {
    "functions": {"s3-server", "s3s", "rusqlite"},
    "transcoder": {"s3-server", "s3s", "rusqlite"},
}

# Pure crates: no clock, sockets or threads, including their dependencies.
PURE = {"api-types", "domain", "hls", "media"}
IMPURE = {"tokio", "mio", "socket2", "reqwest", "hyper", "sqlx", "rusqlite", "aws-sdk-s3", "getrandom", "chrono"}


def is_allowed(expression: str, licences: set[str]) -> bool:
    """Whether an SPDX expression can be satisfied by these licences. Old packages write `/` for `OR`.

    >>> is_allowed("MIT/Apache-2.0", {"MIT"}), is_allowed("MIT AND GPL-3.0", {"MIT"})
    (True, False)
    >>> is_allowed("(GPL-3.0 OR Apache-2.0 WITH LLVM-exception) AND MIT", {"MIT", "Apache-2.0 WITH LLVM-exception"})
    True
    """
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
        return name in licences

    return either()


def names(sources: str, crate: str) -> bool:
    """Whether Rust sources name a crate, outside of comments.

    >>> names("use time::Duration;", "time"), names("fn f() -> ::time::Date;", "time"), names("use time as t;", "time")
    (True, True, True)
    >>> names("use std::time::Duration;", "time"), names("// time::Duration", "time"), names("let time = 1;", "time")
    (False, False, False)
    """
    code = re.sub(r"^\s*//.*", "", sources, flags=re.MULTILINE)
    return re.search(rf"(?<![\w:])(?:::)?{crate}(?:::|!)|\b(?:use|extern crate) (?:::)?{crate}\b", code) is not None


def unused_dependencies(crates: list[dict], libraries: dict[str, str]) -> list[str]:
    """The dependencies of our crates that no source names. `libraries` has the name of each package's library."""
    problems = []
    folders = [Path(crate["manifest_path"]).parent for crate in crates]
    for crate, folder in zip(crates, folders, strict=True):
        inner = [it for it in folders if it != folder and it.is_relative_to(folder)]
        files = [it for it in folder.rglob("*.rs") if not any(it.is_relative_to(other) for other in inner)]
        sources = "\n".join(it.read_text() for it in files)
        ignored = (crate["metadata"] or {}).get("cargo-machete", {}).get("ignored", [])
        for dependency in {it["name"]: it for it in crate["dependencies"]}.values():
            name = dependency["name"]
            library = dependency["rename"] or libraries.get(name, name)
            is_named = names(sources, library.replace("-", "_"))
            if not is_named and name not in ignored:
                problems.append(f"our crate {crate['name']} has the dependency {name}, which no source of it names")
            if is_named and name in ignored:
                problems.append(f"our crate {crate['name']} ignores the dependency {name}, which its sources name")

    # cargo resolves what the workspace offers only if a crate takes it.
    offered = tomllib.loads(Path("Cargo.toml").read_text())["workspace"]["dependencies"]
    manifests = [tomllib.loads(Path(crate["manifest_path"]).read_text()) for crate in crates]
    taken = {
        name
        for manifest in manifests
        for part in [manifest, *manifest.get("target", {}).values()]
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"]
        for name, dependency in part.get(kind, {}).items()
        if isinstance(dependency, dict) and dependency.get("workspace")
    }
    problems.extend(f"the workspace has the dependency {name}, which no crate uses" for name in offered.keys() - taken)
    return problems


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
    deny = tomllib.loads(Path("deny.toml").read_text())
    licences = set(deny["licenses"]["allow"])
    banned = {it["crate"] for it in deny["bans"]["deny"]}
    libraries = {
        package["name"]: target["name"]
        for package in packages.values()
        for target in package["targets"]
        if {"lib", "rlib", "proc-macro"} & set(target["kind"])
    }
    problems = unused_dependencies([packages[id] for id in ours], libraries)

    for id, package in packages.items():
        if id in ours:
            continue
        name = f"{package['name']} {package['version']}"
        licence = package["license"]
        if not licence:
            problems.append(f"{name} names no licence")
        elif not is_allowed(licence, licences):
            problems.append(f"{name} has the licence {licence}")
        if not (package["source"] or "").startswith("registry+"):
            problems.append(f"{name} comes from {package['source'] or 'a path'}, not from a registry")
        if package["name"] in banned:
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
