#!/usr/bin/env python3
"""Finds insta's snapshot files that no test reads, and snapshots that nobody has accepted yet. Works offline.

A test that is renamed or deleted leaves its file behind, and no run of the tests reports it. `cargo insta test
--unreferenced=reject` does, but runs all tests and needs cargo-insta.

insta names a file `snapshots/MODULE__PATH__NAME.snap`, beside the source of the test. NAME is the name of the function
without `test_` (`-2` and so on follow where a function has several), or a name that the test gives. Such a name has to
be a string in the source; tests may replace spaces and punctuation by `_`. Not found: the file of a test whose snapshot
is inline now.
"""

import re
import subprocess
import sys
from pathlib import Path

CALL = re.compile(r"assert_(?:\w+_)?snapshot!")
NUMBER = re.compile(r"-\d+$")
STRING = re.compile(r'"([^"\\\n]*)"')


def functions(source):
    """The names of the functions that assert a snapshot.

    >>> sorted(functions("fn a() { assert_snapshot!(1); } fn b() {} fn test_c() { assert_json_snapshot!(1); }"))
    ['a', 'c']
    """
    parts = re.split(r"\bfn (\w+)", source)
    pairs = zip(parts[1::2], parts[2::2], strict=True)
    return {name.removeprefix("test_") for name, text in pairs if CALL.search(text)}


def is_referenced(name, sources):
    """Whether one of the sources has the test of a snapshot.

    >>> is_referenced("a-2", ["fn a() { assert_snapshot!(1); assert_snapshot!(2); }"])
    True
    >>> is_referenced("a", ["fn a() {} fn b() { assert_snapshot!(1); }"])
    False
    >>> is_referenced("copy_refused", ['fn a() { for it in ["copy, refused"] { assert_snapshot!(plain(it), 1); } }'])
    True
    """
    names = {name, NUMBER.sub("", name)}
    for source in filter(CALL.search, sources):
        strings = set(STRING.findall(source))
        plain = {re.sub(r"\W+", "_", it) for it in strings}
        if names & (functions(source) | strings | plain):
            return True
    return False


def main():
    # Ignored files too: snapshots that wait are among them. Packages of npm have snapshots of their own.
    kinds = ["*.snap", "*.snap.new", "*.pending-snap", ":(exclude,glob)**/node_modules/**"]
    git = ["git", "ls-files", "--cached", "--others", "-z", "--", *kinds]
    listed = subprocess.run(git, check=True, stdout=subprocess.PIPE, text=True).stdout
    paths = [Path(it) for it in listed.split("\0") if it and Path(it).is_file()]
    problems = []
    for path in paths:
        if path.suffix != ".snap":
            problems.append(f"{path} waits to be reviewed: cargo insta review")
            continue
        name = path.stem.rsplit("__", 1)[-1]
        if not is_referenced(name, [it.read_text() for it in sorted(path.parent.parent.glob("*.rs"))]):
            problems.append(f"{path} belongs to no test: delete it")
    for problem in problems:
        print(f"snapshots: {problem}", file=sys.stderr)
    if not problems:
        print(f"snapshots: {len(paths)} files, each belongs to a test")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
