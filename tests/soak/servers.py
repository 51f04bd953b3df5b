"""PostgreSQL and LocalStack (an emulation of Amazon's SQS and S3), each with its own folder and port."""

import os
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

NOBODY = 65534
# For the first response, on a busy machine.
START_SECONDS = 90


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def wait_until(answers, process, log, name):
    """Waits until a server answers."""
    began = time.monotonic()
    while time.monotonic() - began < START_SECONDS and process.poll() is None:
        if answers():
            return
        time.sleep(0.2)
    raise SystemExit(f"error: {name} does not start: see {log}")


def stop(process, by):
    """Ends a process with a signal, or by force."""
    if process.poll() is None:
        process.send_signal(by)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Postgres:
    """A server with one database, `soak`."""

    def __init__(self, folder):
        self.folder, self.port = Path(folder), free_port()
        installed = [it for it in Path("/usr/lib/postgresql").glob("*/bin") if (it / "initdb").exists()]
        if not installed:
            raise SystemExit("error: PostgreSQL is missing: scripts/setup.sh --services")
        self.bin = max(installed, key=lambda it: int(it.parent.name))
        self.folder.mkdir()
        # It refuses to run as root.
        who = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
        self.options = {"env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}, "cwd": "/", **who}
        if who:
            os.chown(self.folder, NOBODY, NOBODY)
        make = [self.bin / "initdb", "-D", self.folder / "data", "-U", "test", "-A", "trust", "-E", "UTF8"]
        make += ["--no-sync", "--locale=C.UTF-8"]
        subprocess.run(make, check=True, stdout=subprocess.DEVNULL, **self.options)
        command = [self.bin / "postgres", "-D", self.folder / "data", "-p", str(self.port), "-k", self.folder]
        for setting in ("listen_addresses=127.0.0.1", "fsync=off", "max_connections=200"):
            command += ["-c", setting]
        log = self.folder.parent / "postgres.log"
        with open(log, "ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, **self.options)
        wait_until(self._is_ready, self.process, log, "PostgreSQL")
        self.sql("CREATE DATABASE soak", database="postgres")

    def _is_ready(self):
        probe = [self.bin / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(probe, check=False, **self.options).returncode == 0

    @property
    def url(self):
        return f"postgres://test@127.0.0.1:{self.port}/soak"

    def sql(self, statement, database="soak"):
        """The rows of a statement, as lists of texts."""
        command = [self.bin / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1"]
        command += ["-p", str(self.port), "-U", "test", "-d", database, "-c", statement]
        done = subprocess.run(command, capture_output=True, text=True, check=False, **self.options)
        if done.returncode != 0:
            raise SystemExit(f"error: psql: {done.stderr[:2000]}")
        return [line.split("|") for line in done.stdout.splitlines()]

    def stop(self):
        stop(self.process, 3)


class LocalStack:
    """A server of SQS and S3."""

    def __init__(self, folder):
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        python = cache / "edgereel/localstack/bin/python"
        if not python.exists():
            raise SystemExit("error: LocalStack is missing: scripts/setup.sh --services")
        folder = Path(folder)
        folder.mkdir()
        address = f"127.0.0.1:{free_port()}"
        self.endpoint = f"http://{address}"
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": folder,
            "TMPDIR": folder,
            "LOCALSTACK_VOLUME_DIR": folder,
            "FILESYSTEM_ROOT": folder,
            "GATEWAY_LISTEN": address,
            "LOCALSTACK_HOST": address,
            "SERVICES": "sqs,s3",
            "SQS_ENDPOINT_STRATEGY": "path",
            "S3_SKIP_SIGNATURE_VALIDATION": "0",
            # No telemetry, and no downloads.
            "DISABLE_EVENTS": "1",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "DNS_ADDRESS": "0",
        }
        log = folder.parent / "localstack.log"
        command = [python, "-m", "localstack.runtime.main"]
        with open(log, "ab") as output:
            self.process = subprocess.Popen(
                command, stdout=output, stderr=output, env=environment, cwd=folder, start_new_session=True
            )
        wait_until(self._is_ready, self.process, log, "LocalStack")

    def _is_ready(self):
        try:
            with urllib.request.urlopen(f"{self.endpoint}/_localstack/health", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def stop(self):
        stop(self.process, 15)
