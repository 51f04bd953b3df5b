#!/usr/bin/env python3
"""Checks the image, from the file tree that `build.sh --tree` makes, as root on Linux.

    infra/container/verify.py TREE [--media DIR] [--program EDGEREEL] [--job]

Always: what is in the image, `edgereel doctor`, and files that name other files or hosts, posing as videos.
--media    transcodes every file in DIR with the image, and makes one file of each other kind of output. With --program,
           a program that was built for this machine transcodes them too, with the FFmpeg of this machine, and both
           results must be alike.
--job      a job from SQS and S3 (LocalStack, by scripts/setup.sh --services) to `ready`, and SIGTERM in its middle.
"""

import argparse
import json
import os
import re
import socketserver
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import verify_job
from tree import Image

PROGRAMS = {"edgereel", "ffmpeg", "ffprobe"}
# Demuxers that open other files, hosts or devices.
REFUSED = {
    "hls",
    "concat",
    "concatf",
    "sdp",
    "dash",
    "rtsp",
    "rtp",
    "sap",
    "imf",
    "webm_dash_manifest",
    "lavfi",
    "v4l2",
    "alsa",
}
PROTOCOLS = {"file", "pipe", "http", "tcp"}
# Filters that open other files as sources.
FILTERS = {"movie", "amovie"}
# What FFmpeg can make besides HLS: the name of the file, and the options after the source.
OUTPUTS = {
    "still.webp": "-frames:v 1 -vf scale=160:-2 -c:v libwebp",
    "preview.webp": "-t 1 -an -vf fps=8,scale=160:-2 -c:v libwebp_anim -loop 0",
    "still.png": "-frames:v 1 -c:v png",
    "wave.jpg": "-filter_complex [0:a]aformat=channel_layouts=mono,showwavespic=size=320x90 -frames:v 1 -c:v mjpeg",
    "hevc.mp4": "-t 1 -an -vf scale=160:-2 -c:v libx265 -tag:v hvc1",
    "av1.mp4": "-t 1 -an -vf scale=160:-2 -c:v libsvtav1 -preset 10",
    "surround.mov": "-t 1 -vn -af pan=5.1|FL=c0|FR=c0|FC=c0,volume=0.5,alimiter,apad=whole_dur=1 -c:a eac3",
    "dolby.mp4": "-t 1 -vn -af loudnorm,aresample=48000 -c:a ac3",
    "loudness.null": "-t 1 -vn -af ebur128=peak=true -f null",
    "marked.mp4": "-t 1 -filter_complex [0:v]split[a][b];[b]scale=64:-2,format=rgba[c];[a][c]overlay=4:4 -c:v libx264",
    "mixed.mp4": "-t 1 -vn -filter_complex [0:a]asplit[a][b];[a][b]amix -c:a aac",
}


def check(ok: bool, what: str) -> None:
    """Stops at the first thing that is not as it should be."""
    if not ok:
        sys.exit(f"FAILED: {what}")
    print(f"ok: {what}", flush=True)


def contents(image: Image) -> None:
    """The files: only programs, libraries, certificates, licences; nothing with special rights."""
    paths = [it for it in image.tree.rglob("*") if it.relative_to(image.tree).parts[0] not in ("proc", "dev", "data")]
    files = [it for it in paths if it.is_file() and not it.is_symlink()]
    programs = {
        it.name for it in files if it.stat().st_mode & 0o111 and ".so" not in it.name and not it.name.startswith("ld-")
    }
    check(programs == PROGRAMS, f"the only programs are {sorted(programs)}")
    special = [it for it in files if it.stat().st_mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IWOTH)]
    check(not special, "no file is set-user-id or writable for all")
    megabytes = sum(it.stat().st_size for it in files) / 1e6
    check(megabytes < 150, f"{len(files)} files, {megabytes:.0f} MB")
    for name, least in {"ca-certificates.crt": 100, "rds-global-bundle.pem": 60}.items():
        count = (image.tree / "etc/ssl/certs" / name).read_text().count("BEGIN CERTIFICATE")
        check(count >= least, f"{name} has {count} certificates")
    documents = image.tree / "usr/share/doc"
    for name in (
        "edgereel/LICENSE",
        "edgereel/licences-rust.txt",
        "edgereel/licences-web.txt",
        "ffmpeg/copyright",
        "ffmpeg/SOURCES",
    ):
        check((documents / name).stat().st_size > 300, f"/usr/share/doc/{name} is there")
    listed = (documents / "ffmpeg/SOURCES").read_text()
    for source in ("ffmpeg", "x264", "x265", "svt-av1", "libwebp", "numactl", "dav1d", "zimg", "glibc", "gcc-14"):
        check(re.search(rf"^{source} \S+$", listed, re.M) is not None, f"SOURCES names the version of {source}")


def doctor(image: Image, work: Path) -> None:
    """The prerequisites, with a folder for data as `edgereel dev` needs it."""
    seen = image.run("edgereel", "doctor", "--data", "/data/new", "--listen", "127.0.0.1:0", data=work)
    check(seen.returncode == 0, f"edgereel doctor:\n{seen.stdout}{seen.stderr}".rstrip())
    denied = image.run("edgereel", "transcode", "/etc/passwd", "--out", "/out")
    check(denied.returncode != 0 and not (image.tree / "out").exists(), "the root is read-only")


class Decoy(socketserver.BaseRequestHandler):
    """Counts connections that must not come."""

    visits = 0

    def handle(self) -> None:
        """One connection."""
        Decoy.visits += 1


def hostile(image: Image, work: Path) -> None:
    """A playlist, a script or a session description as a video: no demuxer, no connection, no other file."""
    lists = {
        name: image.run("ffprobe", "-v", "error", f"-{name}").stdout
        for name in ("demuxers", "protocols", "devices", "filters")
    }
    demuxers = {name for line in re.findall(r"^ D\S*\s+(\S+)", lists["demuxers"], re.M) for name in line.split(",")}
    check(
        len(demuxers) > 200 and not demuxers & REFUSED,
        f"{len(demuxers)} demuxers, none that opens other files or hosts",
    )
    protocols = set(re.findall(r"^\s+(\w+)$", lists["protocols"], re.M))
    check(protocols == PROTOCOLS, f"protocols: {sorted(protocols)}")
    check(not re.findall(r"^ [D ][E ] \w", lists["devices"], re.M), "no capture devices")
    filters = set(re.findall(r"^ \S{3} (\w+)", lists["filters"], re.M))
    check(
        len(filters) > 200 and not filters & FILTERS, f"{len(filters)} filters, none that opens other files as sources"
    )

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Decoy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/x.ts"
    period = f'<Period><AdaptationSet mimeType="video/mp4">{url}</AdaptationSet></Period>'
    texts = {
        "playlist.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n{url}\n#EXT-X-ENDLIST\n",
        "script.ffconcat": f"ffconcat version 1.0\nfile '{url}'\nfile '/etc/passwd'\n",
        "session.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\n"
        "t=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
        "manifest.mpd": f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">{period}</MPD>\n',
    }
    for name, text in texts.items():
        for posing in (name, f"{name}.mp4"):
            (work / posing).write_text(text)
            direct = image.run("ffprobe", "-v", "error", "-show_format", f"/data/{posing}", data=work)
            check(direct.returncode != 0 and "format_name" not in direct.stdout, f"{posing}: ffprobe finds no demuxer")
            ours = image.run("edgereel", "transcode", f"/data/{posing}", "--out", "/data/out", data=work)
            check(ours.returncode == 1, f"{posing}: {ours.stderr.strip().splitlines()[-1]}")
    check(Decoy.visits == 0, "nothing connected to the URL in these files")
    server.shutdown()
    server.server_close()


def outline(report: dict, check_report: dict) -> dict:
    """What two versions of FFmpeg must have in common."""
    return {
        "duration": round(report["duration_s"], 1),
        "rungs": [
            [it[name] for name in ("name", "width", "height", "copied", "segments", "codecs")] for it in report["rungs"]
        ],
        "audio": [[it[name] for name in ("name", "copied", "codecs")] for it in report["audio"]],
        "missing": report["missing"],
        "must": check_report["summary"]["must"],
        "segments": check_report["checked"]["segments"],
        "seconds": round(check_report["checked"]["seconds"]),
    }


def last_json(text: str) -> dict:
    """The last line of the output, which is an object."""
    return json.loads(text.strip().splitlines()[-1])


def media(image: Image, folder: Path, program: Path | None, work: Path) -> None:
    """Every file, with the FFmpeg of the image and with that of this machine."""
    for path in sorted(it for it in folder.iterdir() if it.suffix != ".md"):
        copy = work / path.name
        copy.write_bytes(path.read_bytes())
        began = time.monotonic()
        made = image.run("edgereel", "transcode", f"/data/{path.name}", "--out", "/data/out", "--json", data=work)
        took = time.monotonic() - began
        checked = image.run("edgereel", "check", "/data/out", "--json", data=work) if made.returncode == 0 else None
        here = (
            outline(last_json(made.stdout), last_json(checked.stdout)) if checked else {"refused": reason(made.stderr)}
        )
        if program is not None:
            there = on_this_machine(program, copy, work / "reference")
            if here != there:
                sys.exit(f"FAILED: {path.name} differs with the FFmpeg of this machine:\n{here}\n{there}")
            check(True, f"{path.name} ({took:.0f} s) as with the FFmpeg of this machine: {json.dumps(here)}")
        else:
            check(checked is not None and here["must"] == 0, f"{path.name} ({took:.0f} s): {json.dumps(here)}")
        subprocess.run(["rm", "-rf", copy, work / "out", work / "reference"], check=True)


def outputs(image: Image, folder: Path, work: Path) -> None:
    """One file of each kind, from a film with audio, and the subtitles of another film in each text format."""
    kinds = {name: ("bbb-480p-30s.mp4", options) for name, options in OUTPUTS.items()}
    kinds |= {
        name: ("srt-subtitles.mkv", f"-map 0:s:0 -c:s {codec}")
        for name, codec in (("cues.vtt", "webvtt"), ("cues.srt", "subrip"))
    }
    for name, (source, options) in kinds.items():
        (work / source).write_bytes((folder / source).read_bytes())
        command = ["ffmpeg", "-v", "error", "-y", "-i", f"/data/{source}", *options.split(), f"/data/{name}"]
        made = image.run(*command, data=work)
        size = (work / name).stat().st_size if (work / name).exists() else 0
        check(made.returncode == 0 and (size > 20 or "null" in name), f"FFmpeg makes {name}, {size} bytes")


def on_this_machine(program: Path, source: Path, out: Path) -> dict:
    """The same with another program, outside of the image."""
    variables = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    run = [str(program), "transcode", str(source), "--out", str(out), "--json"]
    made = subprocess.run(run, capture_output=True, text=True, env=variables, check=False)
    if made.returncode != 0:
        return {"refused": reason(made.stderr)}
    checked = subprocess.run(
        [str(program), "check", str(out), "--json"], capture_output=True, text=True, env=variables, check=False
    )
    return outline(last_json(made.stdout), last_json(checked.stdout))


def reason(text: str) -> str:
    """Why a file was refused, without the path."""
    return re.sub(r"/\S+", "PATH", text.strip().splitlines()[-1])


def main() -> None:
    """All checks that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", type=Path)
    parser.add_argument("--media", type=Path)
    parser.add_argument("--program", type=Path)
    parser.add_argument("--job", action="store_true")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("verify.py mounts file systems: start it as root")
    image = Image(arguments.tree)
    with tempfile.TemporaryDirectory(prefix="edgereel-image-") as folder:
        # The user of the image has to reach it.
        os.chmod(folder, 0o755)
        work = Path(folder)
        for name in ("doctor", "hostile", "media"):
            (work / name).mkdir()
        contents(image)
        doctor(image, work / "doctor")
        hostile(image, work / "hostile")
        if arguments.media:
            media(image, arguments.media, arguments.program, work / "media")
            outputs(image, arguments.media, work / "media")
        if arguments.job:
            verify_job.run(image, check, work / "job", arguments.media)
    print("the image is as it should be")


if __name__ == "__main__":
    main()
