"""The candidates: our pipeline, and the usual alternatives. Each is a name and its commands."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import hls
from ladder import KEYFRAME_SECONDS, SEGMENT_SECONDS, audio_rates
from measure import folder_bytes


@dataclass
class Contestant:
    id: str
    title: str
    # From the output directory: the commands, one after the other.
    commands: object
    # From the output directory: [(width, height, video playlist, audio playlist or None)] once they
    # exist.
    rungs: object
    # From the output directory: bytes on the disk in addition to those that a store would keep.
    temp_bytes: object
    rounds: int = 1_000
    env: dict = field(default_factory=dict)


def ours(binary, work, copied):
    profile = work / "all-encoded.toml"
    profile.write_text('name = "all-encoded"\n[source_rung]\nenabled = false\n')
    choice = [] if copied else ["--profile", profile]

    def temporary(out):
        # `hls` stands for the store; names with a leading dot are files that will be renamed.
        moving = folder_bytes(out / "hls", lambda path: Path(path).name.startswith("."))
        return moving + folder_bytes(out / "tmp")

    return Contestant(
        id="edgereel-copied" if copied else "edgereel-encoded",
        title="Edgereel, top rung copied" if copied else "Edgereel, all rungs encoded",
        commands=lambda out: [[binary, "transcode", "INPUT", "--out", out, "--encrypt", "--json", *choice]],
        rungs=lambda out: hls.master(out / "hls" / "master.m3u8"),
        temp_bytes=temporary,
    )


def _video(rung, fps):
    keyframe = str(round(KEYFRAME_SECONDS * fps))
    return [
        "-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-maxrate", f"{rung.video_kbps}k",
        "-bufsize", f"{rung.video_kbps * 3 // 2}k", "-g", keyframe, "-keyint_min", keyframe, "-sc_threshold", "0",
    ]


def _hls(out, name):
    (out / name).mkdir(parents=True, exist_ok=True)
    return [
        # EVENT: the playlist appears with the first segment, not only at the end.
        "-f", "hls", "-hls_time", SEGMENT_SECONDS, "-hls_playlist_type", "event", "-hls_flags", "independent_segments",
        "-hls_segment_filename", out / name / "%05d.ts", out / name / "index.m3u8",
    ]


_FFMPEG = ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-y"]


def one_per_rung(rungs, fps, audio):
    """The usual way: for every rung, FFmpeg reads, decodes, scales and encodes from the beginning."""

    def commands(out):
        return [
            [*_FFMPEG, "-i", "INPUT", "-map", "0:v:0", "-vf", f"scale={rung.width}:{rung.height}", *_video(rung, fps),
             *(["-map", "0:a:0", "-c:a", "aac", "-ac", 2, "-b:a", f"{rung.audio_kbps}k"] if audio else []),
             *_hls(out, rung.name)]
            for rung in rungs
        ]

    return Contestant(
        id="ffmpeg-per-rung",
        title="One FFmpeg per rung (the usual way)",
        commands=commands,
        rungs=lambda out: [(it.width, it.height, out / it.name / "index.m3u8", None) for it in rungs],
        temp_bytes=folder_bytes,
    )


def one_command(rungs, fps, audio, copied):
    """The best command that a person can write: one decoder, rungs scaled from the next larger, audio once per rate."""
    encoded = rungs[1:] if copied else rungs
    rates = audio_rates(encoded) if audio else []
    # If all rungs may have the same audio, the source's own serves them all.
    shared = copied and len(rates) == 1
    if shared:
        rates = []

    def graph():
        steps, source = [], "0:v:0"
        for at, rung in enumerate(encoded):
            # A rung of the source's size needs no scaling.
            scale = "null" if at == 0 and not copied else f"scale={rung.width}:{rung.height}"
            last = at + 1 == len(encoded)
            steps.append(f"[{source}]{scale}" + (f"[v{at}]" if last else f",split=2[v{at}][t{at}]"))
            source = f"t{at}"
        if rates:
            names = "".join(f"[a{rate}]" for rate in rates)
            steps.append(f"[0:a:0]asplit={len(rates)}{names}")
        return ";".join(steps)

    def commands(out):
        command = [*_FFMPEG, "-i", "INPUT", "-filter_complex", graph()]
        if copied:
            command += ["-map", "0:v:0", "-c:v", "copy", *_hls(out, "source")]
            if audio:
                command += ["-map", "0:a:0", "-c:a", "copy", *_hls(out, "audio-source")]
        for at, rung in enumerate(encoded):
            command += ["-map", f"[v{at}]", *_video(rung, fps), *_hls(out, rung.name)]
        for rate in rates:
            command += ["-map", f"[a{rate}]", "-c:a", "aac", "-ac", 2, "-b:a", f"{rate}k", *_hls(out, f"audio-{rate}k")]
        return [command]

    def found(out):
        def sound(name):
            return out / name / "index.m3u8" if audio else None

        def row(rung):
            playlist = sound("audio-source" if shared else f"audio-{rung.audio_kbps}k")
            return rung.width, rung.height, out / rung.name / "index.m3u8", playlist

        own = [row(rung) for rung in encoded]
        if copied:
            own.insert(0, (rungs[0].width, rungs[0].height, out / "source" / "index.m3u8", sound("audio-source")))
        return own

    return Contestant(
        id="ffmpeg-single-copied" if copied else "ffmpeg-single",
        title="Best single FFmpeg command" + (", top rung copied" if copied else ""),
        commands=commands,
        rungs=found,
        temp_bytes=folder_bytes,
    )


def shaka(python, work, source, rungs):
    """Shaka Streamer with its own defaults, with FFmpeg and packager from its own package."""
    inputs = [{"name": "INPUT", "media_type": kind} for kind in (["video", "audio"] if source.audio else ["video"])]
    known = [it.name for it in rungs if it.name in ("2160p", "1440p", "1080p", "720p", "480p", "360p", "240p")]
    names = ["4k" if name == "2160p" else name for name in known]
    pipeline = {"streaming_mode": "vod", "resolutions": names, "manifest_format": ["hls"],
                "audio_codecs": ["aac"], "video_codecs": ["h264"]}

    def commands(out):
        # JSON is valid YAML.
        config = {"inputs": [{**it, "name": source.path} for it in inputs]}
        (work / "shaka-input.yaml").write_text(json.dumps(config))
        (work / "shaka-pipeline.yaml").write_text(json.dumps(pipeline))
        return [[python, Path(python).parent / "shaka-streamer", "-i", work / "shaka-input.yaml",
                 "-p", work / "shaka-pipeline.yaml", "-o", out / "out"]]

    return Contestant(
        id="shaka-streamer",
        title="Shaka Streamer, its defaults",
        commands=commands,
        rungs=lambda out: hls.master(hls.find_master(out / "out")),
        temp_bytes=folder_bytes,
        rounds=1,
    )
