#!/usr/bin/env python3
"""Runs infra/cloudflare/setup.py against a stand-in for Cloudflare's API, without an account and without packages."""

import json
import unittest
from collections.abc import Callable

import cloudflare_api as stand_in
import cloudflare_case as shared
import installation
import setup

FREE_PLAN = "Cloudflare's free plan keeps messages for 24 hours"


class SetUp(shared.Case):
    def test_a_fresh_account_gets_everything(self) -> None:
        code, lines = self.run_setup()
        self.assertEqual(code, 0, lines)
        kinds = [line.split()[0] for line in lines[: lines.index("")]]
        self.assertEqual({*kinds}, {"created", "changed", "ok"})
        self.assertEqual(kinds.count("ok"), 4, "nothing is public in a new account")
        state = self.account.state()
        private = state["buckets"]["edgereel-private"]
        self.assertEqual(
            private["cors"],
            [
                {
                    "id": "edgereel-uploads",
                    "allowed": {
                        "origins": ["https://app.example.com"],
                        "methods": ["PUT"],
                        "headers": ["content-type", "if-none-match"],
                    },
                    "exposeHeaders": ["ETag"],
                    "maxAgeSeconds": 3600,
                }
            ],
        )
        self.assertEqual([it["id"] for it in private["lifecycle"]][1:], ["edgereel-abort-uploads"])
        [event_rules] = private["events"].values()
        self.assertEqual(event_rules[0]["prefix"], "uploads/")
        self.assertEqual(event_rules[0]["actions"], ["PutObject", "CompleteMultipartUpload", "CopyObject"])
        retention = {name: it["settings"]["message_retention_period"] for name, it in state["queues"].items()}
        self.assertEqual(retention, {"edgereel-events": 1_209_600, "edgereel-events-dead": 1_209_600})
        [block] = state["rulesets"]["http_request_firewall_custom"]["rules"]
        self.assertEqual(
            (block["action"], block["expression"]),
            (
                "block",
                '(http.host eq "media.example.com" and not (ends_with(http.request.uri.path, ".ts") or '
                'ends_with(http.request.uri.path, ".m4s")))',
            ),
        )
        self.assertEqual({*state["switches"].values()}, {"on"})

    def test_playlists_are_never_public(self) -> None:
        self.done()
        rule = next(i for i, it in enumerate(self.server.requests) if it[0] == "POST" and it[1].endswith("/rulesets"))
        domain = next(i for i, it in enumerate(self.server.requests) if it[0] == "POST" and it[1].endswith("/custom"))
        self.assertLess(rule, domain, "the firewall rule exists before the domain")

    def test_the_mode_edge_touches_no_setting_of_the_zone(self) -> None:
        state = self.done(shared.EXAMPLE)
        self.assertEqual((state["rulesets"], {*state["switches"].values()}), ({}, {"off"}))
        self.assertFalse([it for it in self.server.requests if "/zones/" in it[1]])
        self.assertEqual(state["buckets"]["edgereel-media"]["domains"], {})

    def test_a_second_run_writes_nothing(self) -> None:
        for text in (shared.EXAMPLE, shared.CDN):
            state = self.done(text)
            code, lines = self.run_setup()
            self.assertEqual(code, 0, lines)
            self.assertEqual(self.server.writes(), [])
            self.assertEqual({line.split()[0] for line in lines[: lines.index("")]}, {"ok"})
            self.assertEqual(self.account.state(), state)

    def test_rules_of_others_stay(self) -> None:
        self.done()
        media = self.account.buckets["edgereel-private"]
        other_cors = {"id": "other", "allowed": {"origins": ["https://b.example"], "methods": ["GET"]}}
        other_lifecycle = {**media["lifecycle"][0], "id": "other"}
        media["cors"] = [other_cors, {**media["cors"][0], "maxAgeSeconds": 5}]
        media["lifecycle"] = [other_lifecycle]
        ruleset = self.account.rulesets["http_request_firewall_custom"]
        other_rule = {"ref": "other", "id": "1", "action": "skip", "expression": "(true)"}
        ruleset["rules"] = [other_rule]
        self.done()
        self.assertEqual([it["id"] for it in media["cors"]], ["other", "edgereel-uploads"])
        self.assertEqual([it["id"] for it in media["lifecycle"]], ["other", "edgereel-abort-uploads"])
        # A rule that skips the later ones must not come first.
        self.assertEqual([it["ref"] for it in ruleset["rules"]], ["edgereel_media_segments_only", "other"])

    def test_a_jurisdiction_reaches_every_request_and_the_worker(self) -> None:
        text = shared.CDN.replace('location = "weur"', 'jurisdiction = "eu"')
        state = self.done(text)
        self.assertEqual({it["jurisdiction"] for it in state["buckets"].values()}, {"eu"})
        config = json.loads((self.folder / "build/wrangler.json").read_text(encoding="utf-8"))
        self.assertEqual([it["jurisdiction"] for it in config["r2_buckets"]], ["eu", "eu"])

    def test_without_origins_the_rule_goes(self) -> None:
        self.done(shared.EXAMPLE)
        self.done(shared.EXAMPLE.replace('origins = ["https://app.example.com"]', "origins = []"))
        self.assertIsNone(self.account.buckets["edgereel-private"]["cors"])


class Check(shared.Case):
    def test_a_fresh_account(self) -> None:
        code, lines = self.run_setup("--check")
        self.assertEqual((code, self.server.writes()), (1, []))
        self.assertIn("bucket edgereel-private is missing: weur", lines)
        self.assertFalse((self.folder / "build").exists())

    def test_an_account_that_is_set_up(self) -> None:
        self.done()
        code, lines = self.run_setup("--check")
        self.assertEqual((code, lines, self.server.writes()), (0, ["No differences."], []))

    def test_another_machine_can_check(self) -> None:
        self.done()
        (self.folder / "build/wrangler.json").unlink()
        self.assertEqual(self.run_setup("--check"), (0, ["No differences."]))

    def test_each_difference_is_one_line(self) -> None:
        self.done()
        account = self.account
        private, media = account.buckets["edgereel-private"], account.buckets["edgereel-media"]

        def cors() -> None:
            private["cors"][0]["allowed"]["headers"] = ["content-type"]

        def etag() -> None:
            private["cors"][0]["exposeHeaders"] = []

        def age() -> None:
            private["lifecycle"][-1]["abortMultipartUploadsTransition"]["condition"]["maxAge"] = 86_400 * 30

        def retention() -> None:
            account.queues["edgereel-events"]["settings"]["message_retention_period"] = 345_600

        def events() -> None:
            private["events"].clear()

        def actions() -> None:
            [[rule]] = private["events"].values()
            rule["actions"] = ["PutObject"]

        def other_queue() -> None:
            [rules] = private["events"].values()
            private["events"] = {account.queues["edgereel-events-dead"]["queue_id"]: rules}

        def firewall() -> None:
            account.rulesets["http_request_firewall_custom"]["rules"][0]["enabled"] = False

        def cache() -> None:
            parameters = account.rulesets["http_request_cache_settings"]["rules"][0]["action_parameters"]
            parameters["edge_ttl"]["mode"] = "bypass_by_default"

        def tiered() -> None:
            account.switches["cache/tiered_cache_smart_topology_enable"] = "off"

        def domain() -> None:
            media["domains"]["media.example.com"]["enabled"] = False

        def tls() -> None:
            media["domains"]["media.example.com"]["minTLS"] = "1.0"

        def public() -> None:
            private["managed"] = True

        def namespace() -> None:
            account.namespaces.clear()

        def config() -> None:
            (self.folder / "build/wrangler.json").write_text("{}", encoding="utf-8")

        changes = [cors, etag, age, retention, events, actions, other_queue, firewall, cache, tiered, domain, tls]
        # The id of the namespace is a part of wrangler's configuration.
        table: list[tuple[Callable[[], None], int]] = [*((it, 1) for it in [*changes, public, config]), (namespace, 2)]
        final = account.state()
        for change, number in table:
            with self.subTest(change.__name__):
                change()
                code, lines = self.run_setup("--check")
                self.assertEqual((code, len(lines), self.server.writes()), (1, number, []), lines)
                code, lines = self.run_setup()
                self.assertEqual(code, 0, lines)
                self.assertEqual(account.state(), final)

    def test_what_only_the_operator_may_change(self) -> None:
        self.done(shared.EXAMPLE)
        private, media = (self.account.buckets[f"edgereel-{it}"] for it in ("private", "media"))
        media["domains"]["old.example.com"] = {"enabled": True, "minTLS": "1.2"}
        [[rule]] = private["events"].values()
        rule |= {"prefix": "", "description": "of another team"}
        for options in ((), ("--check",)):
            code, lines = self.run_setup(*options)
            self.assertEqual((code, self.server.writes()), (1, []), lines)
            self.assertTrue([it for it in lines if "old.example.com makes the bucket public" in it])
            self.assertTrue([it for it in lines if "Cloudflare refuses overlapping rules" in it])


class Interruptions(shared.Case):
    def setUp(self) -> None:
        super().setUp()
        self.final = self.done()
        self.count = len(self.server.requests)

    def fresh(self, fault: Callable[[int], str | None]) -> tuple[int, list[str]]:
        self.server.account = stand_in.Account()
        (self.folder / "build/wrangler.json").unlink(missing_ok=True)
        self.server.fault = fault
        return self.run_setup()

    def test_the_next_run_completes_what_an_outage_interrupted(self) -> None:
        for kind in ("drop", "500"):
            for k in range(self.count):
                with self.subTest(kind=kind, request=k):
                    code, lines = self.fresh(lambda number, k=k, kind=kind: kind if number >= k else None)
                    self.assertEqual(code, 2, lines)
                    self.assertIn("Run the script again", lines[-1])
                    self.server.fault = lambda _number: None
                    code, lines = self.run_setup()
                    self.assertEqual(code, 0, lines)
                    self.assertEqual(self.account.state(), self.final)

    def test_one_failure_is_overcome_and_nothing_is_doubled(self) -> None:
        for kind in ("drop", "lost", "500", "429"):
            for k in range(self.count):
                with self.subTest(kind=kind, request=k):
                    code, lines = self.fresh(lambda number, k=k, kind=kind: kind if number == k else None)
                    self.assertEqual(code, 0, lines)
                    self.assertEqual(self.account.state(), self.final)

    def test_the_program_waits_as_cloudflare_requests(self) -> None:
        self.waits.clear()
        self.fresh(lambda number: "429" if number in (2, 5) else None)
        self.assertEqual(self.waits, [7.0, 7.0])

    def test_waits_grow(self) -> None:
        self.waits.clear()
        self.fresh(lambda _number: "500")
        self.assertEqual(self.waits, [1.0, 2.0, 4.0, 8.0])


class Errors(shared.Case):
    def test_a_wrong_token(self) -> None:
        self.token = "another-token"
        self.assert_error("Cloudflare does not accept the token in CLOUDFLARE_API_TOKEN")

    def test_each_missing_permission_is_named(self) -> None:
        for permission in stand_in.ALL_PERMISSIONS:
            with self.subTest(permission):
                self.server.account = stand_in.Account()
                name = permission.rsplit(" ", 1)[0]
                # A token that may write may also read.
                gone = {permission, f"{name} Write"} if permission.endswith("Read") else {permission}
                self.account.permissions -= gone
                code, lines = self.run_setup()
                if permission == "Zone Write":
                    self.assertEqual(code, 0, "nothing writes zones")
                    continue
                self.assertEqual(code, 2, lines)
                self.assertIn(f"the token lacks the permission `{permission}`", lines[-1])

    def test_a_check_needs_no_permission_to_write(self) -> None:
        self.done()
        self.account.permissions = {it for it in stand_in.ALL_PERMISSIONS if it.endswith("Read")}
        self.assertEqual(self.run_setup("--check"), (0, ["No differences."]))

    def test_r2_is_not_enabled(self) -> None:
        self.account.r2_enabled = False
        self.assert_error("R2 is not enabled in this account")

    def test_the_free_plan(self) -> None:
        for plan in ("free", "clamped"):
            with self.subTest(plan):
                self.server.account = stand_in.Account()
                self.account.plan = plan
                self.settings(shared.CDN)
                self.assert_error(FREE_PLAN, "queue edgereel-events-dead", "retention_seconds = 86400")
                self.done(shared.CDN.replace("1209600", "86400"))

    def test_the_zone_is_in_another_account(self) -> None:
        self.settings(shared.CDN.replace("example.com", "example.org"))
        self.assert_error("the account has no zone example.org")

    def test_settings_are_refused_together(self) -> None:
        text = shared.CDN.replace("weur", "mars").replace("1209600", "5")
        text = text.replace("edge.example.com", "edge.example.net")
        self.settings(text + '\n[vars]\nEDGEREEL_PASS_KEYS = "p:c2VjcmV0"\n')
        self.assert_error(
            "buckets.location: expected one of apac",
            "queues.retention_seconds: expected 60 to 1209600",
            "worker.host: edge.example.net is not in the zone example.com",
            "vars.EDGEREEL_PASS_KEYS is a secret",
        )
        self.assertEqual(self.server.requests, [])

    def test_combinations_of_settings(self) -> None:
        sqs = 'sqs_queue_url = "https://sqs.eu-central-1.amazonaws.com/1/jobs"'
        table = [
            ('mode = "edge"', 'mode = "cdn"', "delivery.media_host is missing"),
            ('location = "weur"', 'location = "weur"\njurisdiction = "eu"', "set only one of them"),
            ("[jobs]", f"[jobs]\n{sqs}", "jobs: set either url or sqs_queue_url"),
            ('"https://app.example.com"', '"https://app.example.com/"', "is not an origin"),
            ("retention_seconds", "retention_secs", "queues.retention_secs is not a setting"),
            ('media = "edgereel-media"', 'media = "edgereel-private"', "must differ"),
        ]
        for before, after, problem in table:
            with self.subTest(problem), self.assertRaises(setup.SetupError) as raised:
                installation.parse(shared.EXAMPLE.replace(before, after, 1))
            self.assertIn(problem, str(raised.exception))

    def test_missing_environment(self) -> None:
        lines: list[str] = []
        arguments = ["--config", str(self.folder / "installation.toml")]
        self.assertEqual(setup.main(arguments, {}, say=lines.append), 2)
        self.assertIn("CLOUDFLARE_API_TOKEN is missing", lines[-1])


if __name__ == "__main__":
    unittest.main()
