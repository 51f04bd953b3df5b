#!/usr/bin/env bash
# Writes SHA256SUMS of all files in a directory, as `sha256sum --check` reads it.
#
#   scripts/release/checksums.sh DIR
set -euo pipefail
cd "${1:?usage: scripts/release/checksums.sh DIR}"
rm -f SHA256SUMS
find . -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum >"$OLDPWD/.sums.$$"
mv "$OLDPWD/.sums.$$" SHA256SUMS
cat SHA256SUMS
