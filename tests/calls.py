"""The workflow's rules that call one sample, run on an alignment without the workflow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pysam

from rules import run_rule
from wgs_pipeline import reference
from wgs_pipeline.engines import ENGINES

PADDING = 1000
BANDS = "0,5,10,15,20,30"
CALLING = {
    "min_mapping_quality": 20, "min_base_quality": 20, "java_options": "-Xmx2000m -XX:+UseSerialGC",
    "failing": 'N_PASS(GT="alt") > 0 && (QUAL < 20 || FORMAT/DP < 5)',
}  # fmt: skip
#: Rule that calls a piece with each engine, and the name of its output.
RULES = {
    "bcftools": ("call_piece", "gvcf"),
    "freebayes": ("call_variants_piece", "vcf"),
    "gatk": ("call_haplotypes_piece", "gvcf"),
}


@dataclass(frozen=True)
class Aligned:
    """An alignment and its reference, laid out as the workflow does.

    Attributes:
        folder: Holds all the paths.
        sample: sample_id.
        genome: fasta, fai and dictionary.
        alignment: cram and crai.
    """

    folder: Path
    sample: str
    genome: dict[str, str]
    alignment: dict[str, str]

    @property
    def depth(self) -> dict[str, str]:
        return {
            "bands": "qc/mosdepth.quantized.bed.gz",
            "last_bases": "qc/mosdepth.regions.bed.gz",
        }

    @classmethod
    def prepare(cls, folder: Path, sample: str, fasta: Path) -> Aligned:
        """Lay out a reference; the alignment is to be written."""
        genome = {"fasta": "reference/genome.fa"}
        (folder / "reference").mkdir()
        (folder / genome["fasta"]).symlink_to(fasta)
        pysam.faidx(str(folder / genome["fasta"]))
        genome["fai"] = "reference/genome.fa.fai"
        genome["dictionary"] = "reference/genome.dict"
        run_rule(
            folder, "engines/gatk.smk", "make_dictionary", input=genome,
            output={"dictionary": genome["dictionary"]},
        )  # fmt: skip
        regions = reference.known_intervals(folder / genome["fasta"])
        (folder / "reference/regions.bed").write_text(reference.format_bed(regions))
        alignment = {"cram": f"alignment/{sample}.cram", "crai": f"alignment/{sample}.cram.crai"}
        return cls(folder, sample, genome, alignment)

    def list_ploidy(self, sex: str, par: str = "") -> None:
        run_rule(
            self.folder, "reference.smk", "list_ploidy", input=self.genome,
            output={
                "ploidy": "reference/ploidy.bed",
                "header": "reference/ploidy.hdr",
                "json": "reference/ploidy.json",
            },
            wildcards={"sample": self.sample},
            params={"contigs": "", "par": par, "sex": sex, "evidence": "", "most_copies": ""},
        )  # fmt: skip

    def measure_depth(self) -> None:
        run_rule(
            self.folder, "qc.smk", "measure_depth",
            input={**self.genome, **self.alignment}, output=self.depth,
            params={
                "min_mapping_quality": 20, "prefix": "qc/mosdepth", "folder": "qc",
                "bands": "0:1:5:10:15:20:30",
            },
        )  # fmt: skip

    def scatter(self, pieces: int, engine: str) -> list[str]:
        """Call every piece; the paths of what was called."""
        rule, output = RULES[engine]
        at_gaps = "--at-gaps" if ENGINES[engine].at_gaps else ""
        where = f"{engine}{pieces}"
        run_rule(
            self.folder, "reference.smk", "scatter_intervals", input=self.genome,
            output={"core": f"{where}/0000.bed"},
            params={"pieces": pieces, "padding": PADDING, "outdir": where, "at_gaps": at_gaps},
        )  # fmt: skip
        called = []
        for number in range(pieces):
            called.append(f"{where}/{number:04d}.vcf.gz")
            intervals = {
                "core": f"{where}/{number:04d}.bed",
                "padded": f"{where}/{number:04d}.padded.bed",
            }
            run_rule(
                self.folder, f"engines/{engine}.smk", rule,
                input={
                    **self.genome, **self.alignment, **intervals, "ploidy": "reference/ploidy.bed"
                },
                output={output: called[-1]}, wildcards={"sample": self.sample},
                params={
                    **CALLING, "bands": BANDS, "sexes": f"{self.sample} {self.sample}",
                    "proceeds": "true",
                },
            )  # fmt: skip
        return called

    def call(self, pieces: int, engine: str) -> Path:
        """The gVCF of a call over ``pieces``, proved complete by its rule."""
        output = f"{engine}.{pieces}.g.vcf.gz"
        called = self.scatter(pieces, engine)
        run_rule(
            self.folder, f"engines/{engine}.smk", "gather_gvcf",
            params={"bands": BANDS, "proceeds": "true"},
            output={"gvcf": output, "tbi": f"{output}.tbi", "json": f"{output}.json"},
            wildcards={"sample": self.sample},
            input={
                **self.genome, "pieces": called, "depth": self.depth["bands"],
                "last_bases": self.depth["last_bases"], "ploidy": "reference/ploidy.bed",
                "header": "reference/ploidy.hdr", "regions": "reference/regions.bed",
            },
        )  # fmt: skip
        return self.folder / output
