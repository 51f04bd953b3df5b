"""Runs commands, and measures their whole process tree: CPU, wall time, memory, disk.

CPU is the time that the kernel reports when a process is reaped. This process adopts orphans of its children (it is a
"subreaper"), so that no process's time is lost. Memory and disk are sampled.
"""

import contextlib
import ctypes
import os
import signal
import stat
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

SAMPLE_SECONDS = 0.1
POLL_SECONDS = 0.01
_PR_SET_CHILD_SUBREAPER = 36
_PAGE = os.sysconf("SC_PAGE_SIZE")


def adopt_orphans():
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "cannot adopt orphans")


@dataclass
class Usage:
    """The resources that one or several commands used. Seconds and bytes."""

    cpu_s: float = 0.0
    wall_s: float = 0.0
    playable_s: float = None
    peak_rss: int = 0  # of the whole tree, shared pages counted for each process
    peak_own_rss: int = 0  # of the process that was started, without its children
    peak_temp: int = 0
    output: str = field(default="", repr=False)


class Failed(Exception):
    pass


def _about(pid):
    """Parent, session, state and resident bytes of a process; None if it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (OSError, ValueError):
        return None
    fields = text[text.rindex(")") + 2 :].split()
    return int(fields[1]), int(fields[3]), fields[0], int(fields[21]) * _PAGE


def _session(leader):
    """(pid, parent, state, resident bytes) of all processes in the session of `leader`, including dead ones."""
    found = []
    for name in os.listdir("/proc"):
        about = _about(int(name)) if name.isdigit() else None
        if about and about[1] == leader:
            found.append((int(name), about[0], about[2], about[3]))
    return found


def _tree(leader):
    """(pid, resident bytes) of all running processes in the session of `leader`."""
    return [(pid, rss) for pid, _, state, rss in _session(leader) if state != "Z"]


def _reap_orphans(leader):
    """Ends the processes that a command left behind, and returns their CPU time."""
    cpu = 0.0
    while True:
        left = _session(leader)
        if not left:
            return cpu
        for pid, parent, state, _ in left:
            if state != "Z":
                _kill(pid, signal.SIGKILL)
            elif parent == os.getpid():
                _, _, used = os.wait4(pid, 0)
                cpu += used.ru_utime + used.ru_stime
        time.sleep(POLL_SECONDS)


def _kill(pid, which):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, which)


def _unlinked(pid):
    """Bytes in deleted files that a process holds open."""
    total = 0
    try:
        for handle in os.scandir(f"/proc/{pid}/fd"):
            about = os.stat(handle.path)
            if stat.S_ISREG(about.st_mode) and about.st_nlink == 0:
                total += about.st_blocks * 512
    except OSError:
        pass  # it has ended meanwhile
    return total


def folder_bytes(folder, wanted=lambda _: True):
    total = 0
    for base, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(base, name)
            try:
                about = os.lstat(path)
            except OSError:
                continue  # renamed or removed meanwhile
            if stat.S_ISREG(about.st_mode) and wanted(path):
                total += about.st_size
    return total


class Running:
    """One started command in its own session, with its samplers."""

    def __init__(self, command, usage, temp_bytes=lambda: 0, env=None, log=None):
        self.usage = usage
        self._temp_bytes = temp_bytes
        # Closed by `wait`, when the command has ended.
        self._log = open(log, "wb") if log else subprocess.DEVNULL  # noqa: SIM115
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [str(it) for it in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
        self.leader = self.process.pid
        self._enough = threading.Event()
        self._lines = []
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._sampler.start()
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self._lines.append((time.monotonic(), line.decode("utf-8", "replace")))

    def lines(self):
        """(time, line) of its output so far."""
        return list(self._lines)

    def _sample(self):
        while not self._enough.wait(SAMPLE_SECONDS):
            tree = _tree(self.leader)
            usage = self.usage
            usage.peak_rss = max(usage.peak_rss, sum(rss for _, rss in tree))
            usage.peak_own_rss = max([usage.peak_own_rss] + [rss for pid, rss in tree if pid == self.leader])
            unlinked = sum(_unlinked(pid) for pid, _ in tree)
            usage.peak_temp = max(usage.peak_temp, self._temp_bytes() + unlinked)

    def ended(self):
        """Whether it has ended; does not reap it, because its time would be lost."""
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.leader, flags) is not None

    def finish(self, grace=0.0, stop=False):
        """Waits for it, or with `stop` ends it together with its children. Returns its exit status."""
        if stop:
            self._signal(signal.SIGTERM)
            deadline = time.monotonic() + max(grace, 10)
            while not self.ended() and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
            if not self.ended():
                self._signal(signal.SIGKILL)
        _, status, own = os.wait4(self.leader, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.usage.wall_s += time.monotonic() - self.started
        self._enough.set()
        self._sampler.join()
        self.usage.cpu_s += own.ru_utime + own.ru_stime + _reap_orphans(self.leader)
        self._reader.join(timeout=5)
        self.process.stdout.close()
        if self._log is not subprocess.DEVNULL:
            self._log.close()
        self.usage.output += "".join(line for _, line in self._lines)
        return self.process.returncode

    def _signal(self, which):
        _kill(self.leader, which)


def run(commands, playable=None, temp_bytes=lambda: 0, env=None, log=None, limit=7200, stop_when_playable=False):
    """Runs commands one after the other. `playable` is polled until the output is playable.

    Fails with the end of the log if one of them fails, or takes longer than `limit` seconds.
    """
    usage = Usage()
    began = time.monotonic()
    for command in commands:
        running = Running(command, usage, temp_bytes, env, log)
        try:
            while not running.ended():
                if playable and usage.playable_s is None and playable():
                    usage.playable_s = time.monotonic() - began
                    if stop_when_playable:
                        running.finish(stop=True)
                        return usage
                if time.monotonic() - began > limit:
                    raise Failed(f"`{command[0]}` took longer than {limit} s")
                # Sampling takes CPU time from the measured processes.
                time.sleep(POLL_SECONDS if playable and usage.playable_s is None else SAMPLE_SECONDS)
        except BaseException:
            running.finish(stop=True)
            raise
        status = running.finish()
        if status != 0:
            tail = Path(log).read_text("utf-8", "replace")[-1500:] if log else ""
            raise Failed(f"`{Path(str(command[0])).name}` ended with {status}\n{usage.output[-800:]}{tail}")
    if playable and usage.playable_s is None and playable():
        usage.playable_s = time.monotonic() - began
    return usage
