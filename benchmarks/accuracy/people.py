"""The real people of the benchmark: their reads, their truth, and runs of the workflow on them."""

from __future__ import annotations

import csv
import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[2]
DATA = Path(os.environ.get("WGS_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
REFERENCE = DATA / "ref-b37-chr20/b37.chr20.windows.fa.gz"
#: Of HG002's truth, moved here from GRCh38 by a constant: GRCh37 lacks a base at 57,064 that the
#: person has, so the truth between it and the end of that window is one base off.
SHIFTED = {"20_44884502_44970315": (57_000, 57_600)}


@dataclass(frozen=True)
class TruthSet:
    """One person with truth: who, in which family, and where the truth is."""

    title: str
    sample: str
    family: str
    folder: str
    stem: str

    @property
    def vcf(self) -> Path:
        """Variants of the truth."""
        return DATA / self.folder / f"{self.stem}.truth.cut.vcf.gz"

    @property
    def bed(self) -> Path:
        """Where the truth is complete."""
        return DATA / self.folder / f"{self.stem}.truth.cut.bed"


SETS = (
    TruthSet("HG002, 62x", "HG002", "HG002", "giab-hg002-chr20", "HG002"),
    TruthSet("HG001, 51x", "HG001", "HG001", "giab-hg001-chr20", "NA12878"),
    TruthSet("CEU trio, child 26x", "NA12878", "CEPH1463", "trio-ceu-chr20", "NA12878"),
)
_SAMPLES = """\
sample_id\tpatient_id\tsex\tfamily_id\tfather_id\tmother_id
HG002\tSYN-HG002\tmale\t\t\t
HG001\tSYN-HG001\tfemale\t\t\t
NA12878\tSYN-NA12878\tfemale\tCEPH1463\tNA12891\tNA12892
NA12891\tSYN-NA12891\tmale\tCEPH1463\t\t
NA12892\tSYN-NA12892\tfemale\tCEPH1463\t\t
"""
_PEOPLE = ("HG002", "HG001", "NA12878", "NA12891", "NA12892")
_MOMENT = "2024-01-01T00:00:00Z"


def _lanes(folder: str, sample: str | None = None) -> Iterable[str]:
    with (DATA / folder / "units.tsv").open() as file:
        for row in csv.DictReader(file, delimiter="\t"):
            name = sample or row["sample"]
            reads = [DATA / folder / row[key] for key in ("fq1", "fq2")]
            lane = (row.get("flowcell", "FLOWCELL"), row.get("lane", "L001"))
            yield "\t".join(map(str, (name, f"{name}_A", *lane, *reads)))


def _units(crams: Path | None) -> str:
    if crams is not None:
        lines = [f"{name}\t{crams / name}.cram" for name in _PEOPLE]
        return "\n".join(["sample_id\tcram", *lines]) + "\n"
    header = "sample_id\tlibrary_id\tflowcell\tlane\tfastq_1\tfastq_2"
    lanes = [*_lanes("giab-hg002-chr20"), *_lanes("giab-hg001-chr20", "HG001")]
    return "\n".join([header, *lanes, *_lanes("trio-ceu-chr20")]) + "\n"


def call(
    folder: Path,
    calling: Mapping[str, object],
    aligner: str = "auto",
    crams: Path | None = None,
    cores: int = 2,
) -> Path:
    """Run the workflow up to the callsets; the folder of the results.

    Args:
        folder: Of the project; one that is there goes on where it stopped.
        calling: Section ``calling`` of the configuration.
        aligner: ``aligner.name`` of the configuration.
        crams: Folder of the alignments; None: they are made of the reads.
        cores: For the whole run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "samples.tsv").write_text(_SAMPLES)
    (folder / "units.tsv").write_text(_units(crams))
    consents = [f"SYN-{name}\tanalysis\tgiven\t{_MOMENT}\t{_MOMENT}\tform\n" for name in _PEOPLE]
    columns = "patient_id\tscope\tdecision\teffective_from\trecorded_at\tsource\n"
    (folder / "consents.tsv").write_text(columns + "".join(consents))
    config = {
        **{name: f"{name}.tsv" for name in ("samples", "units", "consents")},
        "results": "results",
        "reference": {"build": "GRCh37-windows", "fasta": str(REFERENCE)},
        "ngd": {"root": "ngd", "vault": "vault"},
        "aligner": {"name": aligner},
        "calling": {"scatter_count": 2, **calling},
        "qc": {"early_stop": False},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    targets = [f"callset/{each.family}.vcf.gz.tbi" for each in SETS]
    command = ["snakemake", "--profile", "profiles/local", "--cores", str(cores), "--configfile"]
    done = subprocess.run(
        [*command, folder / "config.yaml", "--", *targets],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{folder}: the run failed\n{done.stdout}{done.stderr}")
    return folder / "results"


_CALLING = ("call_piece", "call_variants_piece", "call_haplotypes_piece", "call_family_piece",
            "genotype_family_piece", "gather_gvcf", "gather_callset", "merge_callset")  # fmt: skip


def seconds(results: Path) -> tuple[float, float]:
    """Wall and processor seconds of all jobs that called."""
    wall = processor = 0.0
    for rule in _CALLING:
        for path in (results / "benchmarks" / rule).glob("*.tsv"):
            with path.open() as file:
                for row in csv.DictReader(file, delimiter="\t"):
                    wall += float(row["s"])
                    processor += float(row["cpu_time"])
    return wall, processor
