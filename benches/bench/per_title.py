"""Compares the built-in profile `auto` (per-title encoding) with the default profile, over kinds of video.

The remuxed rung is off, so that both ladders are encoded. Scores are VMAF at the size of the source, of the whole
file. The Bjøntegaard rate compares two ladders: the mean difference of bit rate at the same score, over the scores that
both have (G. Bjøntegaard, VCEG-M33, 2001), here with monotone cubic interpolation.
"""

import itertools
import json
import math
import shutil
import textwrap
from pathlib import Path

import hls
import quality
import sample
from measure import run

_SIZE = "1280x720"
_SMALL = "640x360"
_ZOOM = "start_x=-0.743643887037151:start_y=0.131825904205330:end_pts=1500"
_DETAIL = f"mandelbrot=size=2560x1440:rate=25:maxiter=400:start_scale=0.02:end_scale=0.02:{_ZOOM}"

# Name, description, and the graph of lavfi at 25 frames per second.
KINDS = [
    ("slides", "sharp still shapes that change every 5 s",
     f"cellauto=rule=110:size={_SMALL}:rate=1/5:full=1:stitch=1,fps=25,scale={_SIZE}:flags=neighbor"),
    ("cartoon", "flat colours with moving edges",
     f"mandelbrot=size={_SMALL}:rate=25:maxiter=40:start_scale=2.5:end_scale=0.4:{_ZOOM},gblur=sigma=6,"
     f"scale={_SIZE}:flags=bicubic,lutyuv=y='floor(val/48)*48':u='floor(val/48)*48':v='floor(val/48)*48'"),
    ("grain", "slow film with strong grain",
     f"mandelbrot=size={_SMALL}:rate=25:maxiter=200:start_scale=0.5:end_scale=0.2:{_ZOOM},"
     f"scale={_SIZE}:flags=bicubic,format=yuv420p,noise=c0s=8:c0f=t:c0_seed=1"),
    ("sport", "fast pans over detail",
     f"{_DETAIL},trim=end_frame=1,loop=-1:1,fps=25,crop=1280:720:x='(iw-ow)*(0.5+0.5*sin(t*2.1))':"
     "y='(ih-oh)*(0.5+0.5*cos(t*1.3))',format=yuv420p,noise=c0s=3:c0f=t:c0_seed=2"),
    ("talk", "soft picture, slow zoom",
     f"{_DETAIL},trim=end_frame=1,gblur=sigma=3,loop=-1:1,zoompan=z='1+0.0004*on':d=1:s={_SIZE}:fps=25,"
     "format=yuv420p,noise=c0s=2:c0f=t:c0_seed=3"),
    ("dark", "dark gradients with little noise",
     f"gradients=size={_SIZE}:rate=25:c0=0x000004:c1=0x141c2c:nb_colors=2:seed=4:speed=0.002,"
     "format=yuv420p,noise=c0s=2:c0f=t:c0_seed=4"),
]

_PROFILE = """name = "{name}"
[source_rung]
enabled = false
[per_title]
enabled = {enabled}
"""


def prepare(folder, seconds, given):
    """[(name, description, file)]: the generated kinds, and the files of a folder."""
    found = []
    for name, about, graph in KINDS:
        path = folder / f"{name}.mkv"
        sample.ffmpeg("-f", "lavfi", "-i", f"{graph},format=yuv420p", "-t", seconds, "-c:v", "libx264", "-preset",
                      "ultrafast", "-crf", 8, "-g", 50, path)
        found.append((name, about, path))
    for path in sorted(Path(given).glob("*")) if given else []:
        if path.suffix in (".mp4", ".mkv", ".mov", ".webm", ".ts"):
            part = folder / f"given-{path.stem}{path.suffix}"
            sample.ffmpeg("-i", path, "-map", "0:v:0", "-c", "copy", "-t", seconds, part)
            if sample.look(part, False).height >= 360:
                found.append((path.stem, "given file", part))
    return found


def measure(binary, vmaf, file, work):
    """{fixed, auto}: the ladder of each profile, with its scores and CPU time; and their comparison."""
    source = sample.look(file, True)
    result = {}
    for name, enabled in (("fixed", "false"), ("auto", "true")):
        out = work / f"out-{name}"
        shutil.rmtree(out, ignore_errors=True)
        (out / "tmp").mkdir(parents=True)
        profile = work / f"{name}.toml"
        profile.write_text(_PROFILE.format(name=name, enabled=enabled))
        command = [binary, "transcode", source.path, "--out", out, "--profile", profile, "--json"]
        usage = run([command], env={"TMPDIR": str(out / "tmp")}, log=work / f"{name}.log")
        said = json.loads(usage.output.strip().splitlines()[-1])
        rungs = []
        for width, height, playlist, _ in sorted(set(hls.master(hls.find_master(out)))):
            score = quality.measure(vmaf, source, playlist, work)
            rungs.append({"width": width, "height": height, "kbps": hls.average_kbps(playlist), **score})
        result[name] = {"cpu_s": usage.cpu_s, "wall_s": usage.wall_s, "rungs": rungs, "choices": said["per_title"]}
        shutil.rmtree(out, ignore_errors=True)
    fixed, auto = (_points(result[it]["rungs"]) for it in ("fixed", "auto"))
    result["bd_rate"] = bd_rate(fixed, auto)
    result["at_same_score"] = _at_same_score(fixed, auto)
    return result


def _points(rungs):
    """[(score, natural logarithm of the rate)], by score; a rung that is dearer and worse than another is left out."""
    best, found = math.inf, []
    for score, rate in sorted(((it["vmaf"], math.log(it["kbps"])) for it in rungs if "vmaf" in it), reverse=True):
        if rate < best:
            best = rate
            found.append((score, rate))
    return found[::-1]


def bd_rate(reference, other):
    """By how much less (negative) or more bit rate the other ladder needs for the same score, as a part; None: their
    scores do not overlap."""
    low = max(reference[0][0], other[0][0])
    high = min(reference[-1][0], other[-1][0])
    if len(reference) < 2 or len(other) < 2 or high - low < 1:
        return None
    steps = 400
    total = 0.0
    for step in range(steps):
        score = low + (high - low) * (step + 0.5) / steps
        total += _at(other, score) - _at(reference, score)
    return math.exp(total / steps) - 1


def _at_same_score(fixed, auto):
    """By how much the best rung of `auto` is smaller than one of the fixed ladder with the same score would be."""
    score, rate = auto[-1]
    if not fixed[0][0] <= score <= fixed[-1][0]:
        return None
    return math.exp(rate - _at(fixed, score)) - 1


def _at(points, x):
    """The value at `x` of the monotone cubic curve through points (F. N. Fritsch, J. Butland, 1984)."""
    secants = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.pairwise(points)]
    slopes = [secants[0]]
    for a, b in itertools.pairwise(secants):
        slopes.append(2 * a * b / (a + b) if a * b > 0 else 0.0)
    slopes.append(secants[-1])
    at = max(0, min(len(points) - 2, sum(it[0] <= x for it in points) - 1))
    (x0, y0), (x1, y1) = points[at], points[at + 1]
    width, t = x1 - x0, (x - x0) / (x1 - x0)
    rest = 1 - t
    return (y0 * (1 + 2 * t) * rest * rest + slopes[at] * width * t * rest * rest
            + y1 * t * t * (3 - 2 * t) + slopes[at + 1] * width * t * t * (t - 1))


def render(results):
    """The report: a table of the ladders, and one of the choices."""
    machine = results["machine"]
    about = f"{machine['cores']} cores of {machine['cpu']}"
    lines = [
        "# Per-title encoding compared with a fixed ladder", "",
        _filled(f"{results['date']}, {about}, {results['version']}. Each video has {results['seconds']} s."), "",
        "| video | rungs, fixed | rungs, auto | kbit/s, fixed | kbit/s, auto | change | best VMAF, fixed | auto "
        "| at the same VMAF | BD-rate | CPU s, fixed | auto | of that measuring |",
        "|---" * 13 + "|",
    ]
    for name, about, row in results["rows"]:
        fixed, auto = row["fixed"], row["auto"]
        totals = [sum(it["kbps"] for it in one["rungs"]) for one in (fixed, auto)]
        bests = [max(it.get("vmaf", 0) for it in one["rungs"]) for one in (fixed, auto)]
        measuring = auto["choices"]["cpu_ms"] / 1000
        lines.append(
            f"| {name}: {about} | {len(fixed['rungs'])} | {len(auto['rungs'])} | {totals[0]:,.0f} | {totals[1]:,.0f} "
            f"| {_percent(totals[1] / totals[0] - 1)} | {bests[0]:.1f} | {bests[1]:.1f} "
            f"| {_percent(row['at_same_score'])} | {_percent(row['bd_rate'])} | {fixed['cpu_s']:.1f} "
            f"| {auto['cpu_s']:.1f} | {measuring:.1f} |"
        )
    lines += ["", "| video | choices: CRF, score, kbit/s |", "|---|---|"]
    for name, _, row in results["rows"]:
        chosen = [_choice(it) for it in row["auto"]["choices"]["rungs"]]
        measure = (row["auto"]["choices"]["measure"] or row["auto"]["choices"]["skipped"]).upper()
        lines.append(f"| {name} | {measure}: {'; '.join(chosen)} |")
    return "\n".join(lines) + "\n"


def _choice(rung):
    if rung.get("same_as"):
        return f"{rung['name']} left out"
    return f"{rung['name']}: {rung['crf']}, {rung['score']:g}, {rung['kbps']}"


def _percent(part):
    return "-" if part is None else f"{part * 100:+.0f} %"


def _filled(text):
    return textwrap.fill(text, width=100, break_long_words=False, break_on_hyphens=False)
