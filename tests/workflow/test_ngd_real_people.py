"""Real people in the database: what it counts against what others counted of the same files.

Needs the shared data (environment variable WGS_TEST_DATA, or shared/data beside the checkout).

* 2,504 persons of the 1000 Genomes project, phase 3 (GRCh37, start of chromosome 22): INFO of their
  callset, and bcftools +fill-tags for what INFO does not say.
* NA12878, a whole genome by GATK HaplotypeCaller in GVCF mode (GRCh37, chr20:60,001-999,989):
  brute force over the lines of the gVCF, base by base.

Takes 90 s of CPU, half of it to load the 2,504.
"""

from __future__ import annotations

import gzip
import random
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from running import BIN, SHARED_DATA
from wgs_pipeline import ngd

PEOPLE = SHARED_DATA / "population-1kg-phase3-chr22"
CALLSET = PEOPLE / "1kg.phase3.chr22.16050075-16644646.vcf.gz"
PEDIGREE = PEOPLE / "20130606_g1k.ped.gz"
REGION = "22:16050075-16644646"

GATK = SHARED_DATA / "gvcf-na12878-chr20"
GVCF = GATK / "NA12878.b37.chr20.60001-999989.g.vcf.gz"
FASTA = GATK / "b37.chr20.1-1000000.fa.gz"

#: Populations of each super-population, as the project published them.
SUPER_POPULATIONS = {
    "EAS": ("CHB", "JPT", "CHS", "CDX", "KHV"),
    "EUR": ("CEU", "TSI", "FIN", "GBR", "IBS"),
    "AFR": ("YRI", "LWK", "GWD", "MSL", "ESN", "ASW", "ACB"),
    "AMR": ("MXL", "PUR", "CLM", "PEL"),
    "SAS": ("GIH", "PJL", "BEB", "STU", "ITU"),
}
PERSONS = {"EAS": 504, "EUR": 503, "AFR": 661, "AMR": 347, "SAS": 489}
SEXES = {"1": "male", "2": "female"}
GROUPS = (*SUPER_POPULATIONS, "female", "male")

needs_people = pytest.mark.skipif(
    not PEOPLE.is_dir(), reason=f"needs {PEOPLE.name} in {SHARED_DATA}"
)
needs_gatk = pytest.mark.skipif(not GATK.is_dir(), reason=f"needs {GATK.name} in {SHARED_DATA}")

Variant = tuple[int, str, str]


def shortest(pos: int, ref: str, alt: str) -> Variant:
    """A variant without the bases that REF and ALT share at either end."""
    while min(len(ref), len(alt)) > 1 and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    while min(len(ref), len(alt)) > 1 and ref[0] == alt[0]:
        pos, ref, alt = pos + 1, ref[1:], alt[1:]
    return pos, ref, alt


def wgs(*arguments: object) -> None:
    command = [BIN / "wgs", "ngd", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def give_consent(path: Path, patients: list[str]) -> None:
    moment = "2020-01-01T00:00:00+01:00"
    rows = [f"{patient}\tanalysis\tgiven\t{moment}\t{moment}\tform" for patient in patients]
    header = "patient_id\tscope\tdecision\teffective_from\trecorded_at\tsource"
    path.write_text("\n".join([header, *rows]) + "\n")


@dataclass(frozen=True)
class People:
    """The database of the 2,504, and who they are: sample to super-population and sex."""

    root: Path
    groups: dict[str, tuple[str, str]]

    def of(self, group: str) -> list[str]:
        return [sample for sample, mine in self.groups.items() if group in mine]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    """All loaded in one go, into a database that was made without a reference."""
    folder = tmp_path_factory.mktemp("people")
    with gzip.open(PEDIGREE, "rt") as file:
        pedigree = {row[1]: row for row in (line.split("\t") for line in file)}
    of_population = {code: name for name, codes in SUPER_POPULATIONS.items() for code in codes}
    command = ["bcftools", "query", "--list-samples", CALLSET]
    samples = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    groups = {
        sample: (of_population[pedigree[sample][6]], SEXES[pedigree[sample][4]])
        for sample in samples
    }
    rows = [f"{sample}\tSYN-{sample}\t{sex}\t{name}" for sample, (name, sex) in groups.items()]
    header = "sample_id\tpatient_id\tsex\tpatient_group"
    (folder / "samples.tsv").write_text("\n".join([header, *rows]) + "\n")
    give_consent(folder / "consents.tsv", [f"SYN-{sample}" for sample in samples])
    root = folder / "ngd"
    wgs("init", root, "--vault", folder / "vault", "--consents", folder / "consents.tsv")
    wgs("load", root, "--callset", CALLSET, "--samples", folder / "samples.tsv")
    return People(root, groups)


@dataclass(frozen=True)
class Published:
    """What is published of one ALT allele: counts, and the frequencies as printed."""

    pos: int
    ref: str
    alt: str
    counts: dict[str, tuple[int, int]]  # group, or "" for all, to AC and AN
    frequencies: dict[str, str]

    @property
    def is_sequence(self) -> bool:
        return self.alt.isalpha()

    @property
    def variant(self) -> Variant:
        """In the shortest spelling."""
        return shortest(self.pos, self.ref, self.alt)


@pytest.fixture(scope="module")
def published(people: People, tmp_path_factory: pytest.TempPathFactory) -> list[Published]:
    """INFO of the callset, and bcftools' own count of each group."""
    file = tmp_path_factory.mktemp("groups") / "groups.txt"
    file.write_text("".join(f"{name}\t{','.join(mine)}\n" for name, mine in people.groups.items()))
    tags = [f"%{tag}_{group}" for group in GROUPS for tag in ("AC", "AN")]
    frequencies = ["AF", *(f"{name}_AF" for name in SUPER_POPULATIONS)]
    columns = ["%POS", "%REF", "%ALT", "%AC", "%AN", *tags, *(f"%{f}" for f in frequencies)]
    shape = "\\t".join(columns)
    fill = ["bcftools", "+fill-tags", CALLSET, "-Ou", "--", "-S", file, "-t", "AC,AN"]
    query = ["bcftools", "query", "-f", shape + "\\n"]
    filled = subprocess.run(fill, capture_output=True, check=True).stdout
    text = subprocess.run(query, input=filled, capture_output=True, check=True).stdout.decode()
    return list(_published(text, frequencies))


def _published(text: str, names: list[str]) -> Iterator[Published]:
    for line in text.splitlines():
        pos, ref, alts, *values = line.split("\t")
        counts, frequencies = values[: 2 * (1 + len(GROUPS))], values[2 * (1 + len(GROUPS)) :]
        for at, alt in enumerate(alts.split(",")):
            pairs = zip(counts[::2], counts[1::2], strict=True)
            own = [(int(ac.split(",")[at]), int(an)) for ac, an in pairs]
            printed = [each.split(",")[at] for each in frequencies]
            yield Published(
                int(pos), ref, alt,
                dict(zip(("", *GROUPS), own, strict=True)),
                dict(zip(names, printed, strict=True)),
            )  # fmt: skip


def counted(people: People, samples: list[str] | None = None) -> dict[Variant, dict[str, object]]:
    with ngd.open(people.root, "care") as database:
        if samples is None:
            table = database.region(REGION)
        else:
            table = database.region(REGION, samples=samples)
    return {(row["pos"], row["ref"], row["alt"]): row for row in table.to_pylist()}


def pairs(found: dict[Variant, dict[str, object]]) -> dict[Variant, tuple[object, object]]:
    return {variant: (row["AC"], row["AN"]) for variant, row in found.items()}


def carried(published: list[Published], group: str) -> dict[Variant, tuple[int, int]]:
    """AC and AN of the sequence alleles that anyone of a group carries."""
    return {
        each.variant: each.counts[group]
        for each in published
        if each.is_sequence and each.counts[group][0]
    }


@needs_people
def test_what_the_file_holds(people: People, published: list[Published]):
    """The oracle's own arithmetic: 9,750 records, 9,745 of them of sequence alleles alone."""
    assert {name: len(people.of(name)) for name in SUPER_POPULATIONS} == PERSONS
    assert len(people.of("female")) + len(people.of("male")) == 2504
    symbolic = [each.pos for each in published if not each.is_sequence]
    assert len({(each.pos, each.ref, each.alt) for each in published}) == len(published) == 9792
    assert sum(each.is_sequence for each in published) == 9784
    assert (len(symbolic), len(set(symbolic))) == (8, 5)
    assert len({each.variant for each in published if each.is_sequence}) == 9784
    assert {each.counts[""][1] for each in published} == {2 * 2504}


@needs_people
def test_counts_of_all_equal_info(people: People, published: list[Published]):
    found = counted(people)
    assert pairs(found) == carried(published, "")
    for each in published:
        if each.variant in found:
            assert f"{found[each.variant]['AF']:.6g}" == f"{float(each.frequencies['AF']):.6g}"


@pytest.fixture(scope="module")
def merged(people: People) -> People:
    """The same after a compaction, where questions are answered much faster."""
    wgs("compact", people.root)
    return people


@needs_people
def test_a_compaction_changes_no_count(merged: People, published: list[Published]):
    assert pairs(counted(merged)) == carried(published, "")


@needs_people
def test_alleles_that_no_one_carries_and_structural_ones(
    merged: People, published: list[Published]
):
    """AC 0 at the AN of INFO. A structural allele is no variant, but its record was examined."""
    with ngd.open(merged.root, "care") as database:
        absent = [each for each in published if each.is_sequence and not each.counts[""][0]]
        assert len(absent) == 37
        for each in absent:
            pos, ref, alt = each.variant
            row = database.variant(f"22-{pos}-{ref}-{alt}").to_pylist()[0]
            assert (row["AC"], row["AN"]) == each.counts[""]
        for each in published:
            if not each.is_sequence:
                other = "C" if each.ref != "C" else "G"
                row = database.variant(f"22-{each.pos}-{each.ref}-{other}").to_pylist()[0]
                assert row["AN"] == each.counts[""][1]
        row = database.variant("22-16050076-A-G").to_pylist()[0]
        assert row["AN"] == 0  # between records nothing is known


@needs_people
@pytest.mark.parametrize("group", GROUPS)
def test_counts_by_population_and_sex(merged: People, published: list[Published], group: str):
    found = pairs(counted(merged, merged.of(group)))
    assert found == carried(published, group)
    if group in SUPER_POPULATIONS:  # printed with four decimals
        for each in published:
            if each.is_sequence:
                ac, an = found.get(each.variant, (0, 2 * PERSONS[group]))
                assert abs(ac / an - float(each.frequencies[f"{group}_AF"])) <= 0.5001e-4


@dataclass(frozen=True)
class Brute:
    """One woman's autosome: AN at each base from the first on, and AC of what she carries."""

    number: list[int]
    carried: dict[Variant, int]


@pytest.fixture(scope="module")
def brute() -> Brute:
    """NA12878 record by record and base by base, as docs/ngd.md says what counts."""
    covered, failed = bytearray(1_010_000), bytearray(1_010_000)
    found: dict[Variant, int] = {}
    with gzip.open(GVCF, "rt") as file:
        records = [line.rstrip("\n").split("\t") for line in file if not line.startswith("#")]
    for _, text, _, ref, alts, _, filter_, info, keys, values in records:
        fields = dict(zip(keys.split(":"), values.split(":"), strict=False))
        pos, called = int(text), re.split("[/|]", fields["GT"])
        last = pos + len(ref) - 1
        if alts == "<NON_REF>" and (end := re.search("(?:^|;)END=([0-9]+)", info)):
            last = max(last, int(end[1]))
        good = filter_ in ("PASS", ".") and len(called) == 2 and "." not in called
        depth = fields.get("MIN_DP", fields.get("DP", "."))
        good = good and depth != "." and int(depth) >= 10 and int(fields["GQ"]) >= 20
        spans = [(pos, last)]
        for number, alt in enumerate(alts.split(","), start=1):
            if alt.isalpha() and (copies := called.count(str(number))):
                variant = shortest(pos, ref, alt)
                found[variant] = max(copies, found.get(variant, 0))
                spans.append((variant[0], variant[0] + len(variant[1]) - 1))
        for first, final in spans:
            for at in range(first - 1, final):
                covered[at] = 1
                failed[at] |= not good
    number = [2 * (seen and not bad) for seen, bad in zip(covered, failed, strict=True)]
    return Brute(number, {each: ac for each, ac in found.items() if number[each[0] - 1]})


@needs_gatk
@pytest.mark.parametrize("left_aligned", [False, True])
def test_na12878_at_every_base(brute: Brute, left_aligned: bool, tmp_path: Path):
    """With the contigs of the gVCF's header, only trimmed, and left-aligned on the FASTA."""
    (tmp_path / "samples.tsv").write_text("sample_id\tpatient_id\tsex\nNA12878\tSYN-1\tfemale\n")
    give_consent(tmp_path / "consents.tsv", ["SYN-1"])
    root = tmp_path / "ngd"
    wgs("init", root, "--vault", tmp_path / "vault", "--consents", tmp_path / "consents.tsv")
    reference = ["--reference", FASTA] if left_aligned else []
    wgs("load", root, "--sample", "NA12878", "--gvcf", GVCF,
        "--samples", tmp_path / "samples.tsv", *reference)  # fmt: skip
    every = np.arange(len(brute.number))
    assert set(brute.number[60_000:999_989]) == {0, 2}
    chosen = random.Random(1).sample(range(60_000, 999_989), 40)
    for compacted in (False, True):
        if compacted:
            wgs("compact", root)
        with ngd.open(root, "care") as database:
            found = database.region("20:1-1010000").to_pylist()
            with database._snapshot() as (
                snapshot,
                _,
            ):  # the API answers for variants, not for bases
                assert snapshot.allele_number("20", every).tolist() == brute.number
            for base in chosen:
                (row,) = database.variant(f"20-{base + 1}-N-C").to_pylist()
                assert (row["AC"], row["AN"]) == (0, brute.number[base])
        assert {(row["pos"], row["ref"], row["alt"]): row["AC"] for row in found} == brute.carried
        assert {row["AN"] for row in found} == {2}


@needs_gatk
def test_another_length_of_a_contig_is_another_reference(tmp_path: Path):
    """The FASTA holds the first million bases of a contig that the gVCF says has 63 million."""
    (tmp_path / "samples.tsv").write_text("sample_id\tpatient_id\tsex\nNA12878\tSYN-1\tfemale\n")
    give_consent(tmp_path / "consents.tsv", ["SYN-1"])
    root = tmp_path / "ngd"
    wgs("init", root, "--vault", tmp_path / "vault", "--consents", tmp_path / "consents.tsv",
        "--reference", FASTA)  # fmt: skip
    with pytest.raises(AssertionError, match="contig 20 of 63025520 bp"):
        wgs("load", root, "--sample", "NA12878", "--gvcf", GVCF,
            "--samples", tmp_path / "samples.tsv")  # fmt: skip
