"""Families whose every variant is planted, from callset to tables."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from families import (
    HAPLOID_ALT,
    HAPLOID_REF,
    HET,
    HOM_REF,
    LENGTHS,
    MISSING,
    PAR,
    cells,
    family,
    person,
    rows,
    rules,
    write_callset,
)
from wgs_pipeline.errors import GvcfError, NgdError
from wgs_pipeline.family.analysis import COLUMNS, analyse
from wgs_pipeline.family.genome import Genome
from wgs_pipeline.reference import Contig, Interval, contig_role

PARENTS = {"father": "dad", "mother": "mum"}
DAD, MUM = person("dad", "male"), person("mum")
SON, DAUGHTER = person("kid", "male", "yes", **PARENTS), person("kid", "female", "yes", **PARENTS)
SISTER = person("sib", **PARENTS)
GENES = "chr1\t999\t5000\tONE\nchr1\t4999\t9000\tTWO\nchrX\t20000\t30000\tXGENE\n"


@pytest.fixture
def genome():
    contigs = tuple(Contig(name, length, contig_role(name)) for name, length in LENGTHS.items())
    par = [line.split("\t") for line in PAR.splitlines()]
    return Genome(contigs, tuple(Interval(c, int(s), int(e)) for c, s, e in par))


@pytest.fixture
def run(tmp_path, genome):
    """Analyse members with records of (contig, position, genotype letters or cells)."""

    def analysed(members, records, genes=None, config=None, excluded=()):
        people = family(*members, excluded=excluded)
        full = [
            (*record[:2], *(record[3:] or ("A", "C")), cells(record[2]))
            if isinstance(record[2], str)
            else (*record[:2], *(record[3:] or ("A", "C")), record[2])
            for record in records
        ]
        callset = write_callset(tmp_path / "c.vcf.gz", people.names, full)
        settings = dict(config or {})
        if genes:
            (tmp_path / "genes.bed").write_text(genes)
            settings["genes"] = str(tmp_path / "genes.bed")
        out = tmp_path / "out"
        analyse(callset, people, genome, rules(tmp_path, **settings), out)
        tables = {name: rows(out / f"{name}.tsv") for name in COLUMNS}
        return tables, json.loads((out / "summary.json").read_text())

    return analysed


def patterns(tables):
    return {(row["pattern"], int(row["position"])): row for row in tables["inheritance"]}


def test_single_variants_of_a_trio(run):
    tables, summary = run(
        [SON, DAD, MUM],
        [
            ("chr1", 1000, "ahh"),  # recessive
            ("chr1", 2000, "ahr"),  # breaks Mendel's laws, and one parent is no carrier
            ("chr1", 3000, "aah"),  # a parent who is not affected has two copies as well
            ("chr1", 4000, "hrr"),  # de novo
            ("chr1", 5000, "hhr"),
            ("chrX", 5000, "ahh"),  # PAR: as on an autosome
            ("chrX", 25_000, "ARh"),  # hemizygous son of a carrier
            ("chrX", 26_000, "AAh"),  # the father has it and is well
            ("chrX", 27_000, "ARr"),  # new on X: from the mother's side whatever the father has
            ("chrX", 28_000, "AAr"),  # new too, though the father carries it
        ],
    )
    found = patterns(tables)
    assert set(found) == {
        *(("recessive_homozygous", 1000), ("recessive_homozygous", 5000)),
        *(("de_novo", 4000), ("x_linked_recessive", 25_000), ("x_linked_de_novo", 27_000)),
    }
    assert {row["certainty"] for row in found.values()} == {"certain"}
    new = {int(row["position"]): row for row in tables["de_novo"]}
    assert set(new) == {4000, 27_000, 28_000}
    assert {row["filter"] for row in new.values()} == {"PASS"}
    assert new[27_000]["inherited_from"] == "mother"
    assert min(float(row["posterior"]) for row in new.values()) > 0.9
    errors = {(row["part"], row["kind"]): row["errors"] for row in tables["mendelian"]}
    assert errors == {("autosome", "snv"): "2", ("x", "snv"): "2", ("par", "snv"): "0"}
    assert summary["kind"] == "trio"
    assert summary["children"][0]["mendelian"] == {"judged": 10, "errors": 4, "not_judged": 0}
    assert "family.genes" in summary["not_done"]["compound"]


def test_a_daughter_of_a_man_with_one_x(run):
    tables, _ = run(
        [DAUGHTER, DAD, MUM],
        [
            ("chrX", 25_000, "hRr"),  # new
            ("chrX", 26_000, "hAr"),  # the father's only copy
            ("chrX", 27_000, "rAr"),  # must have it from her father
            ("chrX", 28_000, "aAh"),  # but the father has it in every copy and is well
        ],
    )
    assert [int(row["position"]) for row in tables["de_novo"]] == [25_000]
    assert tables["de_novo"][0]["filter"] == "PASS"
    assert set(patterns(tables)) == {("x_linked_de_novo", 25_000)}
    (row,) = tables["mendelian"]
    assert (row["judged"], row["errors"]) == ("4", "2")


def test_y_and_mitochondrion(run):
    tables, _ = run(
        [SON, DAD, MUM],
        [
            ("chrY", 20_000, [HAPLOID_ALT, HAPLOID_REF, "."]),
            ("chrY", 30_000, [HAPLOID_ALT, HAPLOID_ALT, "."]),
            ("chrM", 100, [HAPLOID_ALT, HAPLOID_REF, HAPLOID_ALT]),
            ("chrM", 200, [HAPLOID_ALT, HAPLOID_ALT, HAPLOID_REF]),
        ],
    )
    counted = {row["part"]: (row["judged"], row["errors"]) for row in tables["mendelian"]}
    assert counted == {"y": ("2", "1"), "mitochondrion": ("2", "1")}
    (new,) = tables["de_novo"]
    assert (new["contig"], new["filter"], new["inherited_from"]) == ("chrY", "PASS", "father")


COMPOUND = [
    ("chr1", 1500, "hhr"),  # paternal
    ("chr1", 2500, "hrh"),  # maternal
    ("chr1", 5500, "hhr"),  # paternal, in TWO alone
    ("chr1", 9500, "hrh"),  # in no gene
]


def test_compound_heterozygote_of_a_trio(run):
    tables, summary = run([DAUGHTER, DAD, MUM], COMPOUND, GENES)
    found = [
        (row["gene"], int(row["position"]), row["origin"], row["certainty"])
        for row in tables["inheritance"]
    ]
    assert found == [("ONE", 1500, "paternal", "certain"), ("ONE", 2500, "maternal", "certain")]
    assert {row["pattern"] for row in tables["inheritance"]} == {"recessive_compound"}
    assert "compound" not in summary["not_done"]


def test_compound_in_overlapping_genes(run):
    tables, _ = run(
        [DAUGHTER, DAD, MUM], [*COMPOUND[:1], ("chr1", 5000, "hrh"), COMPOUND[2]], GENES
    )
    assert {(row["gene"], int(row["position"])) for row in tables["inheritance"]} == {
        *(("ONE", 1500), ("ONE", 5000), ("TWO", 5000), ("TWO", 5500)),
    }


def test_compound_of_unknown_phase_is_possible(run):
    tables, _ = run([DAUGHTER, DAD, MUM], [("chr1", 1500, "hhr"), ("chr1", 2500, "hhh")], GENES)
    found = {int(row["position"]): row for row in tables["inheritance"]}
    assert {row["certainty"] for row in found.values()} == {"possible"}
    assert (found[1500]["origin"], found[2500]["origin"]) == ("paternal", "unknown")


def test_one_parents_two_variants_are_no_compound(run):
    tables, _ = run([DAUGHTER, DAD, MUM], [("chr1", 1500, "hhr"), ("chr1", 2500, "hhr")], GENES)
    assert tables["inheritance"] == []


def test_a_healthy_sister_with_both_excludes_a_compound(run):
    both = [("chr1", 1500, "hhhr"), ("chr1", 2500, "hhrh")]
    tables, summary = run([DAUGHTER, SISTER, DAD, MUM], both, GENES)
    assert tables["inheritance"] == []
    assert summary["kind"] == "quartet"
    one = [("chr1", 1500, "hhhr"), ("chr1", 2500, "hrrh")]
    tables, _ = run([DAUGHTER, SISTER, DAD, MUM], one, GENES)
    assert {row["certainty"] for row in tables["inheritance"]} == {"certain"}


def test_a_trio_without_the_fathers_consent_is_a_duo(run):
    without_father = [(c, at, letters[0] + letters[2]) for c, at, letters in COMPOUND]
    records = [*without_father, ("chr1", 7000, "ah"), ("chr1", 8000, "ar")]
    tables, summary = run([DAUGHTER, DAD, MUM], records, GENES, excluded=["dad"])
    assert summary["kind"] == "duo"
    assert summary["children"][0]["absent"] == {"father": "no consent to analysis"}
    assert summary["children"][0]["de_novo"] is None
    assert "both parents" in summary["not_done"]["de_novo"]
    assert tables["de_novo"] == tables["upd"] == []
    found = patterns(tables)
    assert {row["certainty"] for row in found.values()} == {"possible"}
    assert ("recessive_homozygous", 7000) in found
    assert ("recessive_compound", 1500) in found
    assert ("recessive_homozygous", 8000) not in found  # the mother is no carrier
    (row,) = tables["mendelian"]
    assert (row["father"], row["judged"], row["errors"]) == ("", "6", "1")


def test_dominant_over_three_generations(run):
    people = [
        person("proband", "female", "yes", mother="mum"),
        person("mum", "female", "yes", mother="gran", father="grandad"),
        person("gran", "female", "yes"),
        person("grandad", "male", "no"),
        person("aunt", "female", "no", mother="gran", father="grandad"),
        person("uncle", "male", "unknown", mother="gran", father="grandad"),
    ]
    tables, summary = run(
        people,
        [
            ("chr1", 1000, "hhhrrh"),
            ("chr1", 2000, "hhhrhr"),  # the aunt is well
            ("chr1", 3000, "hrhrrr"),  # the mother has it not
            ("chrX", 25_000, ["0/1:30:15,15:255,0,255"] * 3 + [HAPLOID_REF, HOM_REF, HAPLOID_REF]),
            ("chr1", 4000, [*cells("hhhr"), MISSING, HOM_REF]),
        ],
    )
    found = patterns(tables)
    assert {key for key in found if "dominant" in key[0]} == {
        *(("dominant", 1000), ("x_linked_dominant", 25_000), ("dominant", 4000)),
    }
    assert found["dominant", 4000]["certainty"] == "possible"
    assert found["dominant", 1000]["certainty"] == "certain"
    assert summary["kind"] == "multi-generation"
    assert {each["child"] for each in summary["children"]} == {"proband", "mum", "aunt", "uncle"}


def test_a_sibling_with_a_new_allele_is_named(run):
    tables, _ = run([DAUGHTER, SISTER, DAD, MUM], [("chr1", 1000, "hhrr")])
    new = {row["child"]: row for row in tables["de_novo"]}
    assert new["kid"]["filter"] == "relative"
    assert new["kid"]["carriers"] == "sib"
    assert tables["inheritance"] == []


def test_the_same_child_sequenced_twice_is_no_relative(run):
    again = replace(DAUGHTER, sample_id="again")
    tables, _ = run([DAUGHTER, again, DAD, MUM], [("chr1", 1000, "hhrr")])
    assert {(row["child"], row["filter"]) for row in tables["de_novo"]} == {
        *(("kid", "PASS"), ("again", "PASS")),
    }


@pytest.mark.parametrize(
    ("child", "father", "broken"),
    [
        ("0/1:9:5,4:80,0,90", HOM_REF, "child_depth"),
        ("0/1:40:36,4:120,0,255", HOM_REF, "child_balance"),
        (HET, "0/0:9:9,0:0,27,200", "posterior;father_depth"),
        (HET, "0/0:30:27,3:0,60,255", "father_alt_reads"),
        # Of a reference block of a gVCF the depth is known, and not what the reads show.
        (HET, "0/0:30:.:.", "father_reads_unknown"),
        (HET, "0/0:10:.:.", "posterior;father_reads_unknown"),
        (HET, "0/0:.:.:.", "posterior;father_depth;father_reads_unknown"),
        ("0/1:.:.:.", HOM_REF, "posterior;child_depth;child_balance"),
        ("0/1:30:15,15:.", HOM_REF, "posterior"),
        ("0/1:.:15,15:255,0,255", HOM_REF, "PASS"),  # depth is that of its alleles
    ],
)
def test_a_candidate_that_breaks_rules_says_which(run, child, father, broken):
    tables, summary = run([DAUGHTER, DAD, MUM], [("chr1", 1000, [child, father, HOM_REF])])
    (row,) = tables["de_novo"]
    assert row["filter"] == broken
    passed = int(broken == "PASS")
    assert summary["children"][0]["de_novo"] == {"candidates": 1, "passed": passed}
    assert len(tables["inheritance"]) == passed


def test_rules_are_those_of_the_configuration(run):
    records = [("chr1", 1000, ["0/1:9:5,4:80,0,90", HOM_REF, HOM_REF])]
    tables, _ = run([DAUGHTER, DAD, MUM], records, config={"de_novo": {"min_child_depth": 9}})
    assert tables["de_novo"][0]["filter"] == "PASS"


def test_likelihoods_of_freebayes(run, tmp_path, genome):
    """GL is log10 of the likelihood, where PL is -10 times that."""
    records = [("chr1", 1000, "A", "C", cells("hrr")), ("chr1", 2000, "A", "C", cells("hhr"))]
    people = family(DAUGHTER, DAD, MUM)
    scores = []
    for key in ("PL", "GL"):
        callset = write_callset(tmp_path / f"{key}.vcf.gz", people.names, records, likelihoods=key)
        analyse(callset, people, genome, rules(tmp_path), tmp_path / key)
        scores.append([row["posterior"] for row in rows(tmp_path / key / "de_novo.tsv")])
    assert scores[0] == scores[1]
    assert len(scores[0]) == 1
    assert float(scores[0][0]) > 0.99


def test_a_new_second_allele(run):
    """Of A>C,G the G is new: both parents have the C alone."""
    cell = "1/2:30:0,15,15:255,200,200,200,0,200"
    parents = "0/1:30:15,15,0:200,0,200,255,255,255", "0/0:30:30,0,0:0,90,255,90,255,255"
    tables, _ = run([DAUGHTER, DAD, MUM], [("chr1", 1000, [cell, *parents], "A", "C,G")])
    (row,) = tables["de_novo"]
    assert (row["alt"], row["child_alt"], row["filter"], row["child_gt"]) == (
        "G",
        "15",
        "PASS",
        "1/2",
    )


def test_filtered_records_count_for_nothing(tmp_path, genome):
    people = family(DAUGHTER, DAD, MUM)
    records = [("chr1", 1000, "A", "C", cells("hrr"))]
    for verdict, judged in (("PASS", 1), (".", 1), ("LowQual", 0)):
        callset = write_callset(tmp_path / "c.vcf.gz", people.names, records, verdict)
        summary = analyse(callset, people, genome, rules(tmp_path), tmp_path / "out")
        assert summary["children"][0]["mendelian"]["judged"] == judged
        assert len(rows(tmp_path / "out/de_novo.tsv")) == judged


def test_nobody_affected_and_nobody_related(run):
    tables, summary = run([person("one"), person("two")], [("chr1", 1000, "hr")])
    assert tables["inheritance"] == tables["mendelian"] == []
    assert summary["not_done"]["inheritance"] == "nobody is affected"
    assert "no child" in summary["not_done"]["mendelian"]


def test_a_singleton_has_runs_of_homozygosity_alone(run):
    positions = 10_000 + 5_000 * np.arange(2000)
    letters = np.where(np.arange(2000) < 1000, "a", "h").tolist()
    records = [("chr1", int(at), letter) for at, letter in zip(positions, letters, strict=True)]
    tables, summary = run([person("kid", affected="yes")], records)
    assert summary["kind"] == "singleton"
    assert [name for name, table in tables.items() if table] == ["roh", "roh_runs"]
    (total,) = tables["roh"]
    (found,) = tables["roh_runs"]
    assert found["contig"] == "chr1"
    # 1,000 homozygous sites, 5 kb apart: 4,995,000 bp from 10,000.
    assert int(found["start"]) == 10_000
    assert int(found["end"]) == pytest.approx(5_005_000, abs=30_000)
    assert int(total["autosome_bp"]) == LENGTHS["chr1"] + LENGTHS["chr2"]
    assert float(total["froh"]) == pytest.approx(5e6 / 300e6, rel=0.02)


def test_bounds_of_runs(run):
    records = [("chr1", 10_000 + 5_000 * at, "a" if at < 1000 else "h") for at in range(1500)]
    for config in ({"min_length_bp": 6_000_000}, {"min_sites": 1_100}, {"min_quality": 99}):
        tables, _ = run([person("kid")], records, config={"roh": config})
        assert tables["roh"][0]["runs"] == "0"


def test_runs_with_a_table_of_frequencies(run, tmp_path):
    """Sites of which the table knows no frequency are no evidence."""
    positions = [10_000 + 5_000 * at for at in range(1500)]
    records = [("chr1", at, "a" if number < 1000 else "h") for number, at in enumerate(positions)]
    table = tmp_path / "af.tsv.gz"
    for known, runs in ((positions, "1"), (positions[::40], "0")):
        text = "".join(f"chr1\t{at}\tA,C\t0.3\n" for at in known)
        packed = subprocess.run(
            ["bgzip", "-c"], input=text.encode(), capture_output=True, check=True
        )
        table.write_bytes(packed.stdout)
        subprocess.run(["tabix", "-f", "-s1", "-b2", "-e2", str(table)], check=True)
        tables, _ = run(
            [person("kid")], records, config={"roh": {"allele_frequencies": str(table)}}
        )
        assert tables["roh"][0]["runs"] == runs


def test_malformed_callsets(tmp_path, genome):
    people, out = family(DAUGHTER, DAD, MUM), tmp_path / "out"
    missing = tmp_path / "missing.vcf.gz"
    with pytest.raises(GvcfError, match="cannot be read"):
        analyse(missing, people, genome, rules(tmp_path), out)
    whole = write_callset(
        tmp_path / "c.vcf.gz",
        people.names,
        [("chr1", 1000 + at, "A", "C", cells("hrr")) for at in range(20_000)],
    )
    whole.write_bytes(whole.read_bytes()[:40_000])
    with pytest.raises(GvcfError, match=r"c\.vcf\.gz"):
        analyse(whole, people, genome, rules(tmp_path), out)
    assert not list(out.glob("*"))


def test_genes_of_another_reference(run):
    with pytest.raises(NgdError, match="no contig of this database"):
        run([DAUGHTER, DAD, MUM], [("chr1", 1000, "hrr")], "7\t10\t20\tCFTR\n")
