# make demo    set up, make a toy genome project and run it to a loaded database
# make test    set up and run the tests (make fuzz: readers with many malformed inputs)
# make test-slurm  set up and run the tests on a SLURM cluster of several nodes on this machine
# make gatk    GATK, for calling.engine: gatk
# make lint    formats, types, dry runs
# make bench   benchmarks against the plain tools (bench-ngd: the database, bench-plan: planning)
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.PHONY: demo test test-fast test-slurm lint bench bench-plan bench-qc bench-audit bench-consent bench-dag bench-cluster bench-relatedness bench-mitochondrion bench-ploidy bench-de-novo bench-families bench-calling bench-aligners bench-ngd setup lock clean bench-encryption bench-sv fuzz

export PATH := $(CURDIR)/.venv/bin:$(PATH)
# The config and profile of `make demo`; any project directory will do.
CONFIG ?= demo/config.yaml
PROFILE ?= profiles/local

setup: .venv/installed tools aligner
	@if [[ "$(TOOLS)" == --test ]]; then setup/gatk.sh --optional; fi

# The tools from the system's packages, or a list of what is missing and how to get it.
.PHONY: tools
tools:
	@setup/tools.sh $(TOOLS)

# The default aligner, made of its sources where it can be; otherwise bwa stays, and it is said.
# ALIGNER=bwa-mem2 or bwa-mem3: that one, for aligner.name.
.PHONY: aligner
ALIGNER ?= minibwa
aligner: .venv/installed
	@setup/aligner.sh $(ALIGNER)

# GATK, for calling.engine: gatk (420 MB from Maven Central, once a clone).
.PHONY: gatk
gatk: .venv/installed
	@setup/gatk.sh

.venv/installed: requirements.lock pyproject.toml
	@setup/python.sh

demo: setup
	@if [[ "$(CONFIG)" == demo/config.yaml ]]; then wgs toy demo; fi
	@snakemake --profile $(PROFILE) --configfile $(CONFIG)
	@wgs report summary $(CONFIG)

# A process for each core, each with whole files of tests, so that what a file makes is made once.
test: TOOLS := --test
test: setup
	pytest --ignore tests/cluster --numprocesses auto --maxprocesses 4 --dist loadfile

test-fast: setup
	pytest tests/unit

test-slurm: TOOLS := --slurm
test-slurm: setup
	pytest tests/cluster

# Everything that reads what comes from outside, with 100,000 inputs that are nearly right.
INPUTS ?= 100000
fuzz: setup
	WGS_FUZZ_INPUTS=$(INPUTS) pytest -q -s tests/fuzz

# Eight loaders, compactions and erasures on one database, of which so many are killed at random.
.PHONY: test-kill
KILLS ?= 1000
test-kill: setup
	NGD_KILLS=$(KILLS) pytest -q --timeout 0 --durations=1 tests/faults/test_ngd_kill.py

lint: setup
	ruff check .
	ruff format --check .
	mypy src
	snakefmt --check Snakefile workflow
	setup/lint_workflow.sh

bench: setup
	python benchmarks/run.py

# Accuracy of every calling engine on real people with truth, and of options and filters.
.PHONY: bench-accuracy
bench-accuracy: setup gatk
	python -m benchmarks.accuracy --options

# CPU and memory that a run reserves and uses, on real reads (needs shared data): 1 to 24 times 8 MB.
.PHONY: bench-efficiency
COPIES ?= 1 4 12 24
bench-efficiency: setup
	python benchmarks/efficiency.py --copies $(COPIES)

# Capacity planning: 60,000 genomes over four years, a weekly re-plan, three policies.
bench-plan: setup
	python benchmarks/plan.py

# Snakemake's job graph: dry runs of 100, 1,000 and 5,000 samples. What a run takes to its first
# submission, and a job to start on a node: --measure submission node.
bench-dag: setup
	python benchmarks/dag.py

# 60,000 genomes on simulated clusters of 1,000 to 10,000 cores.
bench-cluster: setup
	python benchmarks/cluster_sim.py

# One pass over an alignment beside mosdepth and samtools stats; contamination of known mixtures.
bench-qc: setup
	python benchmarks/qc.py
	python benchmarks/contamination.py people
	python benchmarks/contamination.py real
	python benchmarks/contamination.py toy

# Access log: lines a second of eight writers.
bench-audit: setup
	python benchmarks/audit.py

# Genome shards: what their encryption costs, beside plain Parquet and Crypt4GH.
bench-encryption: setup
	python benchmarks/encryption.py

# Structural variants and copy number: planted events by kind and size, and a real deletion.
# truvari's dependencies are compiled as they are installed: a C compiler, zlib, bzip2, lzma.
bench-sv: setup
	.venv/bin/python -m pip install --quiet 'truvari>=5.4,<6'
	python benchmarks/structural.py planted --seeds 3
	python benchmarks/structural.py people

# The consent register: a million persons with five events each; decisions for one and for all.
bench-consent: setup
	python benchmarks/consent.py

# Kinship of every pair of 5,000 genomes, beside plink2.
bench-relatedness: setup
	python benchmarks/relatedness.py

# FASTQ to gVCF beside the step-by-step chain of comparable pipelines (needs gatk and real data), with
# the pipeline's default caller or ENGINE=gatk;
# the aligners beside one another on truth.
ENGINE ?= bcftools
bench-calling: setup gatk
	python benchmarks/calling.py --engine $(ENGINE)

bench-aligners: setup
	python benchmarks/aligners.py

# Heterozygous bases, by which copies of X are told, against truth on real reads.
bench-ploidy: setup
	python benchmarks/heterozygosity.py

# Planted heteroplasmies: ours, without the turned reference, freebayes.
bench-mitochondrion: setup
	python benchmarks/mitochondrion.py

# A trio of a million records, beside bcftools.
bench-families: setup
	python benchmarks/families.py

# New alleles of 20 toy trios at 30x and 15x, beside bcftools +trio-dnm2.
bench-de-novo: setup
	python benchmarks/de_novo.py

# The National Genome Database with simulated cohorts, beside bcftools, VCF-Zarr and TileDB.
PERSONS ?= 1000 10000 60000
REGION_MB ?= 1
CALLABLE ?= bcftools
bench-ngd: setup
	.venv/bin/python -m pip install --quiet --no-build-isolation --editable '.[bench]'
	python -m benchmarks.ngd --persons $(PERSONS) --region-mb $(REGION_MB) --callable $(CALLABLE)

# Time and peak memory of loading one gVCF of as many records as a whole genome has (needs real data).
.PHONY: bench-load
RECORDS ?= 60000000
bench-load: setup
	python benchmarks/whole_gvcf.py --records $(RECORDS)

# Pins every Python package with its hashes; needs the network.
lock: .venv/installed
	.venv/bin/python -m pip install --quiet uv
	uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links \
		--no-annotate --no-header --python-version 3.11 --extra workflow --extra dev \
		pyproject.toml --output-file requirements.lock

clean:
	rm -rf demo
