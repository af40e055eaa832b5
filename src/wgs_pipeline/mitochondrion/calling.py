"""Call a sample's mitochondrion: its reads aligned to both cuts of the circle, alleles counted."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pysam

from wgs_pipeline.errors import WgsError
from wgs_pipeline.files import replacing
from wgs_pipeline.metrics.pipes import read_pipe
from wgs_pipeline.mitochondrion.circle import Cut
from wgs_pipeline.mitochondrion.heteroplasmy import (
    FILTERS,
    Alleles,
    filters,
    join,
    possible_numts,
    qualities,
)
from wgs_pipeline.reference import open_fasta

#: Secondary, failed, duplicate and supplementary reads: what is aligned anew is each read once.
_NOT_READS = "0xF00"
#: Bases that bwa aligns at a time: fixed, so that the result does not depend on the threads.
_BATCH = "100000000"
#: A limit of bcftools mpileup, which drops reads beyond it.
_MOST_DEPTH = "1000000"
#: Reads, and share of the reads, of an indel that mpileup lists.
_INDEL_READS, _INDEL_SHARE = "3", "0.005"
#: Fewer reads with an allele are not listed, whatever their share.
_LEAST_READS = 3
_COLUMNS = ("position", "ref", "alt", "depth", "forward", "reverse")


@dataclass(frozen=True)
class Sample:
    """A sample's alignment.

    Attributes:
        name: sample_id.
        cram: CRAM or BAM, sorted and indexed.
        fasta: Its reference, indexed.
        contig: Name of the mitochondrial contig.
        autosome_depth: Mean depth of the autosomes; None: not known, and NUMTs are not flagged.
    """

    name: str
    cram: Path
    fasta: Path
    contig: str
    autosome_depth: float | None = None


@dataclass(frozen=True)
class Settings:
    """What is called and what passes.

    Attributes:
        min_heteroplasmy: Least share of the reads with an allele.
        min_depth: Least reads at a site that passes.
        min_quality: Least QUAL that passes (Phred).
        homoplasmy: From this share on the genotype is 1, below it 0/1.
        min_mapping_quality: Reads below it do not count (Phred).
        min_base_quality: Bases likewise.
    """

    min_heteroplasmy: float = 0.03
    min_depth: int = 100
    min_quality: float = 30.0
    homoplasmy: float = 0.95
    min_mapping_quality: int = 20
    min_base_quality: int = 20


def call(sample: Sample, settings: Settings, output: Path, threads: int = 1) -> int:
    """Write the alleles of a sample's mitochondrion as bgzip VCF.

    Args:
        sample: The sample.
        settings: What is called.
        output: VCF to write; a FORMAT field AF is the heteroplasmy.
        threads: Threads that align.

    Returns:
        Alleles left out because their REF reaches over the end of the reference.

    Raises:
        WgsError: A tool is missing or fails, or the reference has no such contig.
    """
    with open_fasta(sample.fasta) as file:
        if sample.contig not in file.references:
            raise WgsError(
                f"{sample.fasta}: has no contig {sample.contig}; expected the mitochondrion. "
                "Correct reference.mitochondrion"
            )
        lengths = dict(zip(file.references, file.lengths, strict=True))
        sequence = file.fetch(sample.contig).upper()
    alleles = count_alleles(sample, sequence, settings, Cut.both(len(sequence)), threads)
    enough = alleles.alt_reads.sum(axis=1) >= _LEAST_READS
    enough &= alleles.share >= settings.min_heteroplasmy
    alleles = alleles.take(np.flatnonzero(enough))
    ends = alleles.position + [len(each) for each in alleles.ref]
    inside = np.flatnonzero(ends <= len(sequence))
    kept = alleles.take(inside)
    with replacing(output) as temporary, pysam.BGZFile(str(temporary), "wb") as vcf:
        vcf.write("".join(_header(sample, settings, lengths)).encode())
        vcf.write("".join(_records(sample, settings, kept)).encode())
    return len(alleles) - len(inside)


def count_alleles(
    sample: Sample, sequence: str, settings: Settings, cuts: Sequence[Cut], threads: int = 1
) -> Alleles:
    """Count alleles on each cut of the circle; those that are trusted where there are two cuts.

    Args:
        sample: The sample.
        sequence: The mitochondrion of the reference.
        settings: Qualities of the reads and bases that count.
        cuts: Where the circle is cut; of one cut everything is taken.
        threads: Threads that align.

    Raises:
        WgsError: A tool is missing or fails.
    """
    parts = []
    with tempfile.TemporaryDirectory() as folder:
        reads = Path(folder, "reads.fq")
        extract_reads(sample, reads)
        for number, cut in enumerate(cuts):
            reference = Path(folder, f"cut{number}.fa")
            reference.write_text(f">{sample.contig}\n{cut.sequence(sequence)}\n", encoding="ascii")
            found = _pile_up(align_reads(reads, reference, threads), reference, settings)
            if len(cuts) > 1:
                found = found.take(np.flatnonzero(cut.trusts(found.position)))
            lifted = cut.lift(found.position)
            parts.append(
                Alleles(lifted, found.ref, found.alt, found.depth, found.ref_reads, found.alt_reads)
            )
    return join(parts)


def extract_reads(sample: Sample, reads: Path) -> None:
    """Write the reads that are aligned to the mitochondrion, mates one after another."""
    with_reads = ["samtools", "view", "--uncompressed", "--reference", str(sample.fasta)]
    spill = str(reads.with_suffix(".collate"))
    read_pipe(
        [
            [*with_reads, str(sample.cram), sample.contig],
            ["samtools", "collate", "-u", "-O", "-", spill],
            ["samtools", "fastq", "-F", _NOT_READS, "-o", str(reads), "-0", str(reads), "-"],
        ]
    )


def align_reads(reads: Path, reference: Path, threads: int) -> Path:
    """Align the reads to one cut; the sorted BAM."""
    bam = reference.with_suffix(".bam")
    read_pipe([["bwa", "index", str(reference)]])
    read_pipe(
        [
            [
                "bwa",
                "mem",
                "-t",
                str(threads),
                "-K",
                _BATCH,
                "-Y",
                "-p",
                str(reference),
                str(reads),
            ],
            ["samtools", "sort", "--no-PG", "-o", str(bam), "-"],
        ]
    )
    return bam


def _pile_up(bam: Path, reference: Path, settings: Settings) -> Alleles:
    """Every allele that reads show on one cut, left-aligned, with the reads of each strand."""
    pileup = [
        "bcftools", "mpileup", "--fasta-ref", str(reference), "--no-version", "--count-orphans",
        "--min-MQ", str(settings.min_mapping_quality), "--min-BQ", str(settings.min_base_quality),
        "--max-depth", _MOST_DEPTH, "--max-idepth", _MOST_DEPTH,
        "--min-ireads", _INDEL_READS, "--gap-frac", _INDEL_SHARE,
        "--annotate", "FORMAT/DP,FORMAT/ADF,FORMAT/ADR", "--output-type", "u", str(bam),
    ]  # fmt: skip
    split = ["bcftools", "norm", "--multiallelics", "-any", "--fasta-ref", str(reference), "-Ou"]
    only = ["bcftools", "view", "--exclude", 'ALT="<*>" || ALT="." || REF~"N"', "-Ou"]
    shape = "%POS0\\t%REF\\t%ALT[\\t%DP\\t%ADF\\t%ADR]\\n"
    text = read_pipe([pileup, split, only, ["bcftools", "query", "-f", shape]])
    if not text:
        none = np.zeros(0, np.int64)
        return Alleles(none, [], [], none, none.reshape(0, 2), none.reshape(0, 2))
    table = pacsv.read_csv(
        io.BytesIO(text),
        pacsv.ReadOptions(column_names=list(_COLUMNS)),
        pacsv.ParseOptions(delimiter="\t", quote_char=False),
        pacsv.ConvertOptions(
            column_types=dict.fromkeys(("ref", "alt", "forward", "reverse"), pa.string())
        ),
    )
    ref_reads, alt_reads = (
        np.stack([_reads(table[strand], allele) for strand in ("forward", "reverse")], axis=1)
        for allele in (0, 1)
    )
    return Alleles(
        table["position"].to_numpy(),
        table["ref"].to_pylist(),
        table["alt"].to_pylist(),
        table["depth"].to_numpy(),
        ref_reads,
        alt_reads,
    )


def _reads(column: pa.ChunkedArray, allele: int) -> np.ndarray:
    """Reads of REF (0) or ALT (1), from pairs with a comma between."""
    number = pc.list_element(pc.split_pattern(column, ","), allele)
    return np.asarray(pc.cast(number, pa.int64()).to_numpy())


def _header(sample: Sample, settings: Settings, lengths: Mapping[str, int]) -> list[str]:
    lines = [
        "##fileformat=VCFv4.2\n",
        '##FILTER=<ID=PASS,Description="All filters passed">\n',
        *(f'##FILTER=<ID={name},Description="{text}">\n' for name, text in FILTERS.items()),
        '##INFO=<ID=PossibleNumt,Number=0,Type=Flag,Description="No more reads with the allele '
        'than a copy of the mitochondrion in the nuclear genome would give">\n',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="1: in (nearly) all copies; 0/1: in '
        f'fewer than {settings.homoplasmy:g} of the reads">\n',
        '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Reads">\n',
        '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Reads of each allele">\n',
        '##FORMAT=<ID=AF,Number=A,Type=Float,Description="Heteroplasmy: reads with the allele '
        'among all reads">\n',
        '##FORMAT=<ID=ADF,Number=R,Type=Integer,Description="AD on the forward strand">\n',
        '##FORMAT=<ID=ADR,Number=R,Type=Integer,Description="AD on the reverse strand">\n',
        "##wgs_pipeline_mitochondrion=<ID=settings,"
        f"MinHeteroplasmy={settings.min_heteroplasmy:g},MinDepth={settings.min_depth},"
        f"MinQuality={settings.min_quality:g}>\n",
        *(f"##contig=<ID={name},length={length}>\n" for name, length in lengths.items()),
    ]
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
    return [*lines, "\t".join([*columns, sample.name]) + "\n"]


def _records(sample: Sample, settings: Settings, alleles: Alleles) -> list[str]:
    quality = qualities(alleles)
    failed = filters(alleles, quality, settings.min_quality, settings.min_depth)
    numt = np.zeros(len(alleles), np.bool_)
    if sample.autosome_depth is not None:
        numt = possible_numts(alleles, sample.autosome_depth)
    lines = []
    for row, share in enumerate(alleles.share.tolist()):
        ref, alt = alleles.ref_reads[row], alleles.alt_reads[row]
        genotype = "1" if share >= settings.homoplasmy else "0/1"
        call_ = (
            f"{genotype}:{alleles.depth[row]}:{ref.sum()},{alt.sum()}:{share:.4g}:"
            f"{ref[0]},{alt[0]}:{ref[1]},{alt[1]}"
        )
        fields = (
            sample.contig, alleles.position[row] + 1, ".", alleles.ref[row], alleles.alt[row],
            f"{quality[row]:.4g}", ";".join(failed[row]) or "PASS",
            "PossibleNumt" if numt[row] else ".", "GT:DP:AD:AF:ADF:ADR", call_,
        )  # fmt: skip
        lines.append("\t".join(map(str, fields)) + "\n")
    return lines
