#!/usr/bin/env bash
# Builds the image from infra/container/Dockerfile for the processor of this machine, and prints its sizes.
#
#   infra/container/build.sh [--tag NAME]          with docker, podman or buildah, whichever is installed and runs
#   infra/container/build.sh --local [--tag NAME]  as root on Debian, without a container engine and without an image registry:
#                                                  buildah in a chroot, over base images that are made here (local-bases.sh)
#   infra/container/build.sh --local --tree DIR    also copies the files of the image into DIR, for verify.py
#
# With buildah, CONTAINER_DIR is where layers are kept: $XDG_CACHE_HOME/edgereel/container by default.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
tag=localhost/edgereel:latest local=0 tree=
while [[ $# -gt 0 ]]; do
    case $1 in
        --tag) tag=${2:?--tag needs a name}; shift 2 ;;
        --local) local=1; shift ;;
        --tree) tree=${2:?--tree needs a directory}; shift 2 ;;
        *) echo "usage: infra/container/build.sh [--local] [--tag NAME] [--tree DIR]" >&2; exit 2 ;;
    esac
done
dir=${CONTAINER_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/edgereel/container}

# The format `docker`, because OCI images have no HEALTHCHECK.
build=(build --format docker --tag "$tag" --file infra/container/Dockerfile .)
if [[ $local == 1 ]]; then
    CONTAINER_DIR=$dir infra/container/local-bases.sh
    export CONTAINERS_STORAGE_CONF=$dir/storage.conf
    buildah build --isolation chroot --pull=never --layers "${build[@]:1}"
elif docker info >/dev/null 2>&1; then
    docker build --tag "$tag" --file infra/container/Dockerfile .
    docker image inspect --format '{{.Size}} bytes' "$tag"
    exit
elif command -v podman >/dev/null; then
    podman "${build[@]}"
    podman image inspect --format '{{.Size}} bytes' "$tag"
    exit
elif command -v buildah >/dev/null; then
    buildah build --layers "${build[@]:1}"
else
    echo "build: neither docker, podman nor buildah runs here; as root on Debian: apt-get install buildah debootstrap," \
        "then infra/container/build.sh --local" >&2
    exit 1
fi

container=$(buildah from --pull=never "$tag")
trap 'buildah rm "$container" >/dev/null' EXIT
files=$(buildah mount "$container")
packed() { tar -C "$files" --sort=name -c . | "$@" | wc -c; }
printf 'image: %s\n' "$tag" "$(du --apparent-size -sm "$files" | cut -f1) MB on disk, $(find "$files" -type f | wc -l) files" \
    "$(($(packed gzip -6) / 1000000)) MB with gzip"
if command -v zstd >/dev/null; then echo "image: $(($(packed zstd -q -10) / 1000000)) MB with zstd"; fi
if [[ -n $tree ]]; then
    rm -rf "$tree"
    cp -a "$files" "$tree"
fi
