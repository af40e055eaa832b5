#!/usr/bin/env bash
# Makes minibwa, the default aligner, in .venv/bin, of the C sources that a crate carries. Where
# that cannot be, says so and leaves bwa, which `aligner.name: auto` then takes. Does nothing where
# a minibwa is found.
set -euo pipefail
cd "$(dirname "$0")/.."

crate=minibwa-sys
version=0.2.0
sha256=aafc2e29c024d4b9a49e94d7e8c76516456b3922040dcdaca49278a5a8978b62

fall_back() {
    echo "setup: no minibwa: $1. Reads are aligned by bwa, which takes about three times as long." \
        "To have it: conda install bioconda::minibwa, or cargo, make, gcc and zlib's headers, and" \
        "make setup again" >&2
    exit 0
}

PATH=$PWD/.venv/bin:$PATH
command -v minibwa >/dev/null && exit 0
for tool in cargo make gcc; do
    command -v "$tool" >/dev/null || fall_back "$tool is not found"
done

echo "setup: minibwa from the crate $crate $version into .venv/bin (about 20 s)"
scratch=$(mktemp --directory)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/src"
touch "$scratch/src/lib.rs"
printf '[package]\nname = "sources"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\n%s\n' \
    "$crate = \"=$version\"" >"$scratch/Cargo.toml"

# Only the sources are of use: bindings to Rust and what they depend on are not compiled.
timeout 120 cargo vendor --quiet --manifest-path "$scratch/Cargo.toml" "$scratch/vendor" \
    >/dev/null 2>"$scratch/log" || fall_back "cargo: $(grep -m 1 . "$scratch/log" || echo failed)"
grep --quiet "\"package\":\"$sha256\"" "$scratch/vendor/$crate/.cargo-checksum.json" ||
    fall_back "$crate $version is not what it was (its SHA-256 is another)"

# Without what is under the GPL (an index in less memory) and without an allocator of its own.
sources=$scratch/vendor/$crate/vendor/minibwa
make --directory "$sources" --jobs "$(nproc)" gpl=0 mimalloc=0 minibwa >"$scratch/log" 2>&1 ||
    fall_back "it does not compile: $(grep -m 1 'error' "$scratch/log" || tail -n 1 "$scratch/log")"
"$sources/minibwa" version >/dev/null || fall_back "it does not run here"
install -m 755 "$sources/minibwa" .venv/bin/minibwa.part
mv .venv/bin/minibwa.part .venv/bin/minibwa
