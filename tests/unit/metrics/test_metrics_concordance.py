import subprocess
from pathlib import Path
from typing import Any

import pytest

from wgs_pipeline.errors import WgsError
from wgs_pipeline.metrics.concordance import Calls, concordance, only_sample, read_alleles

#              1   5    10   15   20   25   30   35   40
SEQUENCE = "GATTACAGGCTTACGATCCGTATGCATTTTTGCCAGTACGATCG" * 5
DATA = Path(__file__).parents[4] / "shared" / "data"
HG002, WINDOWS = DATA / "giab-hg002-chr20", DATA / "ref-b37-chr20" / "b37.chr20.windows.fa.gz"


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    path = tmp_path / "toy.fa"
    path.write_text(f">chr1\n{SEQUENCE}\n")
    subprocess.run(["samtools", "faidx", path], check=True)
    return path


@pytest.fixture
def bed(tmp_path: Path) -> Path:
    path = tmp_path / "confident.bed"
    path.write_text("chr1\t0\t150\n")
    return path


def write_vcf(path: Path, *records: tuple[int, str, str, str], filters: str = "PASS") -> Calls:
    """Records of (pos from 1, ref, alts, genotype) of the sample S."""
    lines = [
        "##fileformat=VCFv4.2",
        f"##contig=<ID=chr1,length={len(SEQUENCE)}>",
        '##FILTER=<ID=LowQual,Description="Low quality">',
        '##ALT=<ID=NON_REF,Description="Any other allele">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS",
        *(
            f"chr1\t{pos}\t.\t{ref}\t{alts}\t50\t{filters}\t.\tGT\t{gt}"
            for pos, ref, alts, gt in records
        ),
    ]
    path.write_text("\n".join(lines) + "\n")
    return Calls(path, "S")


def test_planted_differences(tmp_path: Path, bed: Path, reference: Path) -> None:
    truth = write_vcf(
        tmp_path / "truth.vcf",
        (2, "A", "G", "0/1"),  # found
        (4, "T", "C", "1/1"),  # found, other genotype
        (6, "C", "A", "0/1"),  # missed
        (10, "C", "CA", "0/1"),  # found
        (20, "G", "T", "0/0"),  # not carried
        (160, "T", "C", "1/1"),  # outside the confident BED
    )
    query = write_vcf(
        tmp_path / "query.vcf",
        (2, "A", "G,<NON_REF>", "0/1"),
        (4, "T", "C", "0/1"),
        (10, "C", "CA", "0|1"),
        (14, "C", "T", "0/1"),  # false
        (18, "CCG", "C", "0/1"),  # false
    )
    result = concordance(truth, query, bed, reference)
    snv, indel = result["snv"], result["indel"]
    assert (snv["tp"], snv["fp"], snv["fn"]) == (2, 1, 1)
    assert (snv["recall"], snv["precision"]) == (2 / 3, 2 / 3)
    assert (snv["genotypes_equal"], snv["genotype_concordance"]) == (1, 0.5)
    assert snv["false_negatives"] == [
        {"contig": "chr1", "pos": 6, "ref": "C", "alt": "A", "gt": "0/1"}
    ]
    assert [each["pos"] for each in snv["false_positives"]] == [14]
    assert (indel["tp"], indel["fp"], indel["fn"]) == (1, 1, 0)
    assert indel["f1"] == pytest.approx(2 / 3)
    assert result["truth"] == {"vcf": "truth.vcf", "sample": "S"}


@pytest.mark.parametrize(
    ("truth", "query"),
    [
        # a deletion in a run of T, written at its right end and at its left
        ([(30, "TT", "T", "0/1")], [(26, "AT", "A", "0/1")]),
        # two adjacent SNVs, written as one record
        ([(2, "A", "G", "0/1"), (3, "T", "C", "0/1")], [(2, "AT", "GC", "0/1")]),
        # two insertions at one site
        ([(10, "C", "CAG,CAGAG", "1/2")], [(10, "C", "CAGAG,CAG", "2/1")]),
        # beside an allele that an upstream deletion takes away
        ([(10, "C", "A", "0/1")], [(10, "C", "A,*", "1/2")]),
    ],
)
def test_the_same_alleles_written_differently(
    tmp_path: Path, bed: Path, reference: Path, truth: list[Any], query: list[Any]
) -> None:
    result = concordance(
        write_vcf(tmp_path / "truth.vcf", *truth),
        write_vcf(tmp_path / "query.vcf", *query),
        bed,
        reference,
    )
    for kind in ("snv", "indel"):
        assert (result[kind]["fp"], result[kind]["fn"]) == (0, 0)
        assert result[kind]["genotypes_equal"] == result[kind]["tp"]
    assert result["snv"]["tp"] + result["indel"]["tp"] > 0


def test_calls_that_fail_a_filter_do_not_count(tmp_path: Path, bed: Path, reference: Path) -> None:
    calls = (2, "A", "G", "0/1")
    low = write_vcf(tmp_path / "low.vcf", calls, filters="LowQual")
    unfiltered = write_vcf(tmp_path / "unfiltered.vcf", calls, filters=".")
    assert read_alleles(low, bed, reference).num_rows == 0
    assert read_alleles(unfiltered, bed, reference).num_rows == 1


def test_nothing_on_either_side_has_no_shares(tmp_path: Path, bed: Path, reference: Path) -> None:
    nothing = write_vcf(tmp_path / "nothing.vcf")
    result = concordance(nothing, nothing, bed, reference)
    assert (result["snv"]["tp"], result["snv"]["recall"], result["snv"]["f1"]) == (0, None, None)


def test_another_reference_or_sample_is_refused(tmp_path: Path, bed: Path, reference: Path) -> None:
    calls = write_vcf(tmp_path / "calls.vcf", (2, "C", "G", "0/1"))
    with pytest.raises(WgsError, match=r"bcftools norm .* chr1:2"):
        read_alleles(calls, bed, reference)
    with pytest.raises(WgsError, match='does not exist in header: "other"'):
        read_alleles(Calls(calls.vcf, "other"), bed, reference)


def test_the_only_sample(tmp_path: Path) -> None:
    calls = write_vcf(tmp_path / "calls.vcf")
    assert only_sample(calls.vcf) == "S"
    text = calls.vcf.read_text()
    calls.vcf.write_text(text.replace("FORMAT\tS", "FORMAT\tS\tT"))
    with pytest.raises(WgsError, match="has 2 samples; expected one"):
        only_sample(calls.vcf)


@pytest.mark.skipif(not HG002.is_dir(), reason=f"the HG002 data are not at {HG002}")
def test_counts_equal_bcftools_isec_on_a_real_truth(tmp_path: Path) -> None:
    truth, bed = HG002 / "HG002.truth.cut.vcf.gz", HG002 / "HG002.truth.cut.bed"
    fasta = tmp_path / "windows.fa"
    fasta.write_bytes(subprocess.run(["zcat", WINDOWS], check=True, capture_output=True).stdout)
    subprocess.run(["samtools", "faidx", fasta], check=True)
    lines = subprocess.run(
        ["bcftools", "view", truth], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    header = [line for line in lines if line.startswith("#")]
    records = [line for line in lines if not line.startswith("#")]
    # Every 10th call is missed; every 15th SNV is called as another base.
    kept = [
        _other_base(line) if number % 15 == 7 else line
        for number, line in enumerate(records)
        if number % 10
    ]
    query = tmp_path / "query.vcf"
    query.write_text("\n".join([*header, *kept]) + "\n")
    sample = only_sample(truth)
    result = concordance(Calls(truth, sample), Calls(query, sample), bed, fasta)

    for name, vcf in (("t", truth), ("q", query)):
        script = (
            f"bcftools view -a -c 1 -f PASS,. -Ou {vcf} | bcftools norm -f {fasta} -m -any -Oz "
            f"-o {tmp_path}/{name}.vcf.gz && bcftools index -t {tmp_path}/{name}.vcf.gz"
        )
        subprocess.run(["bash", "-euo", "pipefail", "-c", script], check=True, capture_output=True)
    subprocess.run(
        ["bcftools", "isec", "-T", bed, "-p", tmp_path / "isec", tmp_path / "t.vcf.gz",
         tmp_path / "q.vcf.gz"], check=True,
    )  # fmt: skip
    for kind, bcftools_kind in (("snv", "snps"), ("indel", "indels")):
        for number, outcome in enumerate(("fn", "fp", "tp")):
            listed = subprocess.run(
                ["bcftools", "view", "-H", "-v", bcftools_kind,
                 tmp_path / "isec" / f"000{number}.vcf"],
                check=True, capture_output=True,
            ).stdout  # fmt: skip
            assert result[kind][outcome] == listed.count(b"\n"), (kind, outcome)
    assert result["snv"]["fn"] > 10
    assert result["snv"]["fp"] > 5
    assert result["indel"]["fn"] > 0


def _other_base(line: str) -> str:
    fields = line.split("\t")
    if len(fields[3]) == len(fields[4]) == 1:
        fields[4] = next(base for base in "ACGT" if base not in (fields[3], fields[4]))
    return "\t".join(fields)
