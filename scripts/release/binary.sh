#!/usr/bin/env bash
# Builds the program for Linux, against glibc 2.28, which Debian 10, RHEL 8, Ubuntu 20.04 and everything newer have, and packs it.
# Needs the web app (scripts/setup.sh --web), and cargo-zigbuild and zig of scripts/release.txt in PATH.
#
#   scripts/release/binary.sh OUT             for x86-64
#   scripts/release/binary.sh OUT --arm64     for arm64
#
# Not a static program of musl: its allocator and its resolver are slower, and FFmpeg has to be installed anyway.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=$(realpath -m "${1:?usage: scripts/release/binary.sh OUT [--arm64]}")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/edgereel
export CARGO_TARGET_DIR=${RELEASE_TARGET_DIR:-$cache/release-target}
newest_glibc=2.28
case ${2:-} in
    '') name=x86-64 target=x86_64-unknown-linux-gnu ;;
    --arm64) name=arm64 target=aarch64-unknown-linux-gnu ;;
    *) echo "usage: scripts/release/binary.sh OUT [--arm64]" >&2; exit 2 ;;
esac
[[ -d $(rustc --print sysroot)/lib/rustlib/$target ]] || rustup target add "$target"
[[ -f web/dist/index.html ]] || { echo "binary: the web app is missing: scripts/setup.sh --web" >&2; exit 1; }

CARGO_PROFILE_RELEASE_STRIP=symbols cargo zigbuild --release --locked --package cli --target "$target.$newest_glibc"
program=$CARGO_TARGET_DIR/$target/release/edgereel
python3 scripts/release/glibc.py "$program" "$newest_glibc"

version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
folder=edgereel-$version-linux-$name
packed=$(mktemp -d)
trap 'rm -rf "$packed"' EXIT
mkdir -p "$packed/$folder" "$out"
install -m 755 "$program" "$packed/$folder/edgereel"
cp LICENSE README.md CHANGELOG.md "$packed/$folder/"
cp infra/server/{edgereel.service,edgereel.env,Caddyfile,backup.sh} "$packed/$folder/"
# The same files give the same archive.
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@${SOURCE_DATE_EPOCH:-0}" -C "$packed" -c "$folder" | gzip -9n \
    >"$out/$folder.tar.gz"
ls -l "$out/$folder.tar.gz"
