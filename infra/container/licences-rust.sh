#!/bin/sh
# Part of the Dockerfile: prints the licence texts of all crates in the program, each text once.
set -eu
cargo tree --locked --package cli --edges normal --prefix none --format '{p}' |
    sed -nE 's/^([^ ]+) v([^ ]+)( \(proc-macro\))?( \(\*\))?$/\1-\2/p' | sort -u >/tmp/crates
mkdir -p /tmp/texts
while read -r crate; do
    for text in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/"$crate"/*; do
        case ${text##*/} in LICENSE* | LICENCE* | License* | COPYING* | NOTICE* | UNLICENSE*) ;; *) continue ;; esac
        [ -f "$text" ] || continue
        name=/tmp/texts/$(sha256sum "$text" | cut -c1-64)
        cp "$text" "$name.text"
        echo "$crate" >>"$name.crates"
    done
done </tmp/crates
for crates in /tmp/texts/*.crates; do
    printf '==== %s\n\n' "$(sort -u "$crates" | tr '\n' ' ')"
    cat "${crates%.crates}.text"
    echo
done
