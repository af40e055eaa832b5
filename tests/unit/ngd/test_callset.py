"""Callsets of many samples: read as their records say, loaded whole or not at all."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import ngd_oracle
import pytest
from ngd_builders import CONTIGS, PAR, make_database, write_gvcf
from ngd_callsets import (
    callable_bases,
    counted_calls,
    give_consent,
    shards,
    write_callset,
    write_sheet,
)

from wgs_pipeline import ngd
from wgs_pipeline.errors import ConsentError, GvcfError, NgdError
from wgs_pipeline.ngd import callset_source, callset_spill
from wgs_pipeline.ngd.callset import CallsetReceipt, CallsetRequest, load_callset
from wgs_pipeline.ngd.generation import current_number
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.load import Request, load
from wgs_pipeline.ngd.shard import FILES
from wgs_pipeline.ngd.shard_keys import SEALED

SEX = {"S1": "female", "S2": "male", "S3": "unknown", "S4": "male"}
KARYOTYPE = {"female": "XX", "male": "XY", "unknown": "unknown"}
LINES = [
    "chr1 5 A G . . GT:DP:GQ 0/0:30:50 0/1:30:50 1/1:30:50 ./.:30:50",
    "chr1 9 AT A,ATT . . GT:DP:GQ 1|2:30:50 0|0:9:50 0|2:30:19 0/.:30:50",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    give_consent(tmp_path, SEX)
    make_database(tmp_path)
    write_sheet(tmp_path / "samples.tsv", SEX)
    return tmp_path


def _load(folder: Path, lines: list[str], name: str = "x.vcf", **options: object) -> CallsetReceipt:
    formats = options.pop("formats", ("GT", "DP", "GQ", "PL", "AD", "MIN_DP"))
    path = write_callset(folder / name, list(SEX), lines, formats)  # type: ignore[arg-type]
    request = CallsetRequest(path, folder / "samples.tsv", **options)  # type: ignore[arg-type]
    return load_callset(folder / "ngd", request)


def _site(folder: Path, name: str) -> dict[str, object]:
    with ngd.open(folder / "ngd", "care") as database:
        (row,) = database.variant(name).to_pylist()
    return {key: row[key] for key in ("AC", "AN", "n_het", "n_hom", "n_hemi")}


def _sites(folder: Path, region: str) -> list[tuple[object, ...]]:
    with ngd.open(folder / "ngd", "care") as database:
        rows = database.region(region).to_pylist()
    return [(row["pos"], row["ref"], row["alt"], row["AC"], row["AN"]) for row in rows]


def test_counts_of_a_callset(folder: Path):
    assert _load(folder, LINES) == CallsetReceipt(4, 0, 0, 1)
    assert _sites(folder, "chr1:1-60") == [
        (5, "A", "G", 3, 6),  # S4 has no genotype
        (9, "A", "AT", 1, 2),  # S2 lacks depth, S3 quality, S4 an allele
        (9, "AT", "A", 1, 2),
    ]
    assert _site(folder, "chr1-6-A-C")["AN"] == 0  # between records nothing is known
    assert _site(folder, "chr1-10-T-C")["AN"] == 2


def test_genotypes_are_kept_as_written(folder: Path):
    _load(folder, LINES)
    with ngd.open(folder / "ngd", "care") as database:
        rows = database.genome("p-S1").to_pylist()
    assert [(row["pos"], row["ref"], row["gt"], row["dp"], row["gq"]) for row in rows] == [
        (9, "A", "0|1", 30, 50),
        (9, "AT", "1|0", 30, 50),
    ]


def _random_lines(rng: random.Random, rich: bool) -> list[str]:
    lines = []
    for contig, length in CONTIGS.items():
        for start in sorted(rng.choices(range(1, length - 6), k=rng.randint(0, 12))):
            ref = "".join(rng.choices("ACGT", k=rng.choice((1, 1, 1, 2, 4))))
            pool = ["A", "C", "G", "T", "*", "<DEL>", "<NON_REF>", ref + "A", ref + "CC", ref[0]]
            alts = rng.sample([each for each in pool if each != ref], rng.randint(1, 3))
            info = "."
            if rng.random() < 0.2:
                alts, info = [rng.choice(("<*>", "<NON_REF>", "."))], f"END={start + 4}"
            allele = ["0", *(str(at + 1) for at, each in enumerate(alts) if each != "."), "."]
            weights = [4, *[3] * (len(allele) - 2), 0.5]

            def genotype(allele: list[str] = allele, weights: list[float] = weights) -> str:
                ploidy = rng.choice((1, 2, 2, 2, 2))
                return rng.choice("/|").join(rng.choices(allele, weights, k=ploidy))

            keys = ["GT"]
            if rich:
                keys += rng.sample(["DP", "GQ", "PL", "MIN_DP"], rng.randint(1, 4))
            cells = [":".join(_fields(rng, keys, genotype())) for _ in SEX]
            filter_ = rng.choices(("PASS", ".", "LowQual"), (5, 5, 1))[0]
            row = (contig, start, ref, ",".join(alts), filter_, info, ":".join(keys), *cells)
            lines.append(" ".join(map(str, row)))
    return lines


def _fields(rng: random.Random, keys: list[str], genotype: str) -> list[str]:
    values = {
        "GT": genotype,
        "DP": rng.choice(("30", "30", "10", "9", ".")),
        "MIN_DP": rng.choice(("30", "12", "10", "9", ".")),
        "GQ": rng.choice(("50", "20", "19.9", ".", "99")),
        "PL": rng.choice(("0,30,200", "10,0,100", "0,20,30", ".", "0,.,5", "0")),
    }
    return [values[key] for key in keys][: rng.choice((len(keys), len(keys), 1, 2))]


@pytest.mark.parametrize("seed", range(60))
def test_each_sample_is_as_its_own_column_says(folder: Path, seed: int, monkeypatch):
    """Against brute force over the columns, in blocks and parts of any size."""
    rng = random.Random(seed)
    rich = rng.random() < 0.6
    lines = _random_lines(rng, rich) or LINES
    if rich and not any(each.split(" ")[6].count("DP") for each in lines):
        lines = LINES
    monkeypatch.setattr(callset_source, "BLOCK_BYTES", rng.choice((1, 100, 1_000, 8 << 20)))
    monkeypatch.setattr(callset_spill, "PART_ROWS", rng.choice((1, 5, 1_000)))
    formats = ("GT", "DP", "GQ", "PL", "MIN_DP") if rich or lines is LINES else ("GT",)
    _load(folder, lines, formats=formats)
    found = shards(folder / "ngd")
    for at, (sample, sex) in enumerate(SEX.items()):
        column = []
        for line in lines:
            *fixed, info, keys, own = *line.split(" ")[:7], line.split(" ")[7 + at]
            if "DP" not in formats:  # then depth does not decide
                keys, own = f"{keys}:DP", f"{own}:99"
            column.append(" ".join((*fixed, info, keys, own)))
        genome = ngd_oracle.read_genome(column, KARYOTYPE[sex], PAR)
        assert counted_calls(folder / "ngd", found[sample]) == genome.calls
        expected = {contig: bases for contig, bases in genome.callable.items() if bases}
        assert callable_bases(folder / "ngd", found[sample]) == expected


def test_a_column_is_the_same_shard_as_its_own_file(folder: Path):
    """A file of one sample, through the other way in, gives the very same shard."""
    _load(folder, LINES)
    for at, (sample, sex) in enumerate(SEX.items()):
        rows = [line.split(" ") for line in LINES]
        own = [" ".join((*row[:7], row[7 + at])) for row in rows]
        gvcf = write_gvcf(folder / f"{sample}.vcf", sample, own)
        receipt = load(folder / "ngd", Request(sample, gvcf, f"p-{sample}", sex))
        assert receipt.already_loaded


def test_bgzip_and_bcf_are_the_same_callset(folder: Path):
    _load(folder, LINES)
    for suffix, kind in (("vcf.gz", "z"), ("bcf", "b"), ("ubcf", "u")):
        path = folder / f"y.{suffix}"
        command = ["bcftools", "view", f"-O{kind}", "-o", path, folder / "x.vcf"]
        subprocess.run(command, check=True, capture_output=True)
        again = load_callset(folder / "ngd", CallsetRequest(path, folder / "samples.tsv"))
        assert (again.loaded, again.already_loaded) == (0, 4)


def test_repeating_changes_nothing(folder: Path):
    first = _load(folder, LINES)
    before = shards(folder / "ngd")
    again = _load(folder, LINES)
    assert again == CallsetReceipt(0, 4, 0, first.generation)
    assert shards(folder / "ngd") == before


@pytest.mark.parametrize(
    ("alt", "calls"),
    [
        ("<CN0>", []),
        ("G,<DEL>", [(7, "A", "G", 1, 4)]),
        ("<DEL>,*,G", []),
    ],
)
def test_symbolic_alleles_are_no_variants_but_their_record_is_seen(folder: Path, alt, calls):
    _load(folder, [f"chr1 7 A {alt} . END=20 GT 0|1 0|0 .|. 0/."], formats=("GT",))
    assert _sites(folder, "chr1:1-60") == calls
    assert _site(folder, "chr1-7-A-C")["AN"] == 4
    assert _site(folder, "chr1-8-A-C")["AN"] == 0  # END of a structural variant covers nothing


def test_records_at_one_position(folder: Path):
    """Each counts by itself, and a missing genotype in one of them hides the base in all."""
    lines = [
        "chr1 7 A G . . GT 0|1 0|0 0|1 1|1",
        "chr1 7 AT A . . GT 0|0 0|1 .|. 1|1",
        "chr1 8 T C . . GT 0|1 0|1 0|1 0|1",
        "chr1 9 T C . . GT 0|1 0|0 0|1 0|0",
        "chr1 9 T C . . GT 1|1 0|1 0|0 0|0",
    ]
    _load(folder, lines, formats=("GT",))
    assert _sites(folder, "chr1:1-60") == [
        (7, "A", "G", 3, 6),
        (7, "AT", "A", 3, 6),
        (8, "T", "C", 3, 6),
        (9, "T", "C", 4, 8),  # twice the same allele: the higher copy number of each sample
    ]


def test_more_than_nine_alleles(folder: Path):
    alts = ",".join("A" * size for size in range(2, 14))
    _load(folder, [f"chr1 7 A {alts} . . GT 10|12 0|11 ./. 9/9"], formats=("GT",))
    table = _sites(folder, "chr1:1-60")
    counts = {len(alt): ac for _, _, alt, ac, _ in table}
    assert counts == {10: 2, 11: 1, 12: 1, 13: 1}
    assert {an for *_, an in table} == {6}


def test_sex_decides_the_copies(folder: Path):
    lines = [
        "chrX 30 A G . . GT 0/1 1 0/1 1/1",  # female, male, unknown, male
        "chrX 40 A G . . GT 1/1 0/1 0/1 0",
        "chrY 30 A G . . GT ./. 1 0/1 0",
    ]
    _load(folder, lines, formats=("GT",))
    assert _site(folder, "chrX-30-A-G") == {"AC": 3, "AN": 4, "n_het": 1, "n_hom": 0, "n_hemi": 2}
    assert _site(folder, "chrX-40-A-G") == {"AC": 2, "AN": 3, "n_het": 0, "n_hom": 1, "n_hemi": 0}
    assert _site(folder, "chrY-30-A-G") == {"AC": 1, "AN": 2, "n_het": 0, "n_hom": 0, "n_hemi": 1}


def test_left_alignment_moves_everyone(folder: Path):
    """Where an allele is shifted to, all genotypes of its record count, not the carriers' alone."""
    fasta = folder / "own.fa"
    sequence = "G" * 10 + "C" + "A" * 9 + "G" * 40
    text = "".join(
        f">{n}\n{sequence if n == 'chr1' else 'G' * size}\n" for n, size in CONTIGS.items()
    )
    fasta.write_text(text)
    subprocess.run(["samtools", "faidx", fasta], check=True)
    _load(folder, ["chr1 19 AA A . . GT 0|1 0|0 1|1 .|."], formats=("GT",), reference=fasta)
    assert _sites(folder, "chr1:1-60") == [(11, "CA", "C", 3, 6)]
    assert [_site(folder, f"chr1-{pos}-A-C")["AN"] for pos in (13, 18, 19, 20, 21)] == [
        0, 0, 6, 6, 0
    ]  # fmt: skip


def test_the_genotype_decides_where_the_file_has_no_depth(folder: Path):
    line = "chr1 5 A G . . GT:GQ 0/1:50 0/1:10 0/1 0/0"
    _load(folder, [line], formats=("GT", "GQ"))
    assert _sites(folder, "chr1:1-60") == [(5, "A", "G", 2, 6)]  # GQ 10 is asked about where given


def test_a_record_without_depth_in_a_file_with_it_does_not_pass(folder: Path):
    lines = ["chr1 5 A G . . GT:DP 0/1:30 0/1 0/1:. 0/0:30", "chr1 6 A G . . GT 0/1 0/1 0/1 0/0"]
    _load(folder, lines)
    assert _sites(folder, "chr1:1-60") == [(5, "A", "G", 1, 4)]


def test_depth_that_is_declared_and_never_given_is_refused(folder: Path):
    with pytest.raises(GvcfError, match="declares DP, but no record has it"):
        _load(folder, ["chr1 6 A G . . GT 0/1 0/1 0/1 0/0"])
    assert current_number(Root.open(folder / "ngd")) == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("chr1 6 A G . . GT 0/1 0/1 0/1", "12 columns; expected 13 columns"),
        ("chr1 6 A G . . GT 0/1 0/1 0/1 0/1 0/1", "14 columns"),
        ("chr1 x A G . . GT 0/1 0/1 0/1 0/1", "POS is no position"),
        ("chr1 0 A G . . GT 0/1 0/1 0/1 0/1", "POS is no position"),
        ("chr1 6 . G . . GT 0/1 0/1 0/1 0/1", "REF is no sequence"),
        ("chr1 6 A A . . GT 0/1 0/1 0/1 0/1", "ALT is the same as REF"),
        ("chr1 6 A  . . GT 0/1 0/1 0/1 0/1", "an empty ALT"),
        ("chr1 6 A G . . GT 0/1 0/1 0/x 0/1", "a GT that is no genotype"),
        ("chr1 6 A G . . GT 0/1 0/1  0/1", "a GT that is no genotype"),
        ("chr1 6 A G . . GT 0/1 0/1 0/2 0/1", "GT names an allele that ALT does not have"),
        ("chr1 6 A . . . GT 0/1 0/1 0/0 0/0", "GT names an allele that ALT does not have"),
        ("chr1 6 A G . . DP:GT 30:0/1 30:0/1 30:0/1 30:0/1", "GT after another key"),
        ("chr1 6 A G . . GT:DP 0/1:30 0/1:z 0/1:30 0/1:30", "DP is no number"),
        ("chr1 6 A G . . GT:GQ 0/1:30 0/1:9x 0/1:30 0/1:30", "GQ is no number"),
        ("chr1 6 A G . . GT:PL 0/1:0,x,2 0/1 0/1 0/1", "PL is no number"),
        ("chr1 6 A G . . GT:AD 0/1:9,x 0/1 0/1 0/1", "AD is no number"),
        ("chr1 6 A G . . GT:DP 0/1:30:4 0/1:3 0/1:30 0/1:30", "more sample fields"),
        ("chr1 2 A G . . GT 0/1 0/1 0/1 0/1", "a record before the one above it"),
        ("chr1 60 AT A . . GT 0/1 0/1 0/1 0/1", "beyond its contig"),
        ("chr9 6 A G . . GT 0/1 0/1 0/1 0/1", "contig chr9"),
    ],
)
def test_a_malformed_record_is_named_by_its_line(folder: Path, line: str, said: str):
    good = "chr1 5 A G . . GT:DP 0/1:30 0/1:30 0/1:30 0/0:30"
    header = len(Path(_written(folder, [good])).read_text().splitlines()) - 1
    with pytest.raises(GvcfError, match=f"x.vcf:{header + 2}: .*{said}"):
        _load(folder, [good, line, good.replace("chr1 5", "chr1 50")])
    _nothing(folder)


def _written(folder: Path, lines: list[str]) -> Path:
    return write_callset(folder / "x.vcf", list(SEX), lines)


def _nothing(folder: Path) -> None:
    root = Root.open(folder / "ngd")
    assert current_number(root) == 0
    assert not list(root.inbox.glob("*.json"))
    assert not list((root.path / "shards").glob("*"))


def test_a_contig_in_two_places(folder: Path):
    row = "0/1:30 0/1:30 0/1:30 0/0:30"
    lines = [f"{contig} 5 A G . . GT:DP {row}" for contig in ("chr1", "chrX", "chr1")]
    with pytest.raises(GvcfError, match="contig chr1 again"):
        _load(folder, lines)


def test_a_truncated_callset(folder: Path):
    path = _written(folder, LINES)
    path.write_text(path.read_text()[:-1])
    with pytest.raises(GvcfError, match="last line has no end"):
        load_callset(folder / "ngd", CallsetRequest(path, folder / "samples.tsv"))
    for kind, suffix in (("z", "vcf.gz"), ("b", "bcf")):
        whole = folder / f"y.{suffix}"
        command = ["bcftools", "view", f"-O{kind}", "-o", whole, _written(folder, LINES)]
        subprocess.run(command, check=True, capture_output=True)
        for size in (28, 40, 200):
            whole.write_bytes(whole.read_bytes()[:-size])
            with pytest.raises(GvcfError, match=r"truncated|cannot be read|no VCF"):
                load_callset(folder / "ngd", CallsetRequest(whole, folder / "samples.tsv"))
    _nothing(folder)


def test_no_records(folder: Path):
    with pytest.raises(GvcfError, match="no records after the header"):
        _load(folder, [])


def test_sheet_and_callset_must_name_the_same_samples(folder: Path):
    write_sheet(folder / "samples.tsv", {"S1": "female", "S2": "male", "S3": "male", "S5": "male"})
    give_consent(folder, ["S1", "S2", "S3", "S4", "S5"])
    with pytest.raises(NgdError) as error:
        _load(folder, LINES)
    assert "sample S4 is not in samples.tsv" in str(error.value)
    assert "sample S5 is not in the callset" in str(error.value)
    assert "p-S" not in str(error.value)
    _nothing(folder)


def test_who_does_not_consent_is_left_out(folder: Path):
    consents = give_consent(folder, ["S1", "S2", "S4"])  # S3 never did
    consents.add("p-S4", "analysis", "withdrawn")
    write_sheet(folder / "samples.tsv", {**SEX, "S9": "male"})  # nor S9, who is in the sheet alone
    assert _load(folder, LINES) == CallsetReceipt(2, 0, 2, 1)
    assert set(shards(folder / "ngd")) == {"S1", "S2"}
    assert _sites(folder, "chr1:1-7") == [(5, "A", "G", 1, 4)]


def test_nobody_consents(folder: Path):
    give_consent(folder, [])
    with pytest.raises(ConsentError, match="for any of its 4 samples"):
        _load(folder, LINES)
    _nothing(folder)


def test_contigs_of_the_header(folder: Path):
    """Those that the reference lacks are no matter while no record uses them; lengths are."""
    more = {**CONTIGS, "chr2": 90, "decoy": None}
    path = write_callset(folder / "x.vcf", list(SEX), LINES, contigs=more)
    load_callset(folder / "ngd", CallsetRequest(path, folder / "samples.tsv"))
    path = write_callset(folder / "x.vcf", list(SEX), LINES, contigs={**CONTIGS, "chr1": 61})
    with pytest.raises(GvcfError, match="contig chr1 of 61 bp"):
        load_callset(folder / "ngd", CallsetRequest(path, folder / "samples.tsv"))
    path = write_callset(folder / "x.vcf", list(SEX), LINES, contigs={})
    with pytest.raises(GvcfError, match="no ##contig lines"):
        load_callset(folder / "ngd", CallsetRequest(path, folder / "samples.tsv"))


OTHER = [LINES[0].replace("0/0:30", "0/1:30"), LINES[1]]  # S1 carries one allele more


def test_all_or_none(folder: Path):
    """One sample whose other calls are loaded keeps the others out; --replace lets all in."""
    gvcf = write_gvcf(folder / "S1.vcf", "S1", ["chr1 5 A G . . GT:DP:GQ 0/1:30:50"])
    load(folder / "ngd", Request("S1", gvcf, "p-S1", "female"))
    with pytest.raises(NgdError) as error:
        _load(folder, LINES)
    assert "nothing of the callset is loaded: sample S1: another" in str(error.value)
    assert "S2" not in str(error.value)
    assert set(shards(folder / "ngd")) == {"S1"}
    assert _sites(folder, "chr1:1-60") == [(5, "A", "G", 1, 2)]
    assert _load(folder, LINES, replace=True).loaded == 4
    assert _sites(folder, "chr1:1-7") == [(5, "A", "G", 3, 6)]
    assert _load(folder, OTHER, replace=True) == CallsetReceipt(1, 3, 0, 3)
    assert _sites(folder, "chr1:1-7") == [(5, "A", "G", 4, 6)]


def test_a_sample_of_another_person_keeps_all_out(folder: Path):
    consents = give_consent(folder, SEX)
    consents.add("someone-else", "analysis", "given")
    gvcf = write_gvcf(folder / "S4.vcf", "S4", ["chr1 5 A G . . GT:DP:GQ 0/1:30:50"])
    load(folder / "ngd", Request("S4", gvcf, "someone-else", "male"))
    with pytest.raises(NgdError, match="sample S4: this sample_id is loaded for another person"):
        _load(folder, LINES, replace=True)
    assert set(shards(folder / "ngd")) == {"S4"}


def test_targeted_assay(folder: Path):
    (folder / "t.bed").write_text("chr1\t4\t5\nchr1\t9\t10\n")
    _load(folder, LINES, assay="exome", target_bed=folder / "t.bed")
    assert _sites(folder, "chr1:1-60") == [(5, "A", "G", 3, 6)]
    assert _site(folder, "chr1-10-T-C")["AN"] == 2
    _load(folder, LINES, assay="panel")  # without a target: carriers, and no AN
    assert _site(folder, "chr1-10-T-C")["AN"] == 2
    with ngd.open(folder / "ngd", "care") as database:
        assays = database.carriers("chr1-5-A-G")["assay"].to_pylist()
    assert sorted(assays) == ["exome", "exome", "panel", "panel"]


def test_the_reference_is_that_of_the_header_where_none_was_given(tmp_path: Path):
    from wgs_pipeline.ngd.init import Wanted, initialise

    give_consent(tmp_path, SEX)
    write_sheet(tmp_path / "samples.tsv", SEX)
    initialise(tmp_path / "ngd", Wanted(tmp_path / "vault", tmp_path / "consents.tsv"))
    with pytest.raises(GvcfError, match=":15: POS"):
        _load(tmp_path, ["chr1 x A G . . GT:DP 0/1:30 0/1:30 0/1:30 0/1:30"])
    assert not (tmp_path / "ngd/reference.json").exists()
    _load(tmp_path, LINES)
    assert dict(Root.open(tmp_path / "ngd").reference().contigs) == CONTIGS


def test_what_lies_below_root_names_nobody(folder: Path):
    _load(folder, LINES)
    for path in (folder / "ngd").rglob("*"):
        # In what is encrypted two letters stand side by side by chance.
        if path.is_file() and path.name not in (*FILES, SEALED):
            content = path.read_bytes()
            assert b"p-S" not in content, path
            assert b"S1" not in content, path
