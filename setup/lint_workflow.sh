#!/usr/bin/env bash
# Lints the workflow and dry-runs it under every shipped profile and config.
set -euo pipefail
cd "$(dirname "$0")/.."

project=$(mktemp --directory)
trap 'rm -rf "$project"' EXIT
wgs toy "$project/toy" --scale 0.1 >/dev/null

snakemake --lint --configfile "$project/toy/config.yaml"
for profile in profiles/*/; do
    for config in "$project/toy/config.yaml" config/config.yaml; do
        echo "dry run: $profile $config"
        snakemake --dry-run --quiet all --profile "$profile" --configfile "$config" \
            --config results="$project/results"
    done
done
