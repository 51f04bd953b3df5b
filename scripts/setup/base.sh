# shellcheck shell=bash
# Rust, a C compiler and FFmpeg.

need_rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
command -v cargo >/dev/null ||
    die "cargo is missing: install Rust $need_rust or newer by rustup (https://rustup.rs), then start this again"
have_rust=$(rustc --version | cut -d' ' -f2)
oldest=$(printf '%s\n' "${need_rust}.0" "${have_rust%%-*}" | sort --version-sort | head -n1)
[[ $oldest == "${need_rust}.0" ]] ||
    die "Rust $have_rust is too old, $need_rust is needed: run 'rustup update stable', then start this again"

command -v cc >/dev/null || install_packages gcc libc6-dev ||
    die "a C compiler is missing: install one (Debian, Ubuntu: apt-get install gcc libc6-dev; macOS: xcode-select --install)"

# Only whether an FFmpeg is there: `edgereel doctor` checks what it must be able to do.
ffmpeg_dir=${EDGEREEL_FFMPEG_DIR:+${EDGEREEL_FFMPEG_DIR%/}/}
has_ffmpeg() {
    command -v "${ffmpeg_dir}ffmpeg" >/dev/null && command -v "${ffmpeg_dir}ffprobe" >/dev/null &&
        # grep reads to the end: with pipefail, a grep that stops early makes FFmpeg's broken pipe a failure.
        "${ffmpeg_dir}ffmpeg" -hide_banner -encoders 2>/dev/null | grep libx264 >/dev/null
}
if ! has_ffmpeg; then
    [[ -z $ffmpeg_dir ]] || die "EDGEREEL_FFMPEG_DIR is '$EDGEREEL_FFMPEG_DIR', where there is no FFmpeg with x264"
    if ! install_packages ffmpeg || ! has_ffmpeg; then
        die "FFmpeg with x264 is missing: install it, then start this again" \
            "  Debian, Ubuntu: apt-get install ffmpeg      Fedora: dnf install ffmpeg (RPM Fusion)" \
            "  macOS: brew install ffmpeg                  elsewhere: set EDGEREEL_FFMPEG_DIR to its directory"
    fi
fi
