# shellcheck shell=bash disable=SC2154 # scripts/setup/common.sh sets `cache`.
# What builds the edge worker and runs it here.

# The program that makes the bindings must have exactly the version of the library, so it is built here. The rest comes from
# npm, apart from the packages of tests/browser: these are larger, and not every machine needs both.
edge_dir=$cache/edge
need_bindgen=$(sed -n 's/^wasm-bindgen = "=\(.*\)"/\1/p' edge-worker/Cargo.toml)

has_bindgen() {
    [[ $("$edge_dir/bin/wasm-bindgen" --version 2>/dev/null) == "wasm-bindgen $need_bindgen" ]]
}
install_bindgen() {
    note "building wasm-bindgen $need_bindgen into $edge_dir (two minutes)"
    cargo install --quiet --locked --root "$edge_dir" --target-dir "$edge_dir/target" "wasm-bindgen-cli@$need_bindgen" >&2 &&
        rm -rf "$edge_dir/target"
}

# For the Python program of docs/grants.md, which a test runs.
has_pyjwt() {
    [[ -d $edge_dir/python/jwt ]]
}
install_pyjwt() {
    python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$edge_dir/python" pyjwt==2.15.1 >&2
}

has_bindgen || { install_bindgen && has_bindgen; } ||
    note "wasm-bindgen cannot be built: the edge worker cannot be built here"
has_pyjwt || install_pyjwt || note "PyJWT cannot be installed: the test of grants in Python will be skipped"
has_modules tests/edge || install_modules tests/edge ||
    note "the packages of tests/edge cannot be installed (npm ci): the edge worker cannot be built or run here"
