"""Parses just enough HLS to check whether a video is playable, and to find the rungs."""

import re
from pathlib import Path


def _attribute(line, name):
    found = re.search(rf'[:,]{name}=("[^"]*"|[^,]*)', line)
    return found.group(1).strip('"') if found else None


def _text(path):
    try:
        return path.read_text("utf-8")
    except OSError:
        return ""


def segments(playlist):
    """The files in a media playlist, without repetitions."""
    names = [line for line in _text(playlist).splitlines() if line and not line.startswith("#")]
    return list(dict.fromkeys(playlist.parent / name for name in names))


def duration(playlist):
    return sum(float(it) for it in re.findall(r"#EXTINF:([0-9.]+)", _text(playlist)))


def has_segment(playlist):
    found = segments(playlist)
    return bool(found) and found[0].is_file()


def master(path):
    """[(width, height, video playlist, audio playlist or None)] of a master playlist."""
    lines = _text(path).splitlines()
    sound = {
        _attribute(line, "GROUP-ID"): path.parent / _attribute(line, "URI")
        for line in lines
        if line.startswith("#EXT-X-MEDIA:") and "TYPE=AUDIO" in line and _attribute(line, "URI")
    }
    found = []
    for at, line in enumerate(lines[:-1]):
        if line.startswith("#EXT-X-STREAM-INF:"):
            width, height = (int(it) for it in (_attribute(line, "RESOLUTION") or "0x0").split("x"))
            found.append((width, height, path.parent / lines[at + 1], sound.get(_attribute(line, "AUDIO"))))
    return found


def playable(rungs):
    """Whether one of [(.., video, audio or None)] has its first segments."""
    return any(has_segment(rung[-2]) and (rung[-1] is None or has_segment(rung[-1])) for rung in rungs)


def average_kbps(playlist):
    total = sum(it.stat().st_size for it in segments(playlist) if it.is_file())
    return total * 8 / 1000 / max(duration(playlist), 0.001)


def find_master(folder):
    names = ["master.m3u8", "hls.m3u8"]
    found = [path for name in names for path in sorted(Path(folder).rglob(name))]
    return found[0] if found else Path(folder) / names[0]
