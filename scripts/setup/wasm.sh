# shellcheck shell=bash
# The Rust target of WebAssembly.

target=wasm32-unknown-unknown
if [[ ! -d $(rustc --print sysroot)/lib/rustlib/$target ]]; then
    command -v rustup >/dev/null ||
        die "the Rust target $target is missing: install it as your Rust was installed (with rustup: rustup target add $target)"
    rustup target add "$target" >&2
fi
