"""The sample file for all measurements, and its properties."""

import json
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

# A zoom into detail (motion everywhere), a moving test card (hard edges), and grain on both, which
# makes film expensive to encode. Keyframes at scene changes and at least every 2 s, closed GOPs.
_PICTURE = (
    "mandelbrot=size=480x270:rate=30:maxiter=300:start_scale=2.5:end_scale=0.00003:end_pts=1800"
    ":start_x=-0.743643887037151:start_y=0.131825904205330,gblur=sigma=0.7,scale=1920:1080:flags=bicubic[zoom];"
    "testsrc2=size=480x270:rate=30[card];"
    "[zoom][card]overlay=x='(W-w)*abs(sin(t/3))':y='(H-h)*abs(cos(t/4))',"
    "noise=c0s=3:c0f=t:c0_seed=1,format=yuv420p[v];"
    "anoisesrc=color=pink:amplitude=0.1:sample_rate=48000:seed=1[noise];"
    "sine=frequency=330:beep_factor=4:sample_rate=48000[tone];"
    "[noise][tone]amix=inputs=2,aformat=channel_layouts=stereo[a]"
)
_ENCODE = (
    "-c:v libx264 -preset veryfast -profile:v high -b:v 6500k -maxrate 8500k -bufsize 8500k -g 60"
    " -c:a aac -b:a 128k -movflags +faststart"
).split()


@dataclass
class Source:
    path: str
    made: bool
    bytes: int
    seconds: float
    width: int
    height: int
    fps: float
    video_codec: str
    audio: bool
    kbps: int

    def as_dict(self):
        return {**asdict(self), "path": Path(self.path).name}


def ffmpeg(*arguments):
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)]
    done = subprocess.run(command, check=False, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(f"error: ffmpeg could not generate the sample file:\n{done.stderr[-1500:]}")


def prepare(folder, video, seconds):
    """Generates the file, or uses (a part of) the given one."""
    if video:
        path = Path(video).resolve()
        if not path.is_file():
            raise SystemExit(f"error: there is no file `{video}`")
        if seconds:
            part = folder / f"part{path.suffix}"
            ffmpeg("-i", path, "-map", "0:v:0", "-map", "0:a:0?", "-c", "copy", "-t", seconds, part)
            path = part
    else:
        path = folder / "sample.mp4"
        ffmpeg("-filter_complex", _PICTURE, "-map", "[v]", "-map", "[a]", "-t", seconds or 60, *_ENCODE, path)
    return look(path, not video)


def repeated(folder, source, seconds):
    """The file repeated and remuxed, to at least this length."""
    times = max(1, round(seconds / source.seconds))
    path = folder / f"long-{seconds}{Path(source.path).suffix}"
    ffmpeg("-stream_loop", times - 1, "-i", source.path, "-map", "0:v:0", "-map", "0:a:0?", "-c", "copy",
           "-movflags", "+faststart", path)
    return look(path, True)


def look(path, made):
    command = ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", str(path)]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    streams = json.loads(done.stdout or "{}").get("streams", [])
    video = next((it for it in streams if it["codec_type"] == "video"), None)
    if video is None:
        raise SystemExit(f"error: `{path}` has no video stream")
    number, per = (int(it) for it in video["avg_frame_rate"].split("/"))
    size, seconds = path.stat().st_size, float(json.loads(done.stdout)["format"]["duration"])
    return Source(
        path=str(path), made=made, bytes=size, seconds=seconds,
        width=video["width"], height=video["height"], fps=number / max(per, 1), video_codec=video["codec_name"],
        audio=any(it["codec_type"] == "audio" for it in streams), kbps=round(size * 8 / 1000 / seconds),
    )
