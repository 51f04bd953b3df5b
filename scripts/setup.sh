#!/usr/bin/env bash
# Installs what is missing to build, test and run Edgereel, or reports what to install. Quick if nothing is missing.
#
#   scripts/setup.sh               for building and running: Rust and a C compiler are required; FFmpeg is installed by
#                                  apt-get, as root or through sudo
#   scripts/setup.sh --web         also builds the web app, which the program embeds
#   scripts/setup.sh --services    also what tests start: PostgreSQL, LocalStack, Schemathesis, Streamlink, Go, promtool
#   scripts/setup.sh --browser     also Chromium with its driver, and GStreamer, for tests with players
#   scripts/setup.sh --ffmpegs     also FFmpeg 8.1 and 9.0, for the tests that run with several versions
#   scripts/setup.sh --edge        also what builds the edge worker, and the runtime that runs it here
#   scripts/setup.sh --wasm        also the Rust target of WebAssembly
#   scripts/setup.sh --lambda      also cargo-lambda and zig, which build the Lambda functions for both processors
#   scripts/setup.sh --lint        also the linters of scripts/lint.sh
#   scripts/setup.sh --infra       also the checks of the templates in infra/, for scripts/infra.sh
#
# Options may be combined. What --services, --browser, --ffmpegs and --edge install is optional: if it cannot be installed,
# this script prints a warning and continues, and the tests that need it are skipped. Everything else is required.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/setup/common.sh
source scripts/setup/common.sh

for option in "$@"; do
    case $option in
        --web | --services | --browser | --ffmpegs | --edge | --wasm | --lambda | --lint | --infra) ;;
        *) die "unknown option $option: see the head of scripts/setup.sh" ;;
    esac
done

# shellcheck source=scripts/setup/base.sh
source scripts/setup/base.sh
for part in web services browser ffmpegs lambda edge wasm lint infra; do
    for option in "$@"; do
        if [[ $option == "--$part" ]]; then
            # shellcheck source=/dev/null
            source "scripts/setup/$part.sh"
            break
        fi
    done
done
