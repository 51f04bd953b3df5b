"""Measures what Edgereel makes beside the ladder: I-frames, stills, loudness and captions."""

import json
import os
from dataclasses import asdict, dataclass

import contestants
import hls
from measure import run

_PROFILE = """name = "parts"
[source_rung]
enabled = false
[loudness]
normalise = true
"""

# The message with which a run of FFmpeg ends in the log, and the beginnings of its tasks.
_ENDED = "ffmpeg ended"
_LADDER = ("make the", "encode chunk")


@dataclass
class Parts:
    """CPU seconds of FFmpeg."""

    ladder_s: float
    iframes_s: float
    stills_s: float
    loudness_s: float
    captions_s: float

    def as_dict(self):
        return asdict(self)


def measure(binary, source, rungs, work, rounds):
    """The parts of a conversion in which all rungs are encoded and the loudness is normalised."""
    tasks = _tasks(binary, source, work)
    ladder = sum(cpu for task, cpu in tasks if task.startswith(_LADDER))

    def of(word):
        return sum(cpu for task, cpu in tasks if word in task)

    # The encoding runs also make the I-frames: one image a second.
    pairs = [_iframes(source, rungs, work) for _ in range(rounds)]
    iframes = min(it[1] for it in pairs) - min(it[0] for it in pairs)
    stills = of("thumbnails") + of("poster") + of("waveform")
    return Parts(ladder - iframes, iframes, stills, of("loudness"), of("captions"))


def _tasks(binary, source, work):
    """The runs of FFmpeg: what each did, and its CPU seconds."""
    out, profile = work / "parts", work / "parts.toml"
    (out / "tmp").mkdir(parents=True)
    profile.write_text(_PROFILE)
    log = work / "parts.log"
    env = {"TMPDIR": str(out / "tmp"), "RUST_LOG": "transcoder=debug", "EDGEREEL_LOG_FORMAT": "json"}
    run([[binary, "transcode", source.path, "--out", out, "--profile", profile, "--json"]], env=env, log=log)
    hls.find_master(out)
    ended = []
    for line in log.read_text().splitlines():
        if _ENDED in line:
            fields = json.loads(line)["fields"]
            ended.append((fields["task"], fields["cpu_ms"] / 1000))
    return ended


def _iframes(source, rungs, work):
    """CPU seconds of the best single command without and with an output of one frame a second."""
    plain = contestants.one_command(rungs, source.fps, source.audio, copied=False)
    seconds = []
    for extra in (False, True):
        out = work / f"iframes-{extra}"
        [command] = plain.commands(out)
        command = [source.path if it == "INPUT" else str(it) for it in command]
        if extra:
            command = _with_iframes(command, f"v{len(rungs) - 1}", source.fps)
        seconds.append(run([command], env=dict(os.environ), log=work / "iframes.log").cpu_s)
    return seconds


def _with_iframes(command, smallest, fps):
    """The command, and one frame a second of the output with this label, as the transcoder encodes it."""
    graph = command.index("-filter_complex") + 1
    select = f"split=2[{smallest}][_all];[_all]select='not(mod(n\\,{max(round(fps), 1)}))'[_iframes]"
    steps = command[graph].replace(f"[{smallest}]", f",{select}")
    command = [*command[:graph], steps, *command[graph + 1 :]]
    return [*command, "-map", "[_iframes]", "-c:v", "libx264", "-preset", "veryfast", "-threads", "1", "-crf", "26",
            "-g", "1", "-bf", "0", "-fps_mode", "passthrough", "-f", "null", "-"]
