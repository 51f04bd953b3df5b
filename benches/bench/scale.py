"""Measures how several transcoders of one encoder each share one long video."""

import json
import time

import latency
from measure import Failed, Running, Usage

_PROFILE = 'name = "scale"\n[fan_out]\nmin_cpu_seconds = 1\n'


def measure(binary, source, work, port, workers):
    """Seconds from the end of the upload until the video is ready, and CPU seconds of all programs."""
    data = work / f"scale-{workers}"
    (data / "tmp").mkdir(parents=True)
    profiles = data / "profiles"
    profiles.mkdir()
    (profiles / "scale.toml").write_text(_PROFILE)
    usages, running = [], []

    def start(command, log, env):
        usages.append(Usage())
        env = {"TMPDIR": str(data / "tmp"), "EDGEREEL_PROFILES_DIR": str(profiles), **env}
        running.append(Running(command, usages[-1], env=env, log=work / log))

    try:
        server = [binary, "dev", "--data", data / "dev", "--listen", f"127.0.0.1:{port}", "--encoders", "1", "--json"]
        start(server, "scale-dev.log", {})
        deadline = time.monotonic() + 60
        while not (data / "dev" / "dev.json").is_file():
            if running[0].ended() or time.monotonic() > deadline:
                raise Failed("edgereel dev does not listen")
            time.sleep(0.1)
        other = [binary, "transcoder", "--encoders", "1", "--json"]
        for number in range(1, workers):
            start(other, f"scale-{number}.log", _environment(data / "dev"))
        # They check FFmpeg first.
        time.sleep(5)
        return {"workers": workers, "ready_s": _upload(binary, source, data, work), "usages": usages}
    finally:
        for one in reversed(running):
            one.finish(stop=True)
        latency.remove(data)


def result(found):
    """The measurement, once the programs have ended."""
    return {"workers": found["workers"], "ready_s": found["ready_s"], "cpu_s": sum(it.cpu_s for it in found["usages"])}


def _environment(dev):
    """What connects another transcoder to the services of `edgereel dev`."""
    info = json.loads((dev / "dev.json").read_text())
    secrets = json.loads((dev / "secrets.json").read_text())
    store = info["s3"]
    return {
        "EDGEREEL_DATABASE": f"sqlite:{dev / 'edgereel.db'}",
        "EDGEREEL_QUEUE": "database",
        "EDGEREEL_S3_ENDPOINT": store["endpoint"],
        "EDGEREEL_S3_REGION": "auto",
        "EDGEREEL_S3_ACCESS_KEY_ID": store["access_key_id"],
        "EDGEREEL_S3_SECRET_ACCESS_KEY": store["secret_access_key"],
        "EDGEREEL_PRIVATE_BUCKET": store["private_bucket"],
        "EDGEREEL_MEDIA_BUCKET": store["media_bucket"],
        "EDGEREEL_KEY_ENCRYPTION_KEYS": secrets["key_encryption_keys"],
    }


def _upload(binary, source, data, work):
    command = [binary, "upload", source.path, "--wait", "--json", "--restart", "--profile", "scale"]
    command += ["--data", data / "dev"]
    client = Running(command, Usage(), log=work / "upload.log")
    try:
        while True:
            for _, line in client.lines():
                event = json.loads(line) if line.startswith("{") else {}
                if "error" in event:
                    raise Failed(f"edgereel upload: {event['error']}")
                if event.get("event") == "ready":
                    return event["ready_after_s"]
            if client.ended():
                raise Failed("edgereel upload ended early")
            time.sleep(0.1)
    finally:
        client.finish(stop=True)
