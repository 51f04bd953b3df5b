"""Rules for the image, the manifests, the compose file and the unit, beyond what their linters find."""

import configparser
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
# Where a secret may stand: only in files that variables of these names point to.
SECRETS = (
    "DATABASE",
    "S3_ACCESS_KEY_ID",
    "S3_SECRET_ACCESS_KEY",
    "API_TOKEN",
    "GRANT_KEYS",
    "PASS_KEYS",
    "KEY_ENCRYPTION_KEYS",
    "WEBHOOK_KEYS",
)
# The secrets without which a component does not start: docs/configuration.md.
STORES = {"DATABASE", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"}
NEEDED = {
    "serve": set(SECRETS),
    "api": STORES | {"API_TOKEN", "GRANT_KEYS", "PASS_KEYS", "WEBHOOK_KEYS"},
    "edge": STORES | {"GRANT_KEYS", "PASS_KEYS", "KEY_ENCRYPTION_KEYS"},
    "transcoder": STORES | {"KEY_ENCRYPTION_KEYS"},
}
PROTOCOLS = {"file", "pipe", "http", "tcp"}
DEMUXERS = {"hls", "dash", "concat", "concatf", "sdp", "rtsp", "rtp", "sap", "imf", "webm_dash_manifest"}
# Filters that open a file by its name.
FILTERS = {"movie", "amovie"}


def pinned(image: str) -> bool:
    """Whether an image has a version or a digest."""
    return "@sha256:" in image or (":" in image.rsplit("/", 1)[-1] and not image.endswith(":latest"))


def dockerfile(root: Path) -> Iterator[str]:
    """The image runs as an ordinary user, and has nothing that it does not need."""
    text = (root / "infra/container/Dockerfile").read_text()
    stages = re.split(r"^FROM ", text, flags=re.M)[1:]
    names = {match[1] for it in stages if (match := re.match(r"\S+ AS (\S+)", it))}
    for stage in stages:
        base = stage.split()[0]
        if base != "scratch" and base not in names and not pinned(base):
            yield f"{base} has no version"
    last = stages[-1]
    if not last.startswith("scratch\n"):
        yield "the last stage has a base image"
    user = re.search(r"^USER (\S+)$", last, re.M)
    if user is None or not re.fullmatch(r"[1-9]\d*:[1-9]\d*", user[1]):
        yield "USER is not a number above 0: Kubernetes cannot check runAsNonRoot"
    for line in ("STOPSIGNAL SIGTERM", 'ENTRYPOINT ["/usr/local/bin/edgereel"]'):
        if f"\n{line}\n" not in last:
            yield f"the last stage has no {line}"
    if not re.search(r'^HEALTHCHECK .*CMD \["/usr/local/bin/edgereel", "healthcheck"\]$', last, re.M):
        yield "HEALTHCHECK is not `edgereel healthcheck` without a shell"
    if "cargo build --release --locked" not in text or "npm install" in text:
        yield "a build does not keep to its lock file"
    configure = re.search(r"\./configure (.*?)&& make", text, re.S)
    options = (configure[1] if configure else "").replace("\\\n", " ").split()
    protocols = named(options, "--enable-protocol")
    if protocols != PROTOCOLS:
        yield f"FFmpeg has the protocols {sorted(protocols)}"
    if missing := DEMUXERS - named(options, "--disable-demuxer"):
        yield f"FFmpeg has the demuxers {sorted(missing)}"
    if missing := FILTERS - named(options, "--disable-filter"):
        yield f"FFmpeg has the filters {sorted(missing)}"
    for kind in ("encoder", "muxer"):
        if not (names := needed(kind)):
            yield f"transcoder/src/ffmpeg.rs has no list of {kind}s"
        if missing := names - named(options, f"--enable-{kind}"):
            yield f"FFmpeg has no {kind} {sorted(missing)}, which the transcoder needs"
    for option in ("--disable-autodetect", "--disable-everything", "--disable-avdevice", "--toolchain=hardened"):
        if option not in options:
            yield f"FFmpeg is configured without {option}"


def named(options: list[str], option: str) -> set[str]:
    """The names that an option of FFmpeg's configure lists, wherever it is repeated."""
    return {name for it in options if it.startswith(f"{option}=") for name in it.split("=")[1].split(",")}


def needed(kind: str) -> set[str]:
    """The encoders or muxers that the transcoder needs for all that it makes: constants in its source."""
    source = (ROOT / "transcoder/src/ffmpeg.rs").read_text()
    patterns = {
        "encoder": (r"const NEEDED_ENCODERS: .*? = \[(.*?)\];", r"const PREVIEW_ENCODER: &str = (.*?);"),
        "muxer": (r'\("muxer", "-muxers", &\[(.*?)\]\)',),
    }
    found = [re.search(it, source, re.S) for it in patterns[kind]]
    return {name for it in found if it for name in re.findall(r'"(\w+)"', it[1])} if all(found) else set()


def context(root: Path) -> Iterator[str]:
    """The image is built from every file that the program contains."""
    lines = (root / ".dockerignore").read_text().splitlines()
    kept = [ROOT / line.removeprefix("!") for line in lines if line.startswith("!")]
    included = re.compile(r'^(?:pub )?(?:const|static) .*include_(?:str|bytes)!\("([^"]+)"\)', re.M)
    for crate in (ROOT / "crates", ROOT / "cli", ROOT / "transcoder"):
        for source in sorted(crate.rglob("*.rs")):
            for match in included.finditer(source.read_text()):
                file = (source.parent / match[1]).resolve()
                if not any(file.is_relative_to(it) for it in kept):
                    yield f"{file.relative_to(ROOT)} is not in the context, and the program contains it"


def documents(root: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """All Kubernetes objects, by file, kind and name."""
    found = {}
    for path in sorted((root / "infra/kubernetes").glob("*.yaml")):
        for it in yaml.safe_load_all(path.read_text()):
            found[(path.name, f"{it['kind']}/{it['metadata']['name']}")] = it
    return found


def pod_of(it: dict[str, Any]) -> dict[str, Any] | None:
    """The pod that an object starts."""
    spec = it.get("spec", {})
    return (spec.get("jobTargetRef") or spec).get("template")


def kubernetes(root: Path) -> Iterator[str]:
    """Pods are restricted and limited, and every name that an object refers to exists."""
    objects = documents(root)
    secrets = {it["metadata"]["name"]: set(it["stringData"]) for it in objects.values() if it["kind"] == "Secret"}
    ports: dict[str, set[str]] = {}
    labels = []
    for (file, name), it in objects.items():
        if it["kind"] != "Namespace" and it["metadata"].get("namespace") != "edgereel":
            yield f"{name} is in no namespace"
        if it["kind"] == "Secret" and set(it["stringData"].values()) != {"REPLACE"}:
            yield f"{name} has a value"
        template = pod_of(it)
        if template is not None:
            labels.append(template["metadata"]["labels"])
            yield from (f"{name}: {problem}" for problem in pod(template["spec"], secrets))
        if it["kind"] == "Deployment":
            ports[name.split("/")[1]] = {port["name"] for port in template["spec"]["containers"][0]["ports"]}
            if it["spec"]["replicas"] < 2 or it["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] != 0:
                yield f"{name}: an update has an outage"
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                check = template["spec"]["containers"][0].get(probe, {}).get("httpGet", {})
                if check.get("port") != "health":
                    yield f"{name}: {probe} does not ask the health port"
        if it["kind"] == "ScaledJob":
            yield from (f"{file}: {name}: {problem}" for problem in scaled_job(it, file, objects))
    for (_, name), it in objects.items():
        selector = it["spec"].get("selector") if it["kind"] in ("Service", "PodDisruptionBudget") else None
        if selector is not None and (selector.get("matchLabels") or selector) not in labels:
            yield f"{name} selects no pod"
        if it["kind"] == "Ingress":
            for rule in it["spec"]["rules"]:
                service = rule["http"]["paths"][0]["backend"]["service"]["name"]
                if ("http" not in ports.get(service, set())) or not any(
                    key == f"Service/{service}" for _, key in objects
                ):
                    yield f"{name}: there is no service {service}"


def pod(spec: dict[str, Any], secrets: dict[str, set[str]]) -> Iterator[str]:
    """One pod: the profile `restricted`, and less."""
    context = spec.get("securityContext", {})
    if context.get("runAsNonRoot") is not True or not context.get("runAsUser"):
        yield "may run as root"
    if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "has no seccomp profile"
    if spec.get("automountServiceAccountToken") is not False:
        yield "gets a token of the Kubernetes API"
    if spec.get("hostNetwork") or spec.get("hostPID"):
        yield "shares a namespace of the host"
    for container in spec["containers"]:
        own = container.get("securityContext", {})
        if not own.get("readOnlyRootFilesystem"):
            yield "can write to its root"
        if own.get("allowPrivilegeEscalation") is not False or own.get("capabilities") != {"drop": ["ALL"]}:
            yield "keeps privileges"
        if not pinned(container["image"]):
            yield f"{container['image']} has no version"
        for kind in ("requests", "limits"):
            if not {"cpu", "memory"} <= set(container.get("resources", {}).get(kind, {})):
                yield f"has no {kind}"
        mounted = set()
        for volume in spec.get("volumes", []):
            if "secret" not in volume:
                yield f"the volume {volume['name']} is writable"
                continue
            items = {it["key"] for it in volume["secret"].get("items", [])}
            mounted |= {f"/run/secrets/edgereel/{it}" for it in items}
            if not items or not items <= secrets.get(volume["secret"]["secretName"], set()):
                yield f"the secret {volume['secret']['secretName']} has not all of {sorted(items)}"
        files = {it["value"] for it in container.get("env", []) if it["name"].endswith("_FILE")}
        if files != mounted:
            yield f"mounts {sorted(mounted)}, and reads {sorted(files)}"
        given = {it["name"].removeprefix("EDGEREEL_").removesuffix("_FILE") for it in container.get("env", [])}
        if missing := NEEDED.get(container.get("args", [""])[0], set()) - given:
            yield f"does not start without {sorted(missing)}"
        for it in container.get("env", []):
            if it["name"].removeprefix("EDGEREEL_") in SECRETS:
                yield f"has the secret {it['name']} in its environment"


def scaled_job(it: dict[str, Any], file: str, objects: dict[tuple[str, str], dict[str, Any]]) -> Iterator[str]:
    """Transcoders start with the work, end by themselves, and are never ended at work."""
    job = it["spec"]["jobTargetRef"]
    spec = job["template"]["spec"]
    if "--until-idle" not in spec["containers"][0]["args"]:
        yield "the transcoder never ends"
    if spec.get("terminationGracePeriodSeconds", 30) < 10:
        yield "is killed before it has returned its job"
    if job.get("backoffLimit") != 0 or spec.get("restartPolicy") != "Never":
        yield "Kubernetes starts transcoders again beside KEDA"
    if it["spec"].get("rollout", {}).get("strategy") != "gradual":
        yield "an update ends transcoders at work"
    for trigger in it["spec"]["triggers"]:
        data, reference = trigger["metadata"], trigger.get("authenticationRef", {}).get("name")
        if (file, f"TriggerAuthentication/{reference}") not in objects:
            yield f"there is no TriggerAuthentication {reference}"
        if trigger["type"] == "aws-sqs-queue" and (data.get("scaleOnInFlight"), data.get("queueLength")) != (
            "true",
            "1",
        ):
            yield "does not start one transcoder for each job"
        if trigger["type"] == "postgresql" and not {"dead_lettered_ms", "receipt", "visible_ms"} <= set(
            re.findall(r"\w+", data["query"])
        ):
            yield "counts jobs that nobody can take"


def compose(root: Path) -> Iterator[str]:
    """Containers are read-only, limited and healthy, secrets are files, and only Caddy can be reached."""
    file = yaml.safe_load((root / "infra/server/compose.yaml").read_text())
    for name, it in file["services"].items():
        if not pinned(re.sub(r"\$\{\w+:\?[^}]*\}", "set:by-operator", it["image"])):
            yield f"{name}: {it['image']} has no version"
        if it.get("read_only") is not True or it.get("cap_drop") != ["ALL"] or it.get("privileged"):
            yield f"{name} is not read-only without capabilities"
        if "no-new-privileges:true" not in it.get("security_opt", []):
            yield f"{name} can gain privileges"
        if missing := {"mem_limit", "cpus", "pids_limit", "healthcheck"} - set(it):
            yield f"{name} has no {', '.join(sorted(missing))}"
        if "ports" in it and name != "caddy":
            yield f"{name} publishes a port"
        for variable in it.get("environment", {}):
            if re.search(r"PASSWORD$|TOKEN$|KEYS?$|DATABASE$|KEY_ID$", variable):
                yield f"{name} has the secret {variable} in its environment"
        given = {file.removeprefix("EDGEREEL_").removesuffix("_FILE") for file in it.get("environment", {})}
        if missing := NEEDED.get((it.get("command") or [""])[0], set()) - given:
            yield f"{name} does not start without {sorted(missing)}"
        for secret in it.get("secrets", []):
            if "file" not in file["secrets"].get(secret, {}):
                yield f"{name}: the secret {secret} is not a file"
    if not file["networks"]["database"].get("internal") or "database" in file["services"]["caddy"]["networks"]:
        yield "the network of the database is open"


def unit(root: Path) -> Iterator[str]:
    """The unit gives the program little, and systemd finds no mistake in it."""
    path = root / "infra/server/edgereel.service"
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path)
    service = parser["Service"]
    text = path.read_text()
    wanted = {
        "DynamicUser": "yes",
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "PrivateDevices": "yes",
        "CapabilityBoundingSet": "",
        "StateDirectory": "edgereel",
        "Restart": "always",
        "KillSignal": "SIGTERM",
    }
    for name, value in wanted.items():
        if service.get(name) != value:
            yield f"{name} is not {value or 'empty'}"
    if int(service.get("TimeoutStopSec", "0")) < 10:
        yield "is killed before it has returned its jobs"
    for secret in SECRETS:
        name = secret.lower().replace("_", "-")
        if f"LoadCredential={name}:" not in text or f"EDGEREEL_{secret}_FILE=%d/{name}" not in text:
            yield f"the secret {secret} is not a credential"
        if re.search(rf"^Environment=EDGEREEL_{secret}=", text, re.M):
            yield f"the secret {secret} is in the environment"
    if shutil.which("systemd-analyze"):
        command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", str(path)]
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            yield "systemd-analyze security rates it above 2.0"


def caddy(root: Path) -> Iterator[str]:
    """Events pass at once, nothing is compressed twice, and no log has the secrets in paths."""
    text = "\n".join(line.split("#")[0] for line in (root / "infra/server/Caddyfile").read_text().splitlines())
    if "flush_interval -1" not in text:
        yield "buffers server-sent events"
    if re.search(r"^\s*encode\b", text, re.M):
        yield "compresses again"
    if "header_up X-Forwarded-For {remote_host}" not in text:
        yield "passes on addresses that clients claim"
    if not re.search(r"exclude .*http\.log\.access.*http\.log\.error", text):
        yield "logs paths, which contain grants"


RULES = [dockerfile, context, kubernetes, compose, unit, caddy]


def problems(root: Path = ROOT) -> list[str]:
    """All of them."""
    return [f"{rule.__name__}: {problem}" for rule in RULES for problem in rule(root)]
