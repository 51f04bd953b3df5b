#!/usr/bin/env bash
# Runs all tests, in one profile, so that nothing is built twice.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/edgereel/target}
export RUST_BACKTRACE=${RUST_BACKTRACE:-0}

# A test whose program is not installed passes without having tested anything: the end lists these tests. With
# EDGEREEL_REQUIRE_SERVICES=1 it fails.
EDGEREEL_TEST_NOTES=$(mktemp)
export EDGEREEL_TEST_NOTES
trap 'sort -u "$EDGEREEL_TEST_NOTES" >&2; rm -f "$EDGEREEL_TEST_NOTES"' EXIT

# The end-to-end tests start the program itself.
cargo build --locked --package cli
export EDGEREEL_BIN=$CARGO_TARGET_DIR/debug/edgereel

# Their edge worker is built too. Where it cannot be built, they are skipped.
scripts/edge.sh || echo "the edge worker was not built: what needs it is skipped" >&2

# Many tests mostly wait: for a lease, a grant or a pause to end.
threads=$(($(nproc) + 1))
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --workspace --locked --no-fail-fast --test-threads "$threads" "$@"
    cargo test --workspace --locked --doc
else
    # A browser that plays video wants the machine for itself, as in .config/nextest.toml.
    cargo test --workspace --locked --no-fail-fast "$@" -- --test-threads="$threads" --skip browser:: --skip compatibility:: --skip edge_way:: --skip packaging:: --skip server:: --skip surround_sound:: --skip watermark::the_player --skip web_flows::
    cargo test --workspace --locked --no-fail-fast --test e2e -- --test-threads=1 browser:: compatibility:: edge_way:: packaging:: server:: surround_sound:: watermark::the_player web_flows::
fi
