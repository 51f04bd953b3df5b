"""A PostgreSQL server of its own, in a folder of its own."""

import json
import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

NOBODY = 65534
# What an operator sets on a machine for two million videos; everything else is PostgreSQL's default.
SETTINGS = {"shared_buffers": "2GB", "max_wal_size": "2GB"}
# Without a sync, the log and the data are as fast as on a disk of its own.
FASTER = {"fsync": "off", "max_connections": "100", "listen_addresses": "127.0.0.1"}
LOG = {
    "logging_collector": "on",
    "log_destination": "jsonlog",
    "log_directory": "../log",
    "log_filename": "statements",
    "log_rotation_size": "0",
    "log_rotation_age": "0",
    "shared_preload_libraries": "auto_explain,pg_stat_statements",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_format": "json",
    "pg_stat_statements.track_planning": "on",
}


def programs():
    """The folder with the programs of the newest PostgreSQL of Debian's packages."""
    folders = [it for it in Path("/usr/lib/postgresql").glob("*/bin") if (it / "initdb").exists()]
    if not folders:
        raise SystemExit("error: PostgreSQL is missing: install it (on Debian: apt-get install postgresql)")
    return max(folders, key=lambda it: int(it.parent.name))


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


class Server:
    """A server with one database, `videos`. The folder outlives the object."""

    def __init__(self, folder):
        self.folder, self.bin, self.process = Path(folder), programs(), None
        self.port = free_port()
        self.folder.mkdir(parents=True, exist_ok=True)
        if os.getuid() == 0:
            os.chown(self.folder, NOBODY, NOBODY)

    def _unprivileged(self):
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
        who = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
        return {"env": environment, "cwd": "/", **who}

    def create(self):
        """Makes an empty cluster."""
        for name in ("data", "log"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        command = [
            self.bin / "initdb",
            "-D",
            self.folder / "data",
            "-U",
            "test",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ]
        subprocess.run([*command, "--locale=C.UTF-8"], check=True, stdout=subprocess.DEVNULL, **self._unprivileged())
        self.start()
        self.sql("CREATE DATABASE videos", database="postgres")

    def start(self):
        settings = {**SETTINGS, **FASTER, **LOG}
        command = [self.bin / "postgres", "-D", self.folder / "data", "-p", str(self.port), "-k", self.folder]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        # The collector writes everything after the first lines into the log.
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self._unprivileged()
        )
        for _ in range(600):
            probe = [self.bin / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
            if subprocess.run(probe, check=False, **self._unprivileged()).returncode == 0:
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise SystemExit(f"error: PostgreSQL does not start: see {self.folder}/log")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(2)
            self.process.wait(timeout=120)

    @property
    def url(self):
        return f"postgres://test@127.0.0.1:{self.port}/videos"

    def psql(self, *arguments, database="videos", text=None, name="psql"):
        """Runs psql under a name, and returns its output: one line for each row."""
        command = [self.bin / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        command += ["-h", "127.0.0.1", "-p", str(self.port), "-U", "test", "-d", database, *arguments]
        environment = {**os.environ, "PGAPPNAME": name}
        done = subprocess.run(command, input=text, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"error: psql {' '.join(map(str, arguments))[:200]}: {done.stderr[:2000]}")
        return done.stdout

    def sql(self, statement, database="videos"):
        return self.psql("-c", statement, database=database)

    def file(self, path, **variables):
        """Runs a file with variables."""
        values = [it for name, value in variables.items() for it in ("-v", f"{name}={value}")]
        return self.psql(*values, "-f", path)

    def record(self, is_on):
        """Records every statement from now on, or no longer."""
        value = "0" if is_on else "-1"
        self.sql(f"ALTER SYSTEM SET auto_explain.log_min_duration = {value}")
        self.sql(f"ALTER SYSTEM SET log_executor_stats = {'on' if is_on else 'off'}")
        self.sql("SELECT pg_reload_conf()")
        time.sleep(0.5)

    def log_size(self):
        return (self.folder / "log" / "statements.json").stat().st_size

    def clear_log(self):
        """Forgets the statements so far: those of one round take a gigabyte. The server appends."""
        os.truncate(self.folder / "log" / "statements.json", 0)

    def logged(self, begin, end):
        """The statements between two offsets of the log. Those of `psql` are the bench's own."""
        with open(self.folder / "log" / "statements.json", "rb") as log:
            log.seek(begin)
            entries = (json.loads(it) for it in lines(log, end - begin))
            yield from executions(it for it in entries if it.get("application_name") != "psql")


def lines(file, length):
    """The lines of the next `length` bytes."""
    while length > 0 and (line := file.readline()):
        length -= len(line)
        yield line


class Execution:
    """One execution of a statement: its text and plan, and milliseconds from beginning to end and of CPU time."""

    def __init__(self, entry):
        head, plan = entry["message"].split("  plan:\n", 1)
        plan = json.loads(plan)
        self.text, self.plan = plan["Query Text"], plan["Plan"]
        self.elapsed, self.cpu = float(head.split()[1]), None

    @property
    def is_reported_first(self):
        """Whether the server writes the plan before the CPU time: of a change that returns no rows."""
        return self.plan["Node Type"] == "ModifyTable" and " RETURNING " not in " ".join(self.text.split()).upper()


def executions(entries):
    """Joins the plans with the CPU times, which are entries of their own.

    >>> plan = '  plan:\\n{"Query Text": "SELECT 1", "Plan": {"Node Type": "Result"}}'
    >>> stats = {"pid": 1, "message": "EXECUTOR STATISTICS", "detail": "0.002 s user, 0.001 s system"}
    >>> [(it.elapsed, it.cpu) for it in executions([stats, {"pid": 1, "message": "duration: 4.5 ms" + plan}])]
    [(4.5, 3.0)]
    """
    times, changes = {}, {}
    for entry in entries:
        message, process = entry.get("message", ""), entry["pid"]
        if message == "EXECUTOR STATISTICS":
            user, system = re.search(r"([\d.]+) s user, ([\d.]+) s system", entry["detail"]).groups()
            cpu = round((float(user) + float(system)) * 1000, 3)
            if process in changes:
                changes.pop(process).cpu = cpu
            else:
                times[process] = cpu
        elif message.startswith("duration: ") and "  plan:\n" in message:
            found = Execution(entry)
            if found.is_reported_first:
                changes[process] = found
            else:
                found.cpu = times.pop(process, None)
            yield found
