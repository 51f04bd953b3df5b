"""The sources of the soak test, and a profile with small rungs."""

import subprocess

# Small files of every kind of work: remuxed and encoded, only encoded, without audio, upright.
X264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 48"
SOURCES = {
    # name: size, seconds, audio, how it is encoded
    "short.mp4": ("320x180", 3, True, f"{X264} -c:a aac"),
    "long.mp4": ("640x360", 25, True, f"{X264} -c:a aac"),
    "silent.mp4": ("480x270", 10, False, X264),
    "old.mkv": ("640x360", 12, True, "-c:v mpeg4 -b:v 600k -c:a libmp3lame"),
    "web.webm": ("426x240", 18, True, "-c:v libvpx -deadline realtime -cpu-used 8 -b:v 300k -c:a libopus"),
    "upright.mov": ("360x640", 7, True, f"{X264} -c:a aac"),
}
# Long enough for several transcoders, with a codec that players do not take: all of its rungs are encoded.
LONG_SECONDS = 120
LONG = ("640x360", LONG_SECONDS, True, "-c:v mpeg4 -b:v 600k -g 48 -c:a libmp3lame")
TYPES = {"mp4": "video/mp4", "mkv": "video/x-matroska", "webm": "video/webm", "mov": "video/quicktime"}
PROFILE = """name = "small"
segment_seconds = 4.0
thumbnails = 3

[encoder]
preset = "medium"

[[rung]]
name = "360p"
width = 640
height = 360
video_kbps = 600
audio_kbps = 96

[[rung]]
name = "180p"
width = 320
height = 180
video_kbps = 250
audio_kbps = 96
"""
# Old programs, as in an upgrade, cannot read it.
FAN_OUT = """
[fan_out]
min_cpu_seconds = 10
"""


def make(folder, has_long):
    """Makes the sources: name, content, type and seconds of each. `has_long`: every third one is long."""
    found, sources = [], list(SOURCES.items())
    if has_long:
        sources = [it for two in zip(sources[::2], sources[1::2], strict=True) for it in (*two, ("lecture.mkv", LONG))]
    for name, (size, seconds, has_audio, options) in sources:
        path = folder / name
        frames = f"testsrc2=size={size}:rate=24:duration={seconds}"
        command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", frames]
        if has_audio:
            command += ["-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds}"]
        subprocess.run([*command, *options.split(), path], check=True)
        found.append((name, path.read_bytes(), TYPES[name.rsplit(".")[-1]], seconds))
    return found


def make_profile(folder, has_long):
    folder.mkdir()
    (folder / "small.toml").write_text(PROFILE + (FAN_OUT if has_long else ""))
    return folder
