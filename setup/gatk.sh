#!/usr/bin/env bash
# Sees to GATK, for calling.engine: gatk. Where none is on PATH, resolves it from Maven Central with
# all that it needs (363 jars, 419 MB; pinned in gatk-pom.xml, checked against gatk.sha256) into
# .venv/gatk, with a launcher in .venv/bin. Once a clone. With --optional, says what is missing and
# succeeds: only the tests that call with GATK are then skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly version=4.6.2.0 longest_s=1200
readonly home=$PWD/.venv/gatk launcher=$PWD/.venv/bin/gatk

give_up() {
    {
        echo "setup: no GATK: $1"
        echo "  calling.engine: gatk needs it; the other engines do not. Set it up with: make gatk"
        echo "  elsewhere: the pinned conda environment workflow/envs/gatk.yaml, with"
        echo "             snakemake --sdm conda --profile profiles/local --configfile CONFIG"
    } >&2
    [[ $optional == --optional ]] && exit 0
    exit 1
}

java_version() {
    java -version 2>&1 | sed -nE 's/^[a-z]+ version "([0-9]+).*/\1/p'
}

install_java() {
    if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
        echo "setup: installing Java and Maven from the system's packages"
        export DEBIAN_FRONTEND=noninteractive
        apt-get update --quiet=2
        apt-get install --yes --quiet=2 --no-install-recommends openjdk-17-jre-headless maven \
            >/dev/null
    fi
}

optional=${1:-}
[[ -x $launcher && -d $home/$version ]] && exit 0
if [[ ! -e $launcher ]] && command -v gatk >/dev/null; then
    exit 0
fi
if ! command -v mvn >/dev/null || ! command -v java >/dev/null; then
    install_java || true
fi
command -v java >/dev/null || give_up "no java on PATH; expected Java 17 (openjdk-17-jre-headless)"
command -v mvn >/dev/null || give_up "no mvn on PATH; expected Maven (maven)"
(($(java_version) >= 17)) || give_up "Java $(java_version) on PATH; expected Java 17 or newer"

echo "setup: GATK $version into .venv/gatk (about 420 MB, once)"
mkdir -p "$home"
part=$(mktemp --directory "$home/XXXXXX.part")
trap 'rm -rf "$part"' EXIT
if ! timeout "$longest_s" mvn --batch-mode --quiet --strict-checksums --file setup/gatk-pom.xml \
    dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$part" \
    >"$home/log" 2>&1; then
    give_up "Maven Central cannot be reached, or resolves no GATK; see .venv/gatk/log"
fi
if ! (cd "$part" && sha256sum --check --strict --quiet) <setup/gatk.sha256 >>"$home/log" 2>&1; then
    give_up "what Maven brought is not what setup/gatk.sha256 lists; see .venv/gatk/log"
fi
rm -rf "${home:?}/$version" "$home/classes.jsa"
mv "$part" "$home/$version"
# Its classes as Java has them in memory: a start takes half as long. Made with the jars where they
# stay, and left out by Java where it does not fit.
java -XX:ArchiveClassesAtExit="$home/classes.jsa" -cp "$home/$version/*" \
    org.broadinstitute.hellbender.Main HaplotypeCaller --help >>"$home/log" 2>&1 || true

# As GATK's own launcher: --java-options first, then the tool.
cat >"$launcher.part" <<'LAUNCHER'
#!/usr/bin/env bash
set -euo pipefail
options=()
if [[ ${1:-} == --java-options ]]; then
    read -ra options <<<"$2"
    shift 2
fi
exec java -Xshare:auto -XX:SharedArchiveFile="HOME/classes.jsa" "${options[@]}" \
    -Dsamjdk.use_async_io_read_samtools=false -Dsamjdk.use_async_io_write_samtools=true \
    -Dsamjdk.use_async_io_write_tribble=false -Dsamjdk.compression_level=2 \
    -cp "HOME/VERSION/*" org.broadinstitute.hellbender.Main "$@"
LAUNCHER
sed -i "s|HOME|$home|g; s|VERSION|$version|" "$launcher.part"
chmod +x "$launcher.part"
mv "$launcher.part" "$launcher"
