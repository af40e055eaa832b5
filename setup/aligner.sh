#!/usr/bin/env bash
# aligner.sh [minibwa|bwa-mem2|bwa-mem3]: makes an aligner in .venv/bin, of the sources that crates
# carry. Does nothing where one is found. Where the default, minibwa, cannot be made, says so and
# leaves bwa, which `aligner.name: auto` then takes; another one is made on request only, and fails.
set -euo pipefail
cd "$(dirname "$0")/.."

name=${1:-minibwa}
# Crates with version and SHA-256, the aligner's own first.
case $name in
    minibwa)
        crates=(minibwa-sys 0.2.0 aafc2e29c024d4b9a49e94d7e8c76516456b3922040dcdaca49278a5a8978b62)
        needs=(cargo make gcc)
        seconds=20
        ;;
    bwa-mem2)
        crates=(bwa-mem2-sys 0.1.1 7a991ce7a8f9d26c9bdbc3e0ca368ab71cdc816d85d2759999fc86216847c03b)
        needs=(cargo make gcc g++)
        seconds=40
        ;;
    bwa-mem3)
        crates=(
            bwa-mem3-sys 0.4.4 d1c86e0aa977c7b96e50452faeeb881297deba727814522114c24c116f2294ad
            libsais-sys 0.2.0 4ec495a2918bacd868428951b45b9b3fb9464840e2ac559462c4370d6fa2c404
            libz-ng-sys 1.1.33 922f69da893772fd14ea9118138d1111f89830a9753438ddf69987f24600cb63
        )
        needs=(cargo make cmake gcc g++)
        seconds=200
        ;;
    *)
        echo "setup: no sources of an aligner $name; expected minibwa, bwa-mem2 or bwa-mem3" >&2
        exit 2
        ;;
esac

give_up() {
    {
        echo "setup: no $name: $1."
        echo "  To have it: conda install bioconda::$name, or ${needs[*]}, headers of zlib and" \
            "htslib, and make aligner ALIGNER=$name again"
    } >&2
    [[ $name == minibwa ]] || exit 1
    echo "  Reads are aligned by bwa, which takes about three times as long." >&2
    exit 0
}

# Each is called in the folder of the aligner's sources, with the folder of the crates.
make_minibwa() {
    # Without what is under the GPL (an index in less memory), and no allocator of its own.
    make --jobs "$(nproc)" gpl=0 mimalloc=0 minibwa
}

make_bwa-mem2() {
    # For processors with AVX2 (all of the last ten years), not five programs for five kinds; on
    # ARM its Makefile leaves that out. Records do not depend on it. One job: its parts race.
    make CXX=g++ arch=avx2 EXE=bwa-mem2 all
}

make_bwa-mem3() {
    # The crate is without the libraries that only the command needs.
    cp -r "$1/libsais-sys/libsais" "$1/libz-ng-sys/src/zlib-ng" ext
    mkdir scripts
    printf '#!/bin/sh\ncat version.txt\n' >scripts/version.sh
    chmod +x scripts/version.sh
    # It would rather have a newer compiler, for speed.
    make --jobs "$(nproc)" ALLOW_UNSUPPORTED_COMPILER=1 USE_MIMALLOC=0 CXX=g++ \
        HTS_LIB="$(gcc -print-file-name=libhts.so)" single
}

PATH=$PWD/.venv/bin:$PATH
command -v "$name" >/dev/null && exit 0
for tool in "${needs[@]}"; do
    command -v "$tool" >/dev/null || give_up "$tool is not found"
done

echo "setup: $name from the crate ${crates[0]} ${crates[1]} into .venv/bin" \
    "(about $seconds s of one core)"
scratch=$(mktemp --directory)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/src"
touch "$scratch/src/lib.rs"
{
    printf '[package]\nname = "sources"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\n'
    printf '%s = "=%s" # %s\n' "${crates[@]}"
} >"$scratch/Cargo.toml"

# Only the sources are of use: bindings to Rust and what they depend on are not compiled.
timeout 120 cargo vendor --quiet --manifest-path "$scratch/Cargo.toml" "$scratch/vendor" \
    >/dev/null 2>"$scratch/log" || give_up "cargo: $(grep -m 1 . "$scratch/log" || echo failed)"
while read -r crate version sha256; do
    grep --quiet "\"package\":\"$sha256\"" "$scratch/vendor/$crate/.cargo-checksum.json" ||
        give_up "$crate $version is not what it was (its SHA-256 is another)"
done < <(printf '%s %s %s\n' "${crates[@]}")

sources=$scratch/vendor/${crates[0]}/vendor/$name
(cd "$sources" && "make_$name" "$scratch/vendor") >"$scratch/log" 2>&1 ||
    give_up "it does not compile: $(grep -m 1 'error' "$scratch/log" || tail -n 1 "$scratch/log")"
"$sources/$name" version >/dev/null 2>&1 || give_up "it does not run here"
install -m 755 "$sources/$name" ".venv/bin/$name.part"
mv ".venv/bin/$name.part" ".venv/bin/$name"
