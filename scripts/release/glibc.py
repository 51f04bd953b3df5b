"""Fails if a program needs a newer C library than NEWEST: python3 scripts/release/glibc.py PROGRAM NEWEST."""

import re
import sys
from pathlib import Path


def number(text: str) -> list[int]:
    """A version that can be compared.

    >>> number("2.4") < number("2.34")
    True
    """
    return [int(it) for it in text.split(".")]


def wanted(program: bytes) -> str:
    """The newest version of the C library that a program names.

    >>> wanted(b"GLIBC_2.4 GLIBC_2.34 GLIBC_2.9")
    '2.34'
    """
    return max((it.decode() for it in re.findall(rb"GLIBC_([0-9.]+[0-9])", program)), key=number)


if __name__ == "__main__":
    path, newest = sys.argv[1:]
    found = wanted(Path(path).read_bytes())
    if number(found) > number(newest):
        sys.exit(f"{path} needs glibc {found}, which is newer than {newest}")
    print(f"{path} needs glibc {found}")
