"""The image, the manifests, the compose file and the unit pass all checks; each deliberate mistake is refused."""

import shutil
import subprocess
import tempfile
import unittest
from dataclasses import dataclass
from pathlib import Path

import containers
import yaml
from cloudcoil.models.keda.v1alpha1 import ScaledJob, TriggerAuthentication

KEDA = {"ScaledJob": ScaledJob, "TriggerAuthentication": TriggerAuthentication}
DOCKERFILE = "infra/container/Dockerfile"
COMPOSE = "infra/server/compose.yaml"
UNIT = "infra/server/edgereel.service"
CADDY = "infra/server/Caddyfile"
API = "infra/kubernetes/api.yaml"
SQS = "infra/kubernetes/transcoder-sqs.yaml"
POSTGRESQL = "infra/kubernetes/transcoder-postgresql.yaml"
WORKFLOWS = ".github/workflows"


@dataclass(frozen=True)
class Mistake:
    """A change of one file, and what refuses it: a part of the message of a rule, or the name of a tool."""

    file: str
    old: str
    new: str
    refused: str


MISTAKES = [
    Mistake(DOCKERFILE, "USER 10001:10001", "USER root", "USER is not a number above 0"),
    Mistake(DOCKERFILE, "FROM scratch", "FROM debian:trixie-slim", "the last stage has a base image"),
    Mistake(DOCKERFILE, "debian:trixie-slim AS ffmpeg", "debian:latest AS ffmpeg", "has no version"),
    Mistake(DOCKERFILE, "file,pipe,http,tcp", "file,pipe,http,tcp,udp,rtp", "FFmpeg has the protocols"),
    Mistake(DOCKERFILE, "demuxer=hls,dash,concat", "demuxer=dash,concat", "FFmpeg has the demuxers ['hls']"),
    Mistake(DOCKERFILE, "--disable-filter=movie,amovie", "", "FFmpeg has the filters ['amovie', 'movie']"),
    Mistake(DOCKERFILE, "encoder=libx264,", "encoder=", "FFmpeg has no encoder ['libx264']"),
    Mistake(DOCKERFILE, ",libwebp_anim,", ",", "FFmpeg has no encoder ['libwebp_anim']"),
    Mistake(DOCKERFILE, "muxer=mpegts,", "muxer=", "FFmpeg has no muxer ['mpegts']"),
    Mistake(
        DOCKERFILE, 'CMD ["/usr/local/bin/edgereel", "healthcheck"]', "CMD edgereel healthcheck", "without a shell"
    ),
    Mistake(DOCKERFILE, "--release --locked", "--release", "lock file"),
    Mistake(".dockerignore", "!infra/prices.toml\n", "", "infra/prices.toml is not in the context"),
    Mistake(API, "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "can write to its root"),
    Mistake(API, "runAsNonRoot: true", "runAsNonRoot: false", "may run as root"),
    Mistake(API, "drop: [ALL]", "drop: [NET_RAW]", "keeps privileges"),
    Mistake(API, "edgereel:0.1.0", "edgereel:latest", "has no version"),
    Mistake(API, 'limits: {cpu: "2", memory: 512Mi}', 'limits: {cpu: "2"}', "has no limits"),
    Mistake(API, "/readyz, port: health", "/readyz, port: http", "readinessProbe does not ask the health port"),
    Mistake(
        API,
        "EDGEREEL_API_TOKEN_FILE, value: /run/secrets/edgereel/api-token",
        "EDGEREEL_API_TOKEN, value: er_1",
        "environment",
    ),
    Mistake(API, "EDGEREEL_WEBHOOK_KEYS_FILE", "EDGEREEL_HOOK_KEYS_FILE", "does not start without ['WEBHOOK_KEYS']"),
    Mistake(COMPOSE, "EDGEREEL_PASS_KEYS_FILE:", "EDGEREEL_PASS_FILE:", "does not start without ['PASS_KEYS']"),
    Mistake(API, "{key: grant-keys, path", "{key: grant-key, path", "has not all of"),
    Mistake(API, "maxUnavailable: 0", "maxUnavailable: 1", "an update has an outage"),
    Mistake(SQS, '--until-idle, "60"', "--json", "the transcoder never ends"),
    Mistake(SQS, 'scaleOnInFlight: "true"', 'scaleOnInFlight: "false"', "one transcoder for each job"),
    Mistake(
        SQS, "terminationGracePeriodSeconds: 30", "terminationGracePeriodSeconds: 1", "killed before it has returned"
    ),
    Mistake(SQS, "strategy: gradual", "strategy: default", "an update ends transcoders"),
    Mistake(SQS, "name: edgereel-sqs}", "name: edgereel-queue}", "there is no TriggerAuthentication"),
    Mistake(POSTGRESQL, "dead_lettered_ms IS NULL", "TRUE", "counts jobs that nobody can take"),
    Mistake(COMPOSE, "read_only: true", "read_only: false", "is not read-only"),
    Mistake(COMPOSE, "POSTGRES_PASSWORD_FILE: /run/secrets/postgres-password", "POSTGRES_PASSWORD: 123", "environment"),
    Mistake(COMPOSE, "    pids_limit: 1024\n", "", "edgereel has no pids_limit"),
    Mistake(COMPOSE, "{internal: true}", "{}", "the network of the database is open"),
    Mistake(
        COMPOSE,
        "    networks: [front, database]\n",
        '    networks: [front, database]\n    ports: ["8787:8787"]\n',
        "publishes a port",
    ),
    Mistake(UNIT, "DynamicUser=yes\n", "", "DynamicUser is not yes"),
    Mistake(UNIT, "TimeoutStopSec=30", "TimeoutStopSec=1", "killed before it has returned"),
    Mistake(
        UNIT,
        "Environment=EDGEREEL_API_TOKEN_FILE=%d/api-token",
        "Environment=EDGEREEL_API_TOKEN=er_1",
        "API_TOKEN is in the",
    ),
    Mistake(CADDY, "\t\tflush_interval -1\n", "", "buffers server-sent events"),
    Mistake(CADDY, "\trequest_body {", "\tencode gzip\n\trequest_body {", "compresses again"),
    # What the tools find.
    Mistake(DOCKERFILE, "WORKDIR /src/web\n", "WORKDIR web\n", "hadolint"),
    Mistake(API, "readinessProbe:", "readinessCheck:", "kubernetes-validate"),
    Mistake(API, "replicas: 2", "replicas: two", "kubernetes-validate"),
    Mistake(COMPOSE, "    cap_add: [NET_BIND_SERVICE]\n", "    privileged: true\n", "compose-lint"),
    Mistake(SQS, "pollingInterval: 15", "pollingInterval: soon", "keda"),
    Mistake(COMPOSE, "  caddy:\n    <<", "  caddy:\n   <<", "yamllint"),
]


def tool(*command: str) -> str:
    """What a tool says against files; empty if it accepts them."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip() or "refused"


def keda(root: Path) -> str:
    """KEDA's kinds by their models; kubernetes-validate does not know them."""
    for (file, name), it in containers.documents(root).items():
        if it["apiVersion"].startswith("keda.sh/"):
            try:
                KEDA[it["kind"]].model_validate(it)
            except (ValueError, TypeError) as error:
                return f"{file}: {name}: {error}"
    return ""


def tools(root: Path) -> dict[str, str]:
    """Each tool and what it says."""
    manifests = [str(it) for it in sorted((root / "infra/kubernetes").glob("*.yaml"))]
    said = {
        "yamllint": tool("yamllint", "--strict", "--config-file", str(containers.ROOT / ".yamllint.yaml"), str(root))
    }
    if said["yamllint"]:
        # The others need files that parse.
        return said
    return said | {
        "hadolint": tool("hadolint", "--no-color", str(root / DOCKERFILE)),
        "compose-lint": tool("compose-lint", str(root / COMPOSE)),
        "kubernetes-validate": tool("kubernetes-validate", "--strict", *manifests),
        "keda": keda(root),
    }


def copy(folder: str) -> Path:
    """The files that this module checks."""
    root = Path(folder)
    for name in (".dockerignore", DOCKERFILE, COMPOSE, UNIT, CADDY, "infra/kubernetes", WORKFLOWS):
        source, target = containers.ROOT / name, root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    return root


class ContainersTest(unittest.TestCase):
    def test_all_files_follow_the_rules(self) -> None:
        self.assertEqual(containers.problems(), [])

    def test_all_tools_accept_the_files(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual({name: said for name, said in tools(copy(folder)).items() if said}, {})

    def test_each_mistake_is_refused(self) -> None:
        self.assertGreaterEqual(len(MISTAKES), 12)
        for mistake in MISTAKES:
            with self.subTest(mistake.new), tempfile.TemporaryDirectory() as folder:
                path = copy(folder) / mistake.file
                text = path.read_text()
                self.assertIn(mistake.old, text)
                path.write_text(text.replace(mistake.old, mistake.new, 1))
                if mistake.refused in ("hadolint", "compose-lint", "kubernetes-validate", "keda", "yamllint"):
                    self.assertTrue(tools(Path(folder)).get(mistake.refused))
                else:
                    found = containers.problems(Path(folder))
                    self.assertTrue(any(mistake.refused in it for it in found), f"refused for {found}")

    def test_workflows_use_pinned_actions_and_few_rights(self) -> None:
        for path in (containers.ROOT / WORKFLOWS).glob("*.yml"):
            workflow = yaml.safe_load(path.read_text())
            with self.subTest(path.name):
                self.assertEqual(workflow["permissions"], {"contents": "read"})
                for job in workflow["jobs"].values():
                    for step in job["steps"]:
                        self.assertRegex(step.get("uses", "actions/x@v1"), r"^[\w.-]+/[\w./-]+@(v\d+|[0-9a-f]{40})")

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd is not installed")
    def test_systemd_reads_the_unit(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "edgereel.service"
            text = (containers.ROOT / UNIT).read_text()
            # The program need not be installed here.
            path.write_text(text.replace("=/usr/local/bin/edgereel ", "=/bin/true "))
            self.assertEqual(tool("systemd-analyze", "verify", "--man=no", str(path)), "")

    @unittest.skipUnless(shutil.which("caddy"), "Caddy is not installed")
    def test_caddy_reads_its_file(self) -> None:
        file = str(containers.ROOT / CADDY)
        said = tool("env", "VIDEO_HOST=video.example", "caddy", "validate", "--adapter", "caddyfile", "--config", file)
        self.assertEqual(said, "")


if __name__ == "__main__":
    unittest.main()
