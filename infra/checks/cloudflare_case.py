"""What the tests of infra/cloudflare share: a stand-in for Cloudflare, and the settings of an installation."""

import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cloudflare"))

import cloudflare_api as stand_in
import setup

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = (ROOT / "infra/cloudflare/installation.example.toml").read_text(encoding="utf-8")
CDN = EXAMPLE.replace('mode = "edge"\n# media_host', 'mode = "cdn"\nmedia_host')


class Case(unittest.TestCase):
    """A stand-in, and a folder with the settings of an installation."""

    def setUp(self) -> None:
        self.server = stand_in.Server()
        self.addCleanup(self.server.close)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.token = stand_in.TOKEN
        self.waits: list[float] = []
        self.settings(CDN)

    @property
    def account(self) -> stand_in.Account:
        return self.server.account

    def settings(self, text: str) -> None:
        (self.folder / "installation.toml").write_text(text, encoding="utf-8")

    def run_setup(self, *options: str) -> tuple[int, list[str]]:
        """Runs the program. Returns its exit code and the lines of its output. The log of requests begins again."""
        self.server.requests.clear()
        lines: list[str] = []
        arguments = ["--config", str(self.folder / "installation.toml"), "--out", str(self.folder / "build"), *options]
        environment = {
            "CLOUDFLARE_API_BASE_URL": self.server.url,
            "CLOUDFLARE_API_TOKEN": self.token,
            "CLOUDFLARE_ACCOUNT_ID": stand_in.ACCOUNT,
        }

        def say(text: str) -> None:
            lines.extend(text.splitlines() or [""])

        code = setup.main(arguments, environment, say, sleep=self.waits.append)
        self.assertFalse([line for line in lines if self.token in line], "the output contains the token")
        return code, lines

    def done(self, text: str = CDN) -> dict[str, Any]:
        """Sets up, and returns the final state."""
        self.settings(text)
        code, lines = self.run_setup()
        self.assertEqual(code, 0, lines)
        return self.account.state()

    def assert_error(self, *parts: str) -> None:
        code, lines = self.run_setup()
        self.assertEqual(code, 2, lines)
        for part in parts:
            self.assertIn(part, lines[-1])
