#!/usr/bin/env bash
# Lints the workflow and dry-runs it under every shipped profile and config.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=$(mktemp --directory)
trap 'rm -rf "$scratch"' EXIT
wgs toy "$scratch/toy" --scale 0.1 >/dev/null

# The example names files that a user would have: empty ones stand in for them.
cp --recursive config "$scratch/config"
python - "$scratch/config/config.yaml" <<'PYTHON'
import sys

from wgs_pipeline.project import Project

project = Project.load(sys.argv[1])
reference = project.config.reference
inputs = [path for units in project.units.values() for unit in units for path in unit.paths]
for path in [reference.fasta, reference.par_bed, *inputs]:
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
PYTHON

snakemake --lint --configfile "$scratch/toy/config.yaml"
for profile in profiles/*/; do
    for config in "$scratch"/{toy,config}/config.yaml; do
        engines=(bcftools freebayes)
        [[ $profile != profiles/slurm/ ]] || engines+=(gatk deepvariant)
        for engine in "${engines[@]}"; do
            echo "dry run: ${profile%/}, ${config#"$scratch"/}, $engine"
            snakemake --dry-run --quiet all --profile "${profile%/}" --configfile "$config" \
                --config "calling={engine: $engine}" >"$scratch/log" 2>&1 ||
                { cat "$scratch/log"; exit 1; }
        done
    done
done
