"""Measures whether sound and picture of a long video are still together at its end.

The source flashes white for a tenth of a second every ten seconds, and beeps at the same time. The distance of the
first white frame from the first loud sample is compared with that in the source, near the start and near the end.
"""

from dataclasses import asdict, dataclass

import hls
import sample
from measure import run

# A rate that is not a whole number, and audio that is resampled: whatever is rounded adds up.
RATE = "30000/1001"
_SOURCE_SAMPLES = 44_100
_SAMPLES = 48_000
_PERIOD = 10
_SIZE = (64, 36)

_PROFILE = """name = "drift"
[source_rung]
enabled = {copied}
[encoder]
preset = "ultrafast"
[[rung]]
name = "36p"
width = 64
height = 36
video_kbps = 100
audio_kbps = 64
"""


@dataclass
class Drift:
    """By how much the sound is later than in the source, milliseconds, at the flash that differs most."""

    copied: bool
    seconds: float
    start_ms: float
    end_ms: float

    def as_dict(self):
        return asdict(self)


def prepare(folder, seconds):
    path = folder / f"drift-{seconds}.mp4"
    on = f"lt(mod(t,{_PERIOD}),0.1)"
    width, height = _SIZE
    sample.ffmpeg(
        "-f", "lavfi", "-i", f"color=black:size={width}x{height}:rate={RATE},drawbox=c=white:t=fill:enable='{on}'",
        "-f", "lavfi", "-i", f"sine=frequency=1000:sample_rate={_SOURCE_SAMPLES},volume='{on}':eval=frame",
        "-t", seconds, "-c:v", "libx264", "-preset", "ultrafast", "-g", "60", "-pix_fmt", "yuv420p",
        "-c:a", "mp2", "-b:a", "128k", path,
    )
    return path


def measure(binary, source, out, work, copied):
    """The drift of one conversion."""
    (out / "tmp").mkdir(parents=True)
    profile = work / "drift.toml"
    profile.write_text(_PROFILE.format(copied=str(copied).lower()))
    command = [binary, "transcode", source, "--out", out, "--profile", profile, "--json"]
    run([command], env={"TMPDIR": str(out / "tmp")}, log=work / "drift.log")
    master = hls.find_master(out)
    seconds = hls.duration(hls.master(master)[0][2])
    # Three flashes before the last one.
    last = seconds // _PERIOD * _PERIOD - 3.5 * _PERIOD
    start, end = (_worst(source, master, at, out / "tmp") for at in (0.0, last))
    return Drift(copied, seconds, start, end)


def _worst(source, master, at, work):
    """By how much the sound is later than in the source, milliseconds, at the flash that differs most."""
    before, after = (_offsets(it, at, work) for it in (source, master))
    common = before.keys() & after.keys()
    if len(common) < 2:
        raise SystemExit(f"error: flashes after {at} s: {before} in the source, {after} in the output")
    return max(((after[it] - before[it]) * 1000 for it in common), key=abs)


def _offsets(file, at, work):
    """By how much each beep is later than its flash, seconds."""
    flashes, beeps = _onsets(file, at, work)
    pairs = [(flash, beep) for flash in flashes for beep in beeps if abs(flash - beep) < _PERIOD / 4]
    return {round(flash / _PERIOD): beep - flash for flash, beep in pairs}


def _onsets(file, at, work):
    """When the picture becomes white, and when the sound begins, seconds on one clock."""
    light, level = work / "light", work / "level"
    # Windows of two milliseconds.
    filters = f"asetnsamples=n={_SAMPLES // 500},astats=metadata=1:reset=1"
    sample.ffmpeg(
        "-ss", at, "-t", 30, "-i", file,
        "-map", "0:v:0", "-vf", f"signalstats,metadata=print:key={_LIGHT}:file={light}", "-f", "null", "-",
        "-map", "0:a:0", "-af", f"{filters},ametadata=print:key={_LEVEL}:file={level}", "-f", "null", "-",
    )
    return _passes(light, _LIGHT, 128), _passes(level, _LEVEL, -40)


_LIGHT = "lavfi.signalstats.YAVG"
_LEVEL = "lavfi.astats.Overall.Peak_level"


def _passes(printed, key, threshold):
    """When a value that FFmpeg printed passes a threshold."""
    found, was_above, time = [], True, 0.0
    for line in printed.read_text().splitlines():
        if "pts_time:" in line:
            time = float(line.split("pts_time:")[1].split()[0])
        elif line.startswith(key):
            # Silence is printed as `-inf`.
            is_above = float(line.split("=")[1]) > threshold
            if is_above and not was_above:
                found.append(time)
            was_above = is_above
    return found
