#!/usr/bin/env bash
# aligner.sh [minibwa|bwa-mem2]: makes an aligner in .venv/bin, of the C sources that a crate
# carries. Does nothing where one is found. Where the default, minibwa, cannot be made, says so and
# leaves bwa, which `aligner.name: auto` then takes; another one is made on request only, and fails.
set -euo pipefail
cd "$(dirname "$0")/.."

name=${1:-minibwa}
case $name in
    minibwa)
        version=0.2.0
        sha256=aafc2e29c024d4b9a49e94d7e8c76516456b3922040dcdaca49278a5a8978b62
        needs="cargo make gcc"
        duration=20
        # Without what is under the GPL (an index in less memory), and no allocator of its own.
        make=(--jobs "$(nproc)" gpl=0 mimalloc=0 minibwa)
        ;;
    bwa-mem2)
        version=0.1.1
        sha256=7a991ce7a8f9d26c9bdbc3e0ca368ab71cdc816d85d2759999fc86216847c03b
        needs="cargo make gcc g++"
        duration=40
        # For processors with AVX2 (all of the last ten years), not five programs for five kinds;
        # its Makefile leaves that out on ARM. Records do not depend on it.
        make=(CXX=g++ arch=avx2 EXE=bwa-mem2 all)
        ;;
    *)
        echo "setup: no sources of an aligner $name; expected minibwa or bwa-mem2" >&2
        exit 2
        ;;
esac
crate=$name-sys

give_up() {
    {
        echo "setup: no $name: $1."
        echo "  To have it: conda install bioconda::$name, or $needs and zlib's headers, and" \
            "make aligner ALIGNER=$name again"
    } >&2
    [[ $name == minibwa ]] || exit 1
    echo "  Reads are aligned by bwa, which takes about three times as long." >&2
    exit 0
}

PATH=$PWD/.venv/bin:$PATH
command -v "$name" >/dev/null && exit 0
for tool in $needs; do
    command -v "$tool" >/dev/null || give_up "$tool is not found"
done

echo "setup: $name from the crate $crate $version into .venv/bin (about $duration s of one core)"
scratch=$(mktemp --directory)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/src"
touch "$scratch/src/lib.rs"
printf '[package]\nname = "sources"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\n%s\n' \
    "$crate = \"=$version\"" >"$scratch/Cargo.toml"

# Only the sources are of use: bindings to Rust and what they depend on are not compiled.
timeout 120 cargo vendor --quiet --manifest-path "$scratch/Cargo.toml" "$scratch/vendor" \
    >/dev/null 2>"$scratch/log" || give_up "cargo: $(grep -m 1 . "$scratch/log" || echo failed)"
grep --quiet "\"package\":\"$sha256\"" "$scratch/vendor/$crate/.cargo-checksum.json" ||
    give_up "$crate $version is not what it was (its SHA-256 is another)"

sources=$scratch/vendor/$crate/vendor/$name
make --directory "$sources" "${make[@]}" >"$scratch/log" 2>&1 ||
    give_up "it does not compile: $(grep -m 1 'error' "$scratch/log" || tail -n 1 "$scratch/log")"
"$sources/$name" version >/dev/null 2>&1 || give_up "it does not run here"
install -m 755 "$sources/$name" ".venv/bin/$name.part"
mv ".venv/bin/$name.part" ".venv/bin/$name"
