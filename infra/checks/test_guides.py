"""The commands of all guides pass the checks, and the checks find mistakes."""

import doctest
import os
import shutil
import tempfile
import unittest
from pathlib import Path

import aws_cli
import guides

MISTAKES = {
    "syntax": "if true; then\n  ls\n",
    "lint": 'cat "$NEVER_SET"\n',
    "variables": "export EDGEREEL_DATABASE_PATH=sqlite:db\n",
    "paths": "infra/aws/no-such-script.sh\n",
    "targets": "make no-such-target\n",
    "cloud": "aws sqs list-queue\n",
    "invocations": "edgereel upload film.mp4 --wayt\n",
}


def load_tests(_loader: unittest.TestLoader, tests: unittest.TestSuite, _pattern: str) -> unittest.TestSuite:
    """Adds the examples of the modules."""
    tests.addTests([doctest.DocTestSuite(guides), doctest.DocTestSuite(aws_cli)])
    return tests


class GuidesTest(unittest.TestCase):
    def test_all_guides_pass(self) -> None:
        self.assertTrue(guides.guides())
        for path in guides.guides():
            for check in guides.CHECKS:
                with self.subTest(f"{path.name}: {check.__name__}"):
                    self.assertEqual(list(check(path)), [])

    def test_each_check_finds_its_mistake(self) -> None:
        unavailable = set()
        if not os.environ.get("EDGEREEL_BIN"):
            unavailable.add("invocations")
        if not (guides.SHELLCHECK.exists() or shutil.which("shellcheck")):
            unavailable.add("lint")
        with tempfile.TemporaryDirectory() as folder:
            for check in guides.CHECKS:
                if check.__name__ in unavailable:
                    continue
                with self.subTest(check.__name__):
                    path = Path(folder) / f"{check.__name__}.md"
                    path.write_text(f"# Guide\n\n```sh\n{MISTAKES[check.__name__]}```\n")
                    self.assertEqual(len(list(check(path))), 1)

    def test_planned_files_do_not_exist_yet(self) -> None:
        existing = [it for it in guides.planned() if "/" in it and guides.is_there(it)]
        self.assertEqual(existing, [], "remove them from infra/checks/planned.txt")


if __name__ == "__main__":
    unittest.main()
