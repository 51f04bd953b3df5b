"""Measures the fixed cost of a job: what a short clip costs in a server that runs already."""

import os
import subprocess
import time
from pathlib import Path

import contestants
import latency
import sample
from ladder import rungs_for
from measure import Failed, Running, Usage, run

_TICKS = os.sysconf("SC_CLK_TCK")
_SECONDS = 3
# A server that used less than this in a second is idle, CPU seconds.
_IDLE_S = 0.03


def prepare(folder, source):
    path = folder / "clip.mp4"
    sample.ffmpeg("-t", _SECONDS, "-i", source.path, "-map", "0:v:0", "-map", "0:a:0?", "-vf", "scale=-2:360",
                  "-c:v", "libx264", "-preset", "veryfast", "-g", "60", "-c:a", "aac", "-b:a", "128k",
                  "-movflags", "+faststart", path)
    return sample.look(path, True)


def measure(binary, clip, work, port, rounds):
    """CPU seconds of a job, with the top rung copied and without, and of a command that encodes the ladder."""
    return {
        "rungs": [it.name for it in rungs_for(clip.width, clip.height)],
        "copied_s": _ours(binary, clip, work, port, rounds, True),
        "encoded_s": _ours(binary, clip, work, port, rounds, False),
        "ffmpeg_s": _command(clip, work, rounds),
        "load_s": sum(run([["ffmpeg", "-version"]], log=work / "clip.log").cpu_s for _ in range(rounds)) / rounds,
    }


def _command(clip, work, rounds):
    one = contestants.one_command(rungs_for(clip.width, clip.height), clip.fps, clip.audio, copied=False)
    total = 0.0
    for number in range(rounds):
        [command] = one.commands(work / f"clip-{number}")
        command = [clip.path if it == "INPUT" else it for it in command]
        total += run([command], log=work / "clip.log").cpu_s
    return total / rounds


def _ours(binary, clip, work, port, rounds, copied):
    data = work / f"clip-{copied}"
    profile = work / "clip.toml"
    profile.write_text(f'name = "clip"\n[source_rung]\nenabled = {str(copied).lower()}\n')
    server = [binary, "dev", "--data", data / "dev", "--listen", f"127.0.0.1:{port}", "--json", "--profile", profile]
    (data / "tmp").mkdir(parents=True)
    dev = Running(server, Usage(), env={"TMPDIR": str(data / "tmp")}, log=work / "clip.log")
    try:
        deadline = time.monotonic() + 60
        while not (data / "dev" / "dev.json").is_file():
            if dev.ended() or time.monotonic() > deadline:
                raise Failed("edgereel dev does not listen")
            time.sleep(0.1)
        # The first upload also pays what is done once per server.
        _upload(binary, clip, data)
        before = _idle_cpu(dev.leader)
        for _ in range(rounds):
            _upload(binary, clip, data)
        return (_idle_cpu(dev.leader) - before) / rounds
    finally:
        dev.finish(stop=True)
        latency.remove(data)


def _upload(binary, clip, data):
    command = [binary, "upload", clip.path, "--wait", "--json", "--restart", "--profile", "clip"]
    command += ["--data", data / "dev"]
    done = subprocess.run(list(map(str, command)), check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"edgereel upload: {done.stdout[-800:]}{done.stderr[-800:]}")


def _idle_cpu(pid):
    """CPU seconds of a process and its ended children, once it does nothing any more."""
    last = _cpu(pid)
    for _ in range(60):
        time.sleep(1)
        now = _cpu(pid)
        if now - last < _IDLE_S:
            return now
        last = now
    raise Failed("the server does not become idle")


def _cpu(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    # utime, stime, and those of children that have ended.
    return sum(map(int, fields[11:15])) / _TICKS
