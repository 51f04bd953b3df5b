#!/usr/bin/env bash
# Runs every test, in one profile, so that all of them share the build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/edgereel/target}
export RUST_BACKTRACE=${RUST_BACKTRACE:-0}

# Tests whose server is not installed pass without having tested anything: they are listed at the
# end.
EDGEREEL_TEST_NOTES=$(mktemp)
export EDGEREEL_TEST_NOTES
trap 'sort -u "$EDGEREEL_TEST_NOTES" >&2; rm -f "$EDGEREEL_TEST_NOTES"' EXIT

# The end-to-end tests start the program itself.
cargo build --locked --package cli
export EDGEREEL_BIN=$CARGO_TARGET_DIR/debug/edgereel

# They also start the edge worker; if it cannot be built, they report that they are skipped.
scripts/edge.sh || echo "the edge worker was not built: its tests are skipped" >&2

if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --workspace --locked --no-fail-fast "$@"
    cargo test --workspace --locked --doc
else
    cargo test --workspace --locked --no-fail-fast "$@"
fi
