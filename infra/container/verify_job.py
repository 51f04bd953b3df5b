"""Part of verify.py: a job from SQS and S3 to `ready`, with API and transcoder in the image, and SIGTERM in its middle.

LocalStack stands in for Amazon; PostgreSQL is that of this machine. Both are dedicated servers, stopped at the end.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tree import Image

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
TOKEN = "er_verify"
# What an installation prepares, with the SDK that LocalStack has.
PREPARE = """
import boto3, json, sys
it = {"endpoint_url": sys.argv[1], "region_name": "us-east-1"}
it |= {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
sqs, s3 = boto3.client("sqs", **it), boto3.client("s3", **it)
for bucket in ("private", "media"):
    s3.create_bucket(Bucket=bucket)
dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "5"})
print(sqs.create_queue(QueueName="jobs", Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "60"})["QueueUrl"])
"""


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def wait(what: str, holds: Callable[[], Any], seconds: float = 90) -> Any:
    """Waits until the answer is true, and returns it."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            if found := holds():
                return found
        time.sleep(0.1)
    sys.exit(f"FAILED: {what} within {seconds:.0f} s")


@contextlib.contextmanager
def stopped(process: subprocess.Popen[Any]) -> Iterator[subprocess.Popen[Any]]:
    """Ends a process that is still running."""
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def localstack(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Amazon's S3 and SQS."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    python = cache / "edgereel/localstack/bin/python"
    if not python.exists():
        sys.exit("LocalStack is missing: scripts/setup.sh --services")
    address = f"127.0.0.1:{free_port()}"
    folder.mkdir(parents=True)
    names = ("HOME", "TMPDIR", "LOCALSTACK_VOLUME_DIR", "FILESYSTEM_ROOT")
    variables = {
        "PATH": "/usr/bin:/bin",
        **dict.fromkeys(names, str(folder)),
        "GATEWAY_LISTEN": address,
        "LOCALSTACK_HOST": address,
    }
    variables |= {
        "SERVICES": "sqs,s3",
        "SQS_ENDPOINT_STRATEGY": "path",
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DNS_ADDRESS": "0",
    }
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([python, "-m", "localstack.runtime.main"], env=variables, stdout=log, stderr=log)
    url = f"http://{address}"
    wait("LocalStack starts", lambda: urllib.request.urlopen(f"{url}/_localstack/health", timeout=5).status == 200)
    done = subprocess.run([python, "-c", PREPARE, url], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"FAILED: buckets and queues: {done.stderr}")
    return process, f"{url} {done.stdout.strip()}"


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A database of its own."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        sys.exit("PostgreSQL is missing: scripts/setup.sh --services")
    programs, port = found[-1].parent, free_port()
    folder.mkdir(parents=True)
    shutil.chown(folder, "nobody")
    nobody = ["runuser", "-u", "nobody", "--"]
    start = [programs / "initdb", "-D", folder / "data", "-U", "edgereel", "-A", "trust", "--no-sync", "-E", "UTF8"]
    subprocess.run([*nobody, *start], check=True, capture_output=True, cwd="/")
    server = [
        programs / "postgres",
        "-D",
        folder / "data",
        "-p",
        str(port),
        "-k",
        folder,
        "-c",
        "listen_addresses=127.0.0.1",
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([*nobody, *server, "-c", "fsync=off"], stdout=log, stderr=log, cwd="/")
    with stopped(process):
        wait("PostgreSQL starts", lambda: socket.create_connection(("127.0.0.1", port), 1).close() is None)
        yield f"postgres://edgereel@127.0.0.1:{port}/postgres"


def call(url: str, body: dict | None = None, method: str | None = None) -> Any:
    """One request to the API."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        sys.exit(f"FAILED: {url}: {error.code} {error.read().decode()}")


def upload(api: str, film: Path) -> str:
    """Uploads a file as a client does; the job is sent when the upload is completed."""
    content = film.read_bytes()
    created = call(f"{api}/v1/uploads", {"filename": film.name, "size": len(content), "content_type": "video/mp4"})
    sent = created["upload"]["request"]
    request = urllib.request.Request(sent["url"], content, sent["headers"], method=sent["method"])
    urllib.request.urlopen(request, timeout=60).close()
    call(f"{api}/v1/uploads/{created['video']}/complete", {})
    return created["video"]


def healthcheck(image: Image, check: Callable[[bool, str], None], variables: dict[str, str], running: bool) -> None:
    """The image's HEALTHCHECK."""
    state = image.run("edgereel", "healthcheck", more=variables)
    what = "running" if running else "stopped"
    check((state.returncode == 0) == running, f"edgereel healthcheck, {what}: exit code {state.returncode}")


def run(image: Image, check: Callable[[bool, str], None], work: Path, media: Path | None) -> None:
    """The whole of it."""
    if media is None:
        sys.exit("--job needs --media: a film of half a minute or more")
    film = max((it for it in media.iterdir() if it.suffix == ".mp4"), key=lambda it: it.stat().st_size)
    work.mkdir(parents=True)
    amazon, addresses = localstack(work / "localstack")
    endpoint, queue = addresses.split()
    with stopped(amazon), postgres(work / "postgres") as database:
        port = free_port()
        variables = {
            "EDGEREEL_DATABASE": database,
            "EDGEREEL_QUEUE": f"sqs:{queue}",
            "EDGEREEL_S3_ENDPOINT": endpoint,
            "EDGEREEL_S3_REGION": "us-east-1",
            "EDGEREEL_S3_ACCESS_KEY_ID": "test",
            "EDGEREEL_S3_SECRET_ACCESS_KEY": "test",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_SQS": endpoint,
            "EDGEREEL_PRIVATE_BUCKET": "private",
            "EDGEREEL_MEDIA_BUCKET": "media",
            "EDGEREEL_EDGE_URL": "https://edge.example",
            "EDGEREEL_KEY_ENCRYPTION_KEYS": f"k1:{KEY}",
            "EDGEREEL_GRANT_KEYS": f"g1:HS256:{KEY}",
            "EDGEREEL_WEBHOOK_KEYS": f"w1:{KEY}",
            "EDGEREEL_API_TOKEN": TOKEN,
            "EDGEREEL_LISTEN": f"127.0.0.1:{port}",
            "EDGEREEL_LOG_FORMAT": "json",
        }
        api = f"http://127.0.0.1:{port}"
        commands = image.run("edgereel", "--help").stdout
        if "migrate" in commands:
            done = image.run("edgereel", "migrate", more=variables)
            check(done.returncode == 0, f"edgereel migrate: {done.stderr.strip()[-300:]}")
        health = {"EDGEREEL_HEALTH_LISTEN": f"127.0.0.1:{free_port()}"}
        with stopped(image.start("edgereel", "api", log=work / "api.log", more=variables)):
            wait("the API is ready", lambda: urllib.request.urlopen(f"{api}/readyz", timeout=5).status == 200)
            check(True, "edgereel api is ready")
            first = image.start("edgereel", "transcoder", log=work / "first.log", more={**variables, **health})
            with stopped(first):
                video = upload(api, film)

                def now() -> dict:
                    it = call(f"{api}/v1/videos/{video}")
                    if it["state"] == "failed":
                        sys.exit(f"FAILED: {json.dumps(it)}")
                    return it

                wait("the transcoder has begun", lambda: (now().get("percent") or 0) > 0, 180)
                if "healthcheck" in commands:
                    healthcheck(image, check, {**variables, **health}, running=True)
                percent = now().get("percent")
                began = time.monotonic()
                first.send_signal(signal.SIGTERM)
                first.wait(30)
                took = time.monotonic() - began
                ended = f"ended after {took:.2f} s, exit code {first.returncode}"
                check(took < 2 and first.returncode == 0, f"SIGTERM at {percent} %: {ended}")
                if "healthcheck" in commands:
                    healthcheck(image, check, {**variables, **health}, running=False)
            began = time.monotonic()
            with stopped(image.start("edgereel", "transcoder", log=work / "second.log", more=variables)):
                wait("another transcoder takes the job", lambda: len(now()["attempts"]) > 1, 30)
                check(True, f"another transcoder took the job {time.monotonic() - began:.1f} s after its start")
                wait(f"{film.name} is ready", lambda: now()["state"] == "ready", 900)
            attempts = [it.get("outcome") for it in now()["attempts"]]
            check(True, f"{film.name} is ready after {time.monotonic() - began:.0f} s; attempts: {attempts}")
