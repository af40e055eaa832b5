#!/usr/bin/env bash
# Sees to the command-line tools: installs what is missing from Debian's packages when run as root,
# otherwise lists what is missing and how to get it. With --test, also what only tests need; with
# --slurm, what the tests on a SLURM cluster need.
set -euo pipefail

declare -A package=(
    [bwa]=bwa [samtools]=samtools [bcftools]=bcftools [tabix]=tabix [bgzip]=tabix
    [mosdepth]=mosdepth [fastp]=fastp [freebayes]=freebayes
    [delly]=delly
)
if [[ ${1:-} == --test ]]; then
    package+=(
        [chromium]=chromium [chromedriver]=chromium-driver [plink2]=plink2
        [PicardCommandLine]=picard-tools
    )
elif [[ ${1:-} == --slurm ]]; then
    PATH+=:/usr/sbin:/sbin
    package+=(
        [slurmctld]=slurmctld [slurmd]=slurmd [sbatch]=slurm-client [slurmdbd]=slurmdbd
        [munged]=munge [mariadbd]=mariadb-server
    )
fi

missing() {
    for tool in "${!package[@]}"; do
        command -v "$tool" >/dev/null || echo "$tool"
    done
    # Debian's mosdepth loads libhts.so by its development name.
    if command -v mosdepth >/dev/null && ! mosdepth --version >/dev/null 2>&1; then
        echo libhts
    fi
}

wanted=$(missing)
[[ -z $wanted ]] && exit 0

debian=(libhts-dev)
for tool in $wanted; do
    [[ $tool == libhts ]] || debian+=("${package[$tool]}")
done

if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    echo "setup: installing ${debian[*]} from the system's packages"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update --quiet=2
    apt-get install --yes --quiet=2 --no-install-recommends "${debian[@]}" >/dev/null
    wanted=$(missing)
fi

if [[ -n $wanted ]]; then
    {
        echo "setup: missing tools:" $wanted
        echo "  Debian or Ubuntu, as root:  apt-get install ${debian[*]}"
        echo "  elsewhere: the pinned conda environments in workflow/envs, with"
        echo "             snakemake --sdm conda --profile profiles/local --configfile CONFIG"
    } >&2
    exit 1
fi
