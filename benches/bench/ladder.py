"""The rungs that all candidates have to produce: those of crates/domain/src/default_profile.toml."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

_PROFILE = tomllib.loads((Path(__file__).parents[2] / "crates/domain/src/default_profile.toml").read_text())
# name, short side, video kbit/s, audio kbit/s
_DEFAULT = [
    (it["name"], it["height"], it["video_kbps"], it["audio_kbps"]) for it in _PROFILE["rung"] if it.get("enabled", True)
]

SEGMENT_SECONDS = round(_PROFILE["segment_seconds"])
KEYFRAME_SECONDS = round(_PROFILE["keyframe_seconds"])


@dataclass(frozen=True)
class Rung:
    name: str
    width: int
    height: int
    video_kbps: int
    audio_kbps: int


def rungs_for(width, height):
    """The rungs for a source, largest first: never larger than the source."""
    short = min(width, height)

    def side(length, rung):
        return max(16, round(length * rung / short / 2) * 2)

    return [
        Rung(name, side(width, pixels), side(height, pixels), video, audio)
        for name, pixels, video, audio in _DEFAULT
        if pixels <= short
    ]


def audio_rates(rungs):
    """Each rate once, highest first: rungs share audio."""
    return sorted({rung.audio_kbps for rung in rungs}, reverse=True)
