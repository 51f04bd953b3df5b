"""VMAF and SSIM of a rung against the source, at the size of the source."""

import json
import os
import re
import subprocess
from pathlib import Path

# For a whole file, every n-th frame is compared. The number has no common divisor with the distance of keyframes, which
# are better than other frames: otherwise all of them would be compared, in rungs whose keyframes are at such distances.
EVERY = 7


def find_ffmpeg(python):
    """The FFmpeg of the package imageio-ffmpeg, if it supports VMAF."""
    script = "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())"
    command = [python, "-c", script]
    found = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    program = found.stdout.strip()
    if found.returncode != 0 or not program:
        return None
    command = [program, "-hide_banner", "-filters"]
    filters = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True).stdout
    return program if re.search(r"\blibvmaf\b", filters) else None


def measure(ffmpeg, source, playlist, work, seconds=None):
    """Means over the compared frames: {vmaf, vmaf_p5 (only a twentieth is worse), ssim, frames}."""
    log = Path(work) / "vmaf.json"
    log.unlink(missing_ok=True)
    rate = f"{source.fps:.6f}"
    # Frames are paired by number, because the clocks of containers differ by rounding.
    same = f"settb=AVTB,setpts=N/({rate}*TB),format=yuv420p"
    # Samples are compared as they are: if only one of the two has colour tags, FFmpeg would convert one of them.
    plain = "setparams=range=unknown:color_primaries=unknown:color_trc=unknown:colorspace=unknown"
    vmaf = f"libvmaf=log_fmt=json:log_path={log}:n_threads={os.cpu_count() or 1}:feature=name=float_ssim"
    vmaf += f":n_subsample={1 if seconds else EVERY}"
    scale = f"scale={source.width}:{source.height}:flags=bicubic"
    graph = f"[0:v:0]{plain},{scale},{same}[made];[1:v:0]{plain},{same}[real];[made][real]{vmaf}"
    part = ["-t", str(seconds)] if seconds else []
    command = [ffmpeg, "-nostdin", "-hide_banner", "-v", "error", *part, "-allowed_extensions", "ALL",
               "-extension_picky", "0", "-i", str(playlist), *part, "-i", source.path,
               "-filter_complex", graph, "-f", "null", "-"]
    done = subprocess.run(command, check=False, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0 or not log.is_file():
        return {"error": done.stderr.strip()[-400:]}
    frames = [it["metrics"] for it in json.loads(log.read_text())["frames"]]
    log.unlink()
    vmafs = sorted(it["vmaf"] for it in frames)
    ssim = next(name for name in frames[0] if name.endswith("float_ssim"))
    return {
        "vmaf": sum(vmafs) / len(vmafs),
        "vmaf_p5": vmafs[len(vmafs) // 20],
        "ssim": sum(it[ssim] for it in frames) / len(frames),
        "frames": len(frames),
    }
