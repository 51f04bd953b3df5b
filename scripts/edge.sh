#!/usr/bin/env bash
# Builds the edge worker into edge-worker/build, and prints its size. scripts/setup.sh --edge installs the tools; nothing is
# downloaded here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/edgereel/target}
tools=${XDG_CACHE_HOME:-$HOME/.cache}/edgereel/edge/bin
modules=tests/edge/node_modules
for tool in "$tools/wasm-bindgen" "$modules/.bin/wasm-opt" "$modules/.bin/esbuild"; do
    [[ -x $tool ]] || { echo "edge: $tool is missing: scripts/setup.sh --edge" >&2; exit 1; }
done

# Without paths of this machine, the result is the same on every machine.
registry=${CARGO_HOME:-$HOME/.cargo}/registry/src
for index in "$registry"/*/; do RUSTFLAGS="${RUSTFLAGS:-} --remap-path-prefix=$index="; done
export RUSTFLAGS
# bundle NAME OUT: makes the files that Cloudflare accepts from the library that cargo built.
bundle() {
    local new=$2.$$
    # Built beside its place, so that an interrupted build leaves the old files.
    rm -rf "$new"
    mkdir -p "$new"
    "$tools/wasm-bindgen" "$CARGO_TARGET_DIR/wasm32-unknown-unknown/edge/$1.wasm" \
        --target module --no-typescript --out-name index --out-dir "$new/glue" \
        --experimental-reset-state-function --force-enable-abort-handler
    cp edge-worker/shim.mjs "$new/glue/shim.mjs"
    # Cloudflare passes a compiled module to the script, and does not support import phases.
    sed -i 's/^import source /import /' "$new/glue/index.js"
    "$modules/.bin/wasm-opt" "$new/glue/index_bg.wasm" -O3 -o "$new/index_bg.wasm" \
        --enable-mutable-globals --enable-sign-ext --enable-nontrapping-float-to-int --enable-bulk-memory \
        --enable-multivalue --enable-reference-types --enable-exception-handling --strip-debug --strip-producers
    "$modules/.bin/esbuild" "$new/glue/shim.mjs" --bundle --minify --format=esm --log-level=error \
        --inject:edge-worker/microtask.mjs \
        --external:./index_bg.wasm --external:cloudflare:workers --outfile="$new/index.js"
    rm -rf "$new/glue" "$2"
    mv "$new" "$2"
}

if [[ ${1:-} == --empty ]]; then
    # A worker that does nothing, as the baseline of benches/edge.
    cargo build --locked --package edge-worker --lib --features empty --target wasm32-unknown-unknown --profile edge
    bundle edge_worker edge-worker/build.empty
    exit
fi
cargo build --locked --package edge-worker --lib --target wasm32-unknown-unknown --profile edge
out=edge-worker/build
bundle edge_worker $out

size() { wc -c <"$1"; }
packed() { gzip -9c "$1" | wc -c; }
total=$(($(packed $out/index.js) + $(packed $out/index_bg.wasm)))
printf 'edge: %s\n' "index_bg.wasm $(size $out/index_bg.wasm) bytes, gzip $(packed $out/index_bg.wasm)" \
    "index.js $(size $out/index.js) bytes, gzip $(packed $out/index.js)" \
    "together gzip $total bytes"
[[ $total -le 224000 ]] || { echo "edge: the script is larger than 224 kB" >&2; exit 1; }
