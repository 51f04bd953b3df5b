#!/usr/bin/env bash
# Part of build.sh --local: makes the base images that the Dockerfile names, where no image registry can be reached. Debian by
# debootstrap; Node by npm; Rust is copied from this machine. Each is made once. Needs root, buildah, debootstrap, npm and rustc.
set -euo pipefail
dir=${CONTAINER_DIR:?}
suite=trixie node=22 rust=$(rustc --version | cut -d' ' -f2 | cut -d. -f1,2)
mkdir -p "$dir"
export CONTAINERS_STORAGE_CONF=$dir/storage.conf
# Where the kernel has no overlay, each layer is a full copy.
driver=vfs layers=$(mktemp -d "$dir/overlay.XXXXXX")
mkdir "$layers"/{lower,upper,work,merged}
options=lowerdir=$layers/lower,upperdir=$layers/upper,workdir=$layers/work
if mount -t overlay -o "$options" overlay "$layers/merged" 2>/dev/null; then
    umount "$layers/merged"
    driver=overlay
fi
rm -rf "$layers"
printf '[storage]\ndriver = "%s"\nrunroot = "%s/storage/run"\ngraphroot = "%s/storage/graph"\n' "$driver" "$dir" "$dir" \
    >"$CONTAINERS_STORAGE_CONF"
has() { buildah inspect --type image "$1" >/dev/null 2>&1; }
in_chroot() { buildah run --isolation chroot "$@"; }
install='rm -rf /var/lib/apt/lists/*; apt-get update -qq && apt-get install -y -qq --no-install-recommends'
# Where a proxy inspects TLS, this machine trusts its CA. The last stage takes its certificates from Debian instead.
certificates=/etc/ssl/certs/ca-certificates.crt

debian=localhost/debian:$suite-slim
if ! has "$debian"; then
    root=$(mktemp -d "$dir/debian.XXXXXX")
    # Unless told otherwise, the mirrors of this machine.
    # shellcheck disable=SC2016
    mirrors=$(apt-get indextargets --format '$(REPO_URI)' | sort -u)
    mirror=${DEBIAN_MIRROR:-$(grep -v security <<<"$mirrors" | head -n 1)}
    security=${DEBIAN_SECURITY_MIRROR:-$(grep security <<<"$mirrors" | head -n 1)}
    debootstrap --variant=minbase "$suite" "$root" "$mirror" >&2
    : >"$root/etc/apt/sources.list"
    # As in the official image.
    key=/usr/share/keyrings/debian-archive-keyring.pgp
    cat >"$root/etc/apt/sources.list.d/debian.sources" <<SOURCES
Types: deb
URIs: $mirror
Suites: $suite $suite-updates
Components: main
Signed-By: $key

Types: deb
URIs: ${security:-${mirror%/}-security}
Suites: $suite-security
Components: main
Signed-By: $key
SOURCES
    rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin "$root"/usr/share/{man,locale}/*
    container=$(buildah from scratch)
    buildah add --quiet "$container" "$root" / >/dev/null
    buildah config --cmd bash "$container"
    buildah commit --quiet "$container" "$debian" >/dev/null
    buildah rm "$container" >/dev/null
    rm -rf "$root"
fi

image=localhost/node:$node-$suite-slim
if ! has "$image"; then
    case $(uname -m) in x86_64) processor=x64 ;; aarch64) processor=arm64 ;; *) echo "which Node is for $(uname -m)?" >&2; exit 1 ;; esac
    packed=$(mktemp -d)
    (cd "$packed" && npm pack --silent "node-linux-$processor@$node" npm@10 >/dev/null)
    container=$(buildah from --pull=never "$debian")
    files=$(buildah mount "$container")
    mkdir -p "$files/usr/local/lib/npm"
    tar -xzf "$packed"/node-linux-*.tgz -C "$files/usr/local" --strip-components=1 package/bin
    tar -xzf "$packed"/npm-*.tgz -C "$files/usr/local/lib/npm" --strip-components=1
    ln -s ../lib/npm/bin/npm-cli.js "$files/usr/local/bin/npm"
    chmod +x "$files/usr/local/lib/npm/bin/npm-cli.js"
    install -D "$certificates" "$files$certificates"
    buildah umount "$container" >/dev/null
    # Of Node: libatomic1 and libstdc++6 are in the official image too.
    in_chroot "$container" -- sh -c "$install libatomic1 libstdc++6" >&2
    buildah config --env NODE_EXTRA_CA_CERTS="$certificates" --cmd node "$container"
    buildah commit --quiet "$container" "$image" >/dev/null
    buildah rm "$container" >/dev/null
    rm -rf "$packed"
fi

image=localhost/rust:$rust-slim-$suite
if ! has "$image"; then
    container=$(buildah from --pull=never "$debian")
    in_chroot "$container" -- sh -c "$install gcc libc6-dev" >&2
    files=$(buildah mount "$container")
    mkdir -p "$files/usr/local/cargo"
    cp -a "$(rustc --print sysroot)"/{bin,lib} "$files/usr/local/"
    find "$files/usr/local/lib/rustlib" -mindepth 1 -maxdepth 1 -name '*-*' ! -name "$(uname -m)-unknown-linux-gnu" -exec rm -rf {} +
    install -D "$certificates" "$files$certificates"
    buildah umount "$container" >/dev/null
    buildah config --env CARGO_HOME=/usr/local/cargo --env SSL_CERT_FILE="$certificates" \
        --env PATH=/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
    buildah commit --quiet "$container" "$image" >/dev/null
    buildah rm "$container" >/dev/null
fi
