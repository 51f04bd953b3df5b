"""The rungs that everybody has to make: those of domain/src/default_profile.toml."""

from dataclasses import dataclass

# name, short side, video kbit/s, audio kbit/s
_DEFAULT = [
    ("2160p", 2160, 12000, 192),
    ("1440p", 1440, 8000, 160),
    ("1080p", 1080, 5000, 128),
    ("720p", 720, 3000, 96),
    ("480p", 480, 1500, 96),
    ("360p", 360, 800, 64),
]

SEGMENT_SECONDS = 6
KEYFRAME_SECONDS = 2


@dataclass(frozen=True)
class Rung:
    name: str
    width: int
    height: int
    video_kbps: int
    audio_kbps: int


def rungs_for(width, height):
    """The rungs that a source deserves, largest first: never larger than it is."""
    short = min(width, height)

    def side(length, rung):
        return max(16, round(length * rung / short / 2) * 2)

    return [
        Rung(name, side(width, pixels), side(height, pixels), video, audio)
        for name, pixels, video, audio in _DEFAULT
        if pixels <= short
    ]


def audio_rates(rungs):
    """Each rate once, highest first: rungs share sound."""
    return sorted({rung.audio_kbps for rung in rungs}, reverse=True)
