"""Bases with reads at both ends of contigs and of reads, called and proved with the real tools."""

import random
import shutil
from collections import Counter

import pysam
import pytest

from calls import RULES, Aligned
from rules import need
from wgs_pipeline.engines import ENGINES
from wgs_pipeline.errors import GvcfError
from wgs_pipeline.gvcf import verify_coverage
from wgs_pipeline.gvcf.depth import LastBases, depth_tables

SAMPLE = "S1"
LENGTH = 400
SECONDARY, DUPLICATE, SUPPLEMENTARY = 0x100, 0x400, 0x800
#: Reads by contig: 1-based first base, CIGAR, mapping quality, flags, base quality.
READS = {
    "whole": [(1, "400M", 60, 0, 35)] * 12,
    "all_but_last": [(300, "100M", 60, 0, 35)],
    "all_but_first": [(2, "100M", 60, 0, 35)],
    "first_only": [(1, "60S1M", 60, 0, 35), (200, "50M", 60, 0, 35)],
    "last_only": [(301, "98M", 60, 0, 35), (400, "60S1M", 60, 0, 35)],
    "last_is_shallow": [*[(300, "100M", 60, 0, 35)] * 6, (351, "50M", 60, 0, 35)],
    "last_is_deep": [(300, "101M", 60, 0, 35), *[(400, "60S1M", 60, 0, 35)] * 8],
    "deletion": [(301, "50M40D10M", 60, 0, 35), (101, "50M40D50M", 60, 0, 35)],
    "low_base_quality": [(301, "100M", 60, 0, 2)],
    "low_mapping_quality": [(1, "400M", 19, 0, 35)],
    "duplicates": [(1, "400M", 60, DUPLICATE, 35)],
    "secondary": [(1, "400M", 60, SECONDARY, 35)],
    "supplementary": [(301, "100M60H", 60, SUPPLEMENTARY, 35)],
    "clipped": [(100, "70S1M80S", 60, 0, 35)],
    "empty": [],
    # bcftools mpileup takes 250 reads of a pile, if it is not told to take more.
    "pile": [*[(201, "60M", 60, 0, 35)] * 300, *[(201, "150M", 60, 0, 35)] * 3],
}  # fmt: skip


def has_reads(contig):
    """Depth by position, 1-based, of aligned bases of the reads that callers look at."""
    depth = Counter()
    for first, cigar, quality, flags, _ in READS[contig]:
        if quality < 20 or flags & (SECONDARY | DUPLICATE):
            continue
        position, number = first, ""
        for letter in cigar:
            if letter.isdigit():
                number += letter
                continue
            if letter == "M":
                depth.update(range(position, position + int(number)))
            position += int(number) if letter in "MD" else 0
            number = ""
    return depth


@pytest.fixture(scope="module")
def aligned(tmp_path_factory):
    need("samtools", "bcftools", "mosdepth", "tabix")
    folder = tmp_path_factory.mktemp("ends")
    bases = random.Random(7)
    sequences = {name: "".join(bases.choices("ACGT", k=LENGTH)) for name in READS}
    (folder / "made.fa").write_text(
        "".join(f">{name}\n{text}\n" for name, text in sequences.items())
    )
    aligned = Aligned.prepare(folder, SAMPLE, folder / "made.fa")
    header = pysam.AlignmentHeader.from_dict(
        {
            "HD": {"VN": "1.6", "SO": "coordinate"},
            "SQ": [{"SN": name, "LN": LENGTH} for name in READS],
            "RG": [{"ID": "r", "SM": SAMPLE, "PL": "ILLUMINA"}],
        }
    )
    cram = folder / aligned.alignment["cram"]
    cram.parent.mkdir()
    fasta = str(folder / aligned.genome["fasta"])
    with pysam.AlignmentFile(
        str(cram), "wc", header=header, reference_filename=fasta, format_options=[b"version=3.0"]
    ) as file:
        for contig, reads in READS.items():
            for number, read in enumerate(sorted(reads, key=lambda each: each[0])):
                file.write(segment(header, f"{contig}.{number}", contig, sequences[contig], read))
    pysam.index(str(cram))
    aligned.list_ploidy("female")
    aligned.measure_depth()
    return aligned


def segment(header, name, contig, sequence, read):
    first, cigar, quality, flags, base_quality = read
    made = pysam.AlignedSegment(header)
    made.query_name, made.flag, made.reference_name = name, flags, contig
    made.reference_start, made.mapping_quality, made.cigarstring = first - 1, quality, cigar
    position, bases = first - 1, ""
    for operation, size in made.cigartuples:
        if operation == pysam.CMATCH:
            bases += sequence[position : position + size]
        if operation == pysam.CSOFT_CLIP:
            bases += "A" * size
        position += size if operation in (pysam.CMATCH, pysam.CDEL) else 0
    made.query_sequence = bases
    made.query_qualities = pysam.qualitystring_to_array(chr(33 + base_quality) * len(bases))
    made.set_tag("RG", "r")
    return made


def in_records(gvcf):
    """Positions in records by contig, 1-based, with the depth that is said of them."""
    found = {name: {} for name in READS}
    with pysam.VariantFile(str(gvcf)) as file:
        for record in file:
            depth = record.samples[SAMPLE].get("DP")
            found[record.chrom] |= dict.fromkeys(range(record.start + 1, record.stop + 1), depth)
    return found


def test_depth_bands(aligned):
    """Every base is in the band of its depth, the last one of a contig too."""
    bands, last_bases = (aligned.folder / path for path in aligned.depth.values())
    found = {name: {} for name in READS}
    for table in depth_tables(bands, LastBases.read(last_bases)):
        for row in table.to_pylist():
            positions = range(row["start"] + 1, row["end"] + 1)
            assert not found[row["contig"]].keys() & set(positions)
            found[row["contig"]] |= dict.fromkeys(positions, row["depth"])
    bounds = (0, 1, 5, 10, 15, 20, 30)
    for contig in READS:
        depth = has_reads(contig)
        for position in range(1, LENGTH + 1):
            band = found[contig][position]
            if position == LENGTH and band not in bounds:
                assert band == depth[position]
            else:
                assert band == max(each for each in bounds if each <= depth[position])


@pytest.mark.parametrize("engine", RULES)
def test_bases_with_reads_are_in_records(aligned, engine):
    need(*ENGINES[engine].tools)
    found = in_records(aligned.call(1 if ENGINES[engine].at_gaps else 3, engine))
    for contig in READS:
        depth = has_reads(contig)
        assert set(depth) - set(found[contig]) == set(), contig
        if engine == "freebayes":
            assert set(found[contig]) == set(depth)
            assert all(said <= depth[position] for position, said in found[contig].items())
        if engine == "bcftools" and contig != "deletion":
            assert set(found[contig]) == set(depth)


@pytest.mark.parametrize("contig", ["last_only", "first_only"])
def test_a_base_alone_is_missed(aligned, contig):
    """The proof refuses a gVCF without the record of the first or of the last base of a contig."""
    whole = aligned.folder / "bcftools.3.g.vcf.gz"
    if not whole.exists():
        aligned.call(3, "bcftools")
    lacking, position = aligned.folder / f"{contig}.g.vcf", 1 if contig == "first_only" else LENGTH
    with pysam.VariantFile(str(whole)) as source, lacking.open("w") as file:
        file.write(str(source.header))
        file.writelines(
            str(each) for each in source if (each.chrom, each.pos) != (contig, position)
        )
    given = [aligned.folder / path for path in (*aligned.depth.values(), "reference/regions.bed")]
    with pytest.raises(GvcfError, match=rf"{contig}:{position} has reads but lies in no record"):
        verify_coverage(lacking, *given)
    shutil.copy(whole, aligned.folder / "copy.g.vcf.gz")
    assert verify_coverage(aligned.folder / "copy.g.vcf.gz", *given) > 1000
