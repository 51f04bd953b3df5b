"""Measures the time until a video is playable, for any length, and the resources that an hour needs."""

import json
import os
import shutil
import time
from pathlib import Path

import contestants
import hls
from measure import Failed, Running, Usage, folder_bytes, run


def remux_first_minute(source, out):
    """The baseline: FFmpeg copying the first minute into HLS. Seconds."""
    out.mkdir(parents=True)
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-t", "60", "-i", source.path, "-map", "0:v:0",
               "-map", "0:a:0?", "-c", "copy", "-f", "hls", "-hls_time", "6", "-hls_playlist_type", "vod",
               out / "index.m3u8"]
    return run([command]).wall_s


def transcode_until_playable(binary, source, out, work):
    """`edgereel transcode` with the default ladder, stopped as soon as the video is playable. Seconds."""
    ours = contestants.ours(binary, work, copied=True)
    out.mkdir(parents=True)
    commands = [[source.path if it == "INPUT" else it for it in command] for command in ours.commands(out)]
    usage = run(commands, lambda: hls.playable(ours.rungs(out)), log=work / "latency.log", stop_when_playable=True)
    return usage.playable_s


def transcode_hour(binary, source, out, work, mode):
    """The whole hour through `edgereel transcode`, to its end."""
    (out / "tmp").mkdir(parents=True)
    ours = contestants.ours(binary, work, copied=True)
    choice = ["--mode", "copy"]
    if mode == "ladder":
        profile = work / "hour.toml"
        profile.write_text(_CHEAP)
        choice = ["--profile", profile]
    command = [binary, "transcode", source.path, "--out", out, "--encrypt", "--json", *choice]
    env = {"TMPDIR": str(out / "tmp")}
    return run([command], lambda: hls.playable(ours.rungs(out)), lambda: ours.temp_bytes(out), env, work / "hour.log")


# One rung of 240 lines with the fastest preset: decoding an hour takes most of the time.
_CHEAP = """name = "hour"
[source_rung]
enabled = true
[encoder]
preset = "ultrafast"
[[rung]]
name = "240p"
width = 426
height = 240
video_kbps = 400
audio_kbps = 64
"""


def through_the_edge(binary, source, data, work, port, mode, to_the_end):
    """`edgereel dev` and `edgereel upload --wait`: bucket, event, queue, worker, edge.

    Returns the events of the upload (seconds from the end of the upload) and the usage of the server.
    """
    (data / "tmp").mkdir(parents=True)
    usage = Usage()

    def temporary():
        # `s3` stands for the store, the database for the catalog: they are not temporary files.
        return folder_bytes(data / "tmp")

    server = [binary, "dev", "--data", data / "dev", "--listen", f"127.0.0.1:{port}", "--json"]
    dev = Running(server, usage, temporary, {"TMPDIR": str(data / "tmp")}, work / "dev.log")
    client = None
    try:
        _wait_for((data / "dev" / "dev.json").is_file, dev, 60, "edgereel dev does not listen")
        command = [binary, "upload", source.path, "--wait", "--json", "--restart"]
        command += ["--mode", mode, "--data", data / "dev"]
        client = Running(command, Usage(), log=work / "upload.log")
        wanted = "ready" if to_the_end else "playable"
        events = {}

        def arrived():
            for _, line in client.lines():
                event = json.loads(line) if line.startswith("{") else {}
                if "error" in event:
                    raise Failed(f"edgereel upload: {event['error']}")
                events[event.get("event")] = event
            return wanted in events

        _wait_for(arrived, client, 3600, "edgereel upload ended early", arrived)
    finally:
        for running in (client, dev):
            if running:
                running.finish(stop=True)
    seconds = {
        "upload_s": events.get("uploaded", {}).get("seconds"),
        "playable_s": events.get("playable", {}).get("after_s", events.get("ready", {}).get("playable_after_s")),
        "ready_s": events.get("ready", {}).get("ready_after_s"),
    }
    return seconds, usage


def _wait_for(holds, running, limit, problem, last_look=None):
    deadline = time.monotonic() + limit
    while not holds():
        if running.ended():
            time.sleep(0.2)  # its last words
            if last_look and last_look():
                return
            raise Failed(problem)
        if time.monotonic() > deadline:
            raise Failed(f"{problem} within {limit} s")
        time.sleep(0.02)


def remove(path):
    """Removes what the last measurement wrote. The next one must not wait for the disk because of it."""
    shutil.rmtree(path, ignore_errors=True)
    os.sync()


def free_bytes(path):
    about = os.statvfs(Path(path))
    return about.f_bavail * about.f_frsize
