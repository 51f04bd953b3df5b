"""Prints the part of CHANGELOG.md about one version: python3 scripts/release/notes.py VERSION."""

import re
import sys
from pathlib import Path


def notes(changelog: str, version: str) -> str | None:
    """The text below the heading of a version.

    >>> notes("# C\\n\\n## [0.2.0] - 2030-01-01\\n\\nNew.\\n\\n## [0.1.0] - 2029-01-01\\n\\nOld.\\n", "0.2.0")
    'New.'
    """
    found = re.search(rf"^## \[{re.escape(version)}\].*?\n(.*?)(?=^## |\Z)", changelog, re.M | re.S)
    return found[1].strip() if found else None


if __name__ == "__main__":
    text = notes((Path(__file__).resolve().parents[2] / "CHANGELOG.md").read_text(), sys.argv[1])
    if not text:
        sys.exit(f"CHANGELOG.md has no section [{sys.argv[1]}]")
    print(text)
