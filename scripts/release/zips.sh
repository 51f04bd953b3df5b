#!/usr/bin/env bash
# Copies the zips of scripts/lambda.sh under names of a release: edgereel-lambda-FUNCTION-VERSION-PROCESSOR.zip.
#
#   scripts/release/zips.sh LAMBDA_DIR OUT
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
from=${1:?usage: scripts/release/zips.sh LAMBDA_DIR OUT} out=${2:?usage: scripts/release/zips.sh LAMBDA_DIR OUT}
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
mkdir -p "$out"
for zip in "$from"/{x86-64,arm64}/*/bootstrap.zip; do
    function=$(basename "$(dirname "$zip")") processor=$(basename "$(dirname "$(dirname "$zip")")")
    cp "$zip" "$out/edgereel-lambda-$function-$version-$processor.zip"
done
