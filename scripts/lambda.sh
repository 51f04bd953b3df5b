#!/usr/bin/env bash
# Builds each Lambda function as a zip for the runtime provided.al2023, ready to upload, and prints the sizes.
#
#   scripts/lambda.sh             for x86-64
#   scripts/lambda.sh --arm64     for Graviton
#
# The zips: $LAMBDA_DIR/{x86-64,arm64}/{api,ingest,dead-letter,sweeper,webhooks}/bootstrap.zip
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cache=${XDG_CACHE_HOME:-$HOME/.cache}/edgereel
# A separate directory: with zig as the linker, files of the same names differ.
export CARGO_TARGET_DIR=${LAMBDA_TARGET_DIR:-$cache/lambda-target}
zips=${LAMBDA_DIR:-$CARGO_TARGET_DIR/zips}
functions=(api ingest dead-letter sweeper webhooks)
# The C library of provided.al2023. A program that needs a newer one does not start there.
newest_glibc=2.34

case ${1:-} in
    '') name=x86-64 target=x86_64-unknown-linux-gnu ;;
    --arm64) name=arm64 target=aarch64-unknown-linux-gnu ;;
    *) echo "usage: scripts/lambda.sh [--arm64]" >&2; exit 2 ;;
esac
[[ -d $(rustc --print sysroot)/lib/rustlib/$target ]] || rustup target add "$target"

export PATH=$cache/lambda-tools/bin:$PATH
cargo lambda build --locked --package functions "${functions[@]/#/--bin=}" --profile lambda --target "$target" \
    --output-format zip --lambda-dir "$zips/$name"

python3 - "$zips/$name" "$newest_glibc" "${functions[@]}" <<'PYTHON'
import re, sys, zipfile
folder, newest, *functions = sys.argv[1:]
number = lambda text: [int(it) for it in text.split(".")]
print(f"{'':12} {'zip':>9} {'unpacked':>9}")
for function in functions:
    path = f"{folder}/{function}/bootstrap.zip"
    with zipfile.ZipFile(path) as archive:
        [program] = archive.infolist()
        wanted = max(re.findall(rb"GLIBC_([0-9.]+)", archive.read(program)), key=lambda it: number(it.decode())).decode()
    if number(wanted) > number(newest):
        sys.exit(f"{path} needs glibc {wanted}, and Lambda has {newest}")
    print(f"{function:12} {program.compress_size / 1e6:6.1f} MB {program.file_size / 1e6:6.1f} MB   {path}")
PYTHON
