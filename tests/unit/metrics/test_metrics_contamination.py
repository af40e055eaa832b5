import subprocess
from pathlib import Path

import numpy as np
import pytest

from wgs_pipeline.errors import WgsError
from wgs_pipeline.metrics.catalogue import NotApplicable
from wgs_pipeline.metrics.contamination import (
    Estimate,
    charr_estimate,
    charr_of_gvcf,
    contamination_metrics,
    likelihood_estimate,
    read_estimate,
)
from wgs_pipeline.metrics.sites import read_common_snvs, read_homozygous_snvs

CONTIGS = ["chr1", "chr2", "chrX"]
HEADER = """##fileformat=VCFv4.2
##contig=<ID=chr1,length=1000>
##contig=<ID=chr2,length=1000>
##contig=<ID=chrX,length=1000>
##FILTER=<ID=LowQual,Description="x">
##ALT=<ID=NON_REF,Description="x">
##INFO=<ID=AF,Number=A,Type=Float,Description="x">
##FORMAT=<ID=GT,Number=1,Type=String,Description="x">
##FORMAT=<ID=AD,Number=R,Type=Integer,Description="x">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="x">
"""


def reads_of(people: int, share: float, sites: int, seed: int) -> list[np.ndarray]:
    """Reads of each allele at unlinked sites, drawn read by read: which person, which copy."""
    rng = np.random.default_rng(seed)
    frequency = np.exp(rng.uniform(np.log(0.05), np.log(0.95), sites))
    copies = rng.random((people, 2, sites)) < frequency
    counts = np.zeros((3, sites), np.int64)
    depth = rng.poisson(30, sites)
    for site in range(sites):
        who = (rng.random(depth[site]) < share).astype(int)
        allele = copies[who, rng.integers(0, 2, depth[site]), site].astype(int)
        wrong = rng.random(depth[site]) < 0.002
        # One of three other bases: the other allele, or neither.
        shown = np.where(wrong, np.where(rng.random(depth[site]) < 1 / 3, 1 - allele, 2), allele)
        counts[:, site] = np.bincount(shown, minlength=3)
    return [*counts, frequency, (~copies[0]).sum(axis=0)]


@pytest.mark.parametrize("share", [0, 0.005, 0.01, 0.02, 0.03, 0.05])
def test_both_estimates_find_a_known_share(share: float) -> None:
    reference, alternate, other, frequency, reference_copies = reads_of(2, share, 8000, 7)
    found = likelihood_estimate(reference, alternate, other, frequency)
    assert found.rate == pytest.approx(share, abs=0.005)
    homozygous = reference_copies == 0
    reads = reference[homozygous], alternate[homozygous]
    charr = charr_estimate(*reads, 1 - frequency[homozygous], 1000)
    # Errors of the bases come on top: 0.002 / 3 over the mean frequency of the reference allele.
    assert charr.rate == pytest.approx(share + 0.0025, abs=0.005)


def test_charr_by_hand() -> None:
    """(2/20) / 0.5 and (3/40) / 0.25, mean 0.25; the others are too shallow, deep or rare."""
    reference = np.array([2, 3, 3, 50, 10])
    alternate = np.array([18, 37, 4, 60, 10])
    frequency = np.array([0.5, 0.25, 0.5, 0.5, 0.01])
    found = charr_estimate(reference, alternate, frequency, 1)
    assert (found.rate, found.sites) == (pytest.approx(0.25), 2)
    # Of two blocks of one site each: half the difference of 0.2 and 0.3.
    assert found.standard_error == pytest.approx(0.05)
    # Unknown frequencies count as one third: 3 (0.1 + 0.075 + 0.5) / 3; of 0.3, 0.225 and 1.5.
    found = charr_estimate(reference, alternate, None, 1)
    assert found.sites == 3
    assert found.rate == NotApplicable(
        "0.6750 has a standard error of 0.4131; its 3 sites say too little"
    )


def test_too_few_sites_are_not_applicable_and_say_so() -> None:
    few = np.full(999, 30)
    found = likelihood_estimate(few, few, few * 0, np.full(999, 0.5))
    assert found == Estimate(
        NotApplicable("999 common SNVs have 8 reads or more; 1000 are needed"), 999
    )
    found = charr_estimate(few * 0, few)
    assert found == Estimate(
        NotApplicable("999 homozygous SNVs have enough reads; 1000 are needed"), 999
    )
    nothing = np.zeros(0, np.int64)
    assert isinstance(
        likelihood_estimate(nothing, nothing, nothing, np.zeros(0), 0).rate, NotApplicable
    )


@pytest.mark.parametrize("copies", [1, 60])
def test_linked_sites_do_not_count_as_many(copies: int) -> None:
    """A few sites many times over are no more than those few; their standard error says so."""
    drawn = reads_of(2, 0.03, 6000 // copies, 8)
    *counts, frequency, _ = (np.repeat(each, copies) for each in drawn)
    found = likelihood_estimate(*counts, frequency)
    assert found.sites > 5000
    if copies == 1:
        assert found.standard_error < 0.0025
        assert abs(found.rate - 0.03) < 3 * found.standard_error
    else:
        assert found.standard_error > 0.004


def test_the_likelihood_counts_where_there_is_one() -> None:
    likelihood, charr = Estimate(0.02, 5000, 0.001), Estimate(0.03, 5000, 0.002)
    none = Estimate(NotApplicable("too few"), 3)
    assert contamination_metrics(likelihood, charr)["cross_contamination_rate"] == 0.02
    assert contamination_metrics(none, charr)["cross_contamination_rate"] == 0.03
    assert contamination_metrics(none, charr)["contamination_standard_error"] == 0.002
    assert contamination_metrics(None, charr)["contamination_likelihood"] == NotApplicable(
        "no common SNVs are configured (qc.contamination_sites)"
    )
    assert contamination_metrics(none, none)["cross_contamination_rate"] == NotApplicable(
        "too few; too few"
    )


@pytest.fixture
def sites(tmp_path: Path) -> Path:
    path = tmp_path / "sites.vcf"
    path.write_text(
        HEADER
        + "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        + "chr2\t50\t.\tG\tT\t.\t.\tAF=0.4\n"
        + "chr1\t100\t.\tA\tC\t.\t.\tAF=0.75\n"
        + "chr1\t200\t.\tA\tC\t.\t.\tAF=0.5\n"
        + "chr1\t200\t.\tA\tG\t.\t.\tAF=0.1\n"  # not biallelic
        + "chr1\t300\t.\tAT\tA\t.\t.\tAF=0.5\n"
        + "chr1\t400\t.\tA\tC\t.\t.\t.\n"
        + "chr3\t500\t.\tA\tC\t.\t.\tAF=0.5\n"
    )
    return path


def gvcf(folder: Path, records: list[str], header: str = HEADER) -> Path:
    plain = folder / "sample.g.vcf"
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n"
    plain.write_text(header + columns + "\n".join(records) + "\n")
    packed = folder / "sample.g.vcf.gz"
    subprocess.run(["bcftools", "view", "-Oz", "-o", packed, plain], check=True)
    return packed


RECORDS = [
    "chr1\t100\t.\tA\tC\t50\tPASS\t.\tGT:AD:GQ\t1/1:2,38:50",
    "chr1\t110\t.\tA\tC,<NON_REF>\t50\t.\t.\tGT:AD:GQ\t1|1:1,19,0:50",
    "chr1\t120\t.\tA\tC\t50\tPASS\t.\tGT:AD:GQ\t0/1:20,20:50",
    "chr1\t130\t.\tA\tC\t50\tLowQual\t.\tGT:AD:GQ\t1/1:2,38:50",
    "chr1\t140\t.\tA\tC\t50\tPASS\t.\tGT:AD:GQ\t1/1:2,38:19",
    "chr1\t150\t.\tAT\tA\t50\tPASS\t.\tGT:AD:GQ\t1/1:2,38:50",
    "chr1\t160\t.\tA\t<NON_REF>\t.\t.\t.\tGT:AD:GQ\t0/0:20,0:50",
    "chr2\t50\t.\tG\tT\t50\tPASS\t.\tGT:AD:GQ\t1/1:3,17:.",
    "chrX\t50\t.\tG\tT\t50\tPASS\t.\tGT:AD:GQ\t1/1:3,17:50",
]


@pytest.fixture
def autosomes(tmp_path: Path) -> Path:
    path = tmp_path / "autosomes.bed"
    path.write_text("chr1\t0\t1000\nchr2\t0\t1000\n")
    return path


def test_homozygous_snvs_of_a_gvcf(tmp_path: Path, autosomes: Path) -> None:
    found = read_homozygous_snvs(gvcf(tmp_path, RECORDS), autosomes, CONTIGS)
    assert not isinstance(found, NotApplicable)
    places = list(zip(found.contig.tolist(), found.position.tolist(), strict=True))
    assert places == [(0, 99), (0, 109), (1, 49)]
    assert found.reference_reads.tolist() == [2, 1, 3]
    assert found.alternate_reads.tolist() == [38, 19, 17]


def test_common_snvs_of_a_vcf(sites: Path) -> None:
    found = read_common_snvs(sites, CONTIGS)
    places = list(zip(found.contig.tolist(), found.position.tolist(), strict=True))
    assert places == [(0, 99), (1, 49)]
    assert found.frequency.tolist() == pytest.approx([0.75, 0.4])
    assert (found.reference.tolist(), found.alternate.tolist()) == ([0, 2], [1, 3])
    with pytest.raises(WgsError, match="no SNV with INFO/AF on the autosomes"):
        read_common_snvs(sites, ["1", "2"])


def test_frequencies_in_percent_are_refused(sites: Path) -> None:
    sites.write_text(sites.read_text().replace("AF=0.75", "AF=75"))
    with pytest.raises(WgsError, match="an INFO/AF is 75; expected 0 to 1"):
        read_common_snvs(sites, CONTIGS)


@pytest.mark.parametrize(("columns", "found"), [("", 0), ("\tFORMAT\tS1\tS2", 2)])
def test_a_callset_of_others_is_no_gvcf(
    tmp_path: Path, autosomes: Path, columns: str, found: int
) -> None:
    path = tmp_path / "callset.vcf"
    path.write_text(f"{HEADER}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO{columns}\n")
    with pytest.raises(WgsError, match=f"{found} samples; expected a gVCF of one sample"):
        read_homozygous_snvs(path, autosomes, CONTIGS)


def test_charr_of_a_gvcf_with_frequencies(
    tmp_path: Path, autosomes: Path, sites: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the three sites two have a frequency: 0.05 / 0.25 and 0.15 / 0.6, mean 0.225."""
    monkeypatch.setattr("wgs_pipeline.metrics.contamination.FEWEST_CHARR_SITES", 1)
    monkeypatch.setattr("wgs_pipeline.metrics.contamination.LARGEST_ERROR", 1)
    packed = gvcf(tmp_path, RECORDS)
    found = charr_of_gvcf(packed, autosomes, CONTIGS, sites)
    assert (found.rate, found.sites) == (pytest.approx(0.225), 2)
    # Without frequencies: 3 (0.05 + 0.05 + 0.15) / 3.
    found = charr_of_gvcf(packed, autosomes, CONTIGS)
    assert (found.rate, found.sites) == (pytest.approx(0.25), 3)


def test_a_gvcf_without_depths_of_alleles_is_not_applicable(
    tmp_path: Path, autosomes: Path
) -> None:
    header = "".join(line for line in HEADER.splitlines(True) if "ID=AD" not in line)
    packed = gvcf(tmp_path, ["chr1\t100\t.\tA\tC\t50\tPASS\t.\tGT:GQ\t1/1:50"], header)
    found = charr_of_gvcf(packed, autosomes, CONTIGS)
    assert found.rate == NotApplicable("the gVCF has no depths of alleles (FORMAT/AD)")


def test_a_gvcf_without_variants_has_too_few(tmp_path: Path, autosomes: Path) -> None:
    packed = gvcf(tmp_path, RECORDS[6:7])
    assert isinstance(charr_of_gvcf(packed, autosomes, CONTIGS).rate, NotApplicable)


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "charr.json"
    for text in ("", "{}", "[]"):
        path.write_text(text)
        with pytest.raises(WgsError, match="not the output of wgs qc charr"):
            read_estimate(path)
