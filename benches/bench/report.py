"""Writes docs/benchmarks.md from the raw results."""

import textwrap

MB = 1_000_000


def render(results):
    parts = [_head(results), _goals(results), _ladder(results), _quality(results), _latency(results),
             _start(results), _parts(results),
             _clip(results), _drift(results), _hour(results), _notes(results), _method()]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(head, rows):
    # The first column has names, the others numbers.
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _bullet(text):
    """An item of a list, wrapped like all Markdown of the project."""
    return textwrap.fill(f"- {text}", width=100, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _number(value, digits=1):
    return "-" if value is None else f"{value:,.{digits}f}"


def _mb(value):
    return "-" if value is None else f"{value / MB:,.0f}"


def _median(values):
    known = sorted(it for it in values if it is not None)
    if not known:
        return None
    middle = len(known) // 2
    return known[middle] if len(known) % 2 else (known[middle - 1] + known[middle]) / 2


def _head(results):
    source, machine = results["source"], results["machine"]
    what = "a generated file (a zoom, a moving test card, film grain)" if source["made"] else f"`{source['path']}`"
    sound = "AAC" if source["audio"] else "no audio"
    rungs = ", ".join(
        f"{it['name']} ({it['width']}x{it['height']}, at most {it['video_kbps']} kbit/s)" for it in results["rungs"]
    )
    items = [
        f"Date: {results['date']}",
        (f"Machine: {machine['cpu']}, {machine['cores']} cores, {machine['memory'] / 2**30:.0f} GiB, "
         f"Linux {machine['kernel']} ({machine['arch']}); load average {machine['load_before']:.1f} before the run"),
        (f"File: {what}, {source['seconds']:.1f} s, {source['width']}x{source['height']}, "
         f"{source['fps']:.2f} frames/s, {source['video_codec']} and {sound}, {source['kbps']} kbit/s"),
        f"Rungs: {rungs}",
        *(f"{name}: {version}" for name, version in results["versions"].items()),
    ]
    quick = "\n\n**A quick run: it shows that everything runs, and says little about speed.**"
    warning = quick if results["quick"] else ""
    return f"""# Benchmarks

`benches/run.sh` writes this page; run it again with `make bench`. All numbers on this page come
from one machine, on which nothing else ran.{warning}

{chr(10).join(_bullet(it) for it in items)}"""


def _cpu(results, name):
    one = results["runs"].get(name)
    return one["median"]["cpu_s"] if one else None


def _ratio(results, ours, other):
    a, b = _cpu(results, ours), _cpu(results, other)
    return a / b if a and b else None


def _goals(results):
    """The project's goals, compared with the measurements."""
    rows = []

    def goal(text, limit, value, digits=2):
        if value is not None:
            rows.append([text, f"{limit:.{digits}f}", f"{value:.{digits}f}", "yes" if value <= limit else "**no**"])

    single, usual = "the best single command", "one FFmpeg per rung"
    goal(f"CPU, all rungs encoded, of {single}", 1.10, _ratio(results, "edgereel-encoded", "ffmpeg-single"))
    copied = _ratio(results, "edgereel-copied", "ffmpeg-single-copied")
    goal(f"CPU, top rung copied, of {single} that copies it", 1.10, copied)
    goal(f"CPU, all rungs encoded, of {usual}", 0.75, _ratio(results, "edgereel-encoded", "ffmpeg-per-rung"))
    goal(f"CPU, top rung copied, of {usual}", 0.45, _ratio(results, "edgereel-copied", "ffmpeg-per-rung"))
    medians = []
    for row in results.get("latency", {}).get("rows", []):
        remux, edge = _median(row["remux_s"]), _median(row["edge_s"])
        if remux is not None and edge is not None:
            medians.append(edge)
            minutes = f"{row['seconds'] / 60:.0f} min"
            goal(f"Seconds from upload to playable, {minutes} (limit: 1 s and twice the remux)", 1 + 2 * remux, edge)
    if len(medians) == 2:
        goal("The longer file to the shorter, time to playable", 1.5, medians[1] / medians[0])
    for row in results.get("start", []):
        what = f"{row['kind']}, {row['seconds'] / 60:.0f} min"
        goal(f"Seconds from upload to playable, {what}", 3.0, _median(row["playable_s"]))
        goal(f"Growth, {what}: seconds of processing per second of video", 0.5, _slowness(row))
    if "parts" in results:
        beside = sum(_beside(results["parts"]).values())
        limit = "CPU of I-frames, stills, loudness and captions, of that of the ladder"
        goal(limit, 0.08, beside / results["parts"]["ladder_s"])
    if "clip" in results:
        one = results["clip"]
        goal("CPU of a clip of 3 s, of one FFmpeg command", 1.5, one["copied_s"] / one["ffmpeg_s"])
        goal("CPU of a clip of 3 s, all rungs encoded, of the same", 1.5, one["encoded_s"] / one["ffmpeg_s"])
    for row in results.get("drift", []):
        rung = "top rung copied" if row["copied"] else "all rungs encoded"
        # A frame at 29.97 frames a second.
        goal(f"Drift of the sound after {row['seconds'] / 60:.0f} min, {rung}, ms", 33, abs(row["end_ms"]), 1)
    hour = results.get("hour", {})
    length = f"{hour.get('seconds', 0) / 60:.0f} min"
    for name, key in (("`edgereel transcode`", "transcode"), ("`edgereel dev`", "dev")):
        if hour.get(key):
            goal(f"Memory of {name}, {length}, MB", 150, hour[key]["peak_own_rss"] / MB, 0)
            goal(f"Temporary disk of {name}, {length}, MB", 64, hour[key]["peak_temp"] / MB, 0)
    if not rows:
        return ""
    return "## Goals\n\n" + _table(["goal", "at most", "measured", "met"], rows)


def _ladder(results):
    base = _cpu(results, "ffmpeg-per-rung")
    rows = []
    for one in results["runs"].values():
        median, spread = one["median"], one["spread"]
        low, high = spread["cpu_s"]
        rows.append([
            one["title"],
            f"{median['cpu_s']:.1f} ({low:.1f} to {high:.1f})" if low != high else f"{median['cpu_s']:.1f}",
            _number(median["cpu_s"] / base if base else None, 2),
            _number(median["wall_s"]),
            _number(median["playable_s"], 2),
            _mb(median["peak_own_rss"]),
            _mb(median["peak_rss"]),
            _mb(median["peak_temp"]),
            _mb(median["output_bytes"]),
            str(len(one["rounds"])),
        ])
    if not rows:
        return ""
    head = ["", "CPU s", "of the usual way", "wall s", "playable after s", "own memory MB", "memory of all MB",
            "local disk MB", "output MB", "runs"]
    return f"""## The ladder

{_table(head, rows)}

The numbers are medians, with minimum and maximum in brackets. Edgereel's numbers include everything
that it does: inspecting the source, I-frame rendition, encryption, thumbnails, storyboard and
poster, storing, verification. The other tools make only the ladder.

- *playable after*: from the start until a playlist names a first segment of a rung, and of its
  audio, that exists.
- *own memory*: of the process that was started, `edgereel` itself for ours; *memory of all*: of it
  and all its children, with shared pages counted for each.
- *local disk*: the maximum on the disk beside the store. Edgereel's output goes from memory to the
  store; the other tools write theirs to a local disk, from where it must still be uploaded."""


def _quality(results):
    rows = []
    for one in results["runs"].values():
        for at, rung in enumerate(one.get("quality", [])):
            title = one["title"] if at == 0 else ""
            size = f"{rung['width']}x{rung['height']}"
            if "error" in rung:
                rows.append([title, size, str(rung["kbps"]), "failed", "", ""])
                continue
            figures = [f"{rung['vmaf']:.1f}", f"{rung['vmaf_p5']:.1f}", f"{rung['ssim']:.4f}"]
            rows.append([title, size, f"{rung['kbps']:,}", *figures])
    if not rows:
        return ""
    frames = max((it.get("frames", 0) for one in results["runs"].values() for it in one.get("quality", [])), default=0)
    return f"""## Quality

{_table(["", "rung", "kbit/s", "VMAF", "VMAF, worst 5 %", "SSIM"], rows)}

Compared with the source, scaled to its size (bicubic), over {frames} frames per rung. *worst 5 %*:
one frame in twenty is below it. kbit/s counts the stored bytes, including packaging, padding and
(for one FFmpeg per rung) audio."""


def _latency(results):
    rows = []
    for row in results.get("latency", {}).get("rows", []):
        cells = [_median(row[name]) for name in ("remux_s", "transcode_s", "edge_s")]
        rows.append([f"{row['seconds'] / 60:.0f} min, {_mb(row['bytes'])} MB", *(_number(it, 2) for it in cells)])
    if not rows:
        return ""
    head = ["file", "`ffmpeg -c copy`, first minute, s", "`edgereel transcode`, playable after s",
            "`edgereel upload`, playable after s"]
    return f"""## Time to playable

{_table(head, rows)}

The file is the same one repeated, remuxed to its length. With the default ladder, the top rung is
copied and shown first. `edgereel upload` covers the whole path (presigned upload, bucket event,
queue, worker, API and edge), and counts from the end of the upload; it polls every 200 ms."""


def _slowness(row):
    growth = _median(row["growth"])
    return 1 / growth if growth else None


def _start(results):
    rows = [
        [f"{row['kind']}, {row['seconds'] / 60:.0f} min", _number(_median(row["playable_s"]), 2),
         _number(_median(row["growth"]), 1)]
        for row in results.get("start", [])
    ]
    if not rows:
        return ""
    return f"""## Start of videos that must be encoded

{_table(["file", "playable after s", "growth"], rows)}

20 s of the file, encoded in another way and repeated. *playable after* counts from the end of the
upload, as above. *growth* is the number of seconds of video that become watchable per second,
during 15 s after the video is playable: above 1, a viewer who starts at once never waits."""


def _beside(parts):
    """CPU seconds of each part beside the ladder."""
    return {name.removesuffix("_s"): value for name, value in parts.items() if name != "ladder_s"}


def _parts(results):
    parts = results.get("parts")
    if not parts:
        return ""
    rows = [["ladder", _number(parts["ladder_s"]), ""]]
    for name, seconds in _beside(parts).items():
        rows.append([name.replace("iframes", "I-frames"), _number(seconds, 2), _number(seconds / parts["ladder_s"], 3)])
    return f"""## What is made beside the ladder

{_table(["", "CPU s", "of the ladder"], rows)}

All rungs encoded, and loudness normalised. The runs of FFmpeg report their CPU time. Those that
encode the ladder make the I-frames too: their share is what the best single command needs more with
such an output."""


def _clip(results):
    one = results.get("clip")
    if not one:
        return ""
    rows = [
        ["a job, top rung copied", _number(one["copied_s"], 2)],
        ["a job, all rungs encoded", _number(one["encoded_s"], 2)],
        ["one FFmpeg command that encodes the ladder", _number(one["ffmpeg_s"], 2)],
        ["`ffmpeg -version`", _number(one["load_s"], 2)],
    ]
    return f"""## A short clip

{_table(["3 s of 360 lines", "CPU s"], rows)}

The jobs run in `edgereel dev`, and all that it does for an upload counts: API, store, database,
queue and worker. A job runs FFmpeg and ffprobe about eight times. Builds of FFmpeg with many shared
libraries, such as Debian's, load them each time: the last line says how long that takes."""


def _drift(results):
    rows = [
        ["top rung copied" if row["copied"] else "all rungs encoded", _number(row["start_ms"]), _number(row["end_ms"])]
        for row in results.get("drift", [])
    ]
    if not rows:
        return ""
    minutes = results["drift"][0]["seconds"] / 60
    return f"""## Sound and picture after {minutes:.0f} minutes

{_table(["", "near the start, ms", "near the end, ms"], rows)}

A file with 29.97 frames a second and audio of 44.1 kHz flashes and beeps every ten seconds. The
numbers say by how much the beep is later than in the file, compared with the flash."""


def _hour(results):
    hour = results.get("hour")
    if not hour:
        return ""
    rows = []
    transcode, dev = hour.get("transcode"), hour.get("dev")
    how = "`--mode copy`" if hour["mode"] == "copy" else "top rung copied, a 240p rung encoded"
    if transcode:
        rows.append([f"`edgereel transcode`, {how}", _number(transcode["playable_s"], 2), _number(transcode["wall_s"]),
                     _number(transcode["cpu_s"]), _mb(transcode["peak_own_rss"]), _mb(transcode["peak_temp"])])
    if dev:
        rows.append(["`edgereel dev`, `--mode copy`, upload and store included", _number(dev["playable_s"], 2),
                     _number(dev["ready_s"]), _number(dev["cpu_s"]), _mb(dev["peak_own_rss"]), _mb(dev["peak_temp"])])
    if not rows:
        return ""
    head = ["", "playable s", "ready s", "CPU s", "memory of `edgereel` MB", "temporary disk MB"]
    return f"## A whole long file: {hour['seconds'] / 60:.0f} min, {_mb(hour['bytes'])} MB\n\n{_table(head, rows)}"


def _notes(results):
    lines = [_bullet(it) for it in results.get("notes", [])]
    lines += [_bullet(f"{name} was left out: {why}.") for name, why in results.get("skipped", {}).items()]
    return "## Notes\n\n" + "\n".join(lines) if lines else ""


def _method():
    return """## Method

Every tool gets the same file and makes the same rungs. In each round, all of them run once, one
after the other, so that a machine that becomes slower becomes slower for all. CPU is user and
system time of the whole process tree, as the kernel counts it when processes end. Memory and disk
are sampled ten times a second, including open files without a name.

- **Edgereel** runs as `edgereel transcode --encrypt --json` with its default profile; for "all
  rungs encoded", the profile has `[source_rung] enabled = false`.
- **One FFmpeg per rung** is what most scripts and task queues do: for every rung, FFmpeg decodes,
  scales and encodes again.
- **The best single command** decodes once, scales each rung from the next larger one and encodes
  audio once per rate, with FFmpeg's own choice of threads.
- Both use x264 `veryfast`, CRF 23 capped at the rung's rate with a buffer of 1.5 s, a keyframe
  every 2 s, AAC at the ladder's rates, and HLS with segments of 6 s, without encryption.
- **Shaka Streamer** gets the same resolutions and otherwise its own defaults: a slower preset,
  other rates, and playlists that appear at the end. It represents a ready-made tool, not the same
  settings. It runs once.

The commands are in `benches/bench/contestants.py`, and all settings in `benches/run.sh`. Numbers of
two machines, or of two days, say little beside each other: compare the columns of one run."""
