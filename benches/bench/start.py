"""Measures how soon sources that must be encoded can be watched, and how fast they then grow."""

import time
from dataclasses import dataclass
from pathlib import Path

import contestants
import hls
import latency
import sample
from measure import Failed, Running, Usage

# From the moment at which the video is playable, seconds.
GROWTH_SECONDS = 15


@dataclass
class Kind:
    id: str
    title: str
    # Of FFmpeg, from the sample file.
    encode: list
    extension: str = "mp4"


_X265 = ["-c:v", "libx265", "-preset", "ultrafast", "-b:v", "5000k", "-x265-params", "log-level=error:keyint=250"]
_X264 = ["-c:v", "libx264", "-preset", "veryfast", "-b:v", "6500k"]
# Every third frame is left out for half of each second.
_VARIABLE = "select='lt(mod(t,1),0.5)+mod(n,3)'"

KINDS = [
    Kind("hevc", "HEVC", [*_X265, "-tag:v", "hvc1"]),
    Kind("hevc-10", "HEVC, 10 bits", ["-pix_fmt", "yuv420p10le", *_X265, "-tag:v", "hvc1"]),
    Kind("open", "H.264, open GOPs", [*_X264, "-x264-params", "open-gop=1:keyint=250"]),
    Kind("variable", "HEVC, variable frame rate", ["-vf", _VARIABLE, "-fps_mode", "vfr", *_X265, "-tag:v", "hvc1"]),
    Kind("interlaced", "H.264, interlaced",
         ["-vf", "tinterlace=interleave_top,fieldorder=tff", *_X264, "-flags", "+ilme+ildct"]),
]


def prepare(folder, source, kind, seconds):
    """A file of this kind, at least this long: a part of the sample, repeated."""
    part = folder / f"{kind.id}-part.{kind.extension}"
    if not part.is_file():
        streams = ["-map", "0:v:0", "-map", "0:a:0?", "-c:a", "copy"]
        sample.ffmpeg("-t", "20", "-i", source.path, *streams, *kind.encode, part)
    return sample.repeated(folder, sample.look(part, True), seconds)


def growth(binary, source, out, work):
    """Seconds of video that become watchable per second, after the video is playable; None: it was complete at once."""
    out.mkdir(parents=True)
    ours = contestants.ours(binary, work, copied=True)
    command = [source.path if it == "INPUT" else it for it in ours.commands(out)[0]]
    running = Running(command, Usage(), log=work / "start.log")
    began = at_first = None
    first = last = 0.0
    try:
        while began is None or time.monotonic() < began + GROWTH_SECONDS:
            shown = max((hls.duration(rung[2]) for rung in ours.rungs(out)), default=0.0)
            if shown > last:
                last, at_last = shown, time.monotonic()
                if began is None:
                    began, first, at_first = at_last, shown, at_last
            if running.ended() or shown >= source.seconds - 1:
                break
            time.sleep(0.05)
    finally:
        running.finish(stop=True)
    if began is None:
        raise Failed(f"{Path(source.path).name} was never playable")
    return (last - first) / (at_last - at_first) if last > first else None


def until_playable(binary, source, out, work, port):
    """Seconds from the end of the upload."""
    return latency.through_the_edge(binary, source, out, work, port, "abr", False)[0]["playable_s"]
