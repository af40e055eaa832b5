"""AC and AN against brute force: random histories, every base, every variant."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import ngd_oracle as oracle
import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ngd_builders import CONTIGS, PAR, Consents, make_database, write_gvcf

from wgs_pipeline.consent.purposes import Purpose
from wgs_pipeline.ngd.commit import commit
from wgs_pipeline.ngd.compact import compact
from wgs_pipeline.ngd.database import Asker, Database
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.load import Request, load, read_target
from wgs_pipeline.ngd.reference import KARYOTYPES
from wgs_pipeline.ngd.registration import Identity, register
from wgs_pipeline.ngd.shard import Analysis
from wgs_pipeline.ngd.shard_writer import write_shard
from wgs_pipeline.ngd.verify import verify
from wgs_pipeline.vault import Vault

SEQUENCE = "ACGTACCCGTTTTACGATAGACCAGATTACAGGGACTTACGATCAGGATACCATTAGACCA"
TARGET = {"chr1": [(5, 30), (40, 50)], "chrX": [(15, 35)], "chrY": [(5, 20)]}


@st.composite
def records(draw: st.DrawFn, contig: str) -> list[str]:
    """Records along one contig: blocks and variants, some overlapping, some missing."""
    lines = []
    at = draw(st.integers(0, 4))
    length = CONTIGS[contig]
    while at < length - 8:
        shape = draw(st.integers(0, 9))
        if shape < 4:
            size = draw(st.integers(1, 9))
            lines.append(_block(draw, contig, at, min(at + size, length)))
            at += size
        elif shape < 9:
            line, size = _variant(draw, contig, at)
            lines.append(line)
            at += draw(st.sampled_from([0, 1, size, size]))
        else:
            at += draw(st.integers(1, 5))
    return lines


def _block(draw: st.DrawFn, contig: str, start: int, end: int) -> str:
    dp = draw(st.sampled_from([3, 10, 30]))
    form = draw(st.integers(0, 3))
    ref = SEQUENCE[start]
    if form == 0:
        gt = draw(st.sampled_from(["0/0", "0", "./."]))
        gq = draw(st.sampled_from(["5", "20", "99", "."]))
        return f"{contig} {start + 1} {ref} <NON_REF> . END={end} GT:DP:GQ:MIN_DP {gt}:40:{gq}:{dp}"
    if form == 1:
        return f"{contig} {start + 1} {ref} . . END={end};MinDP={dp} GT:DP 0/0:{dp}"
    if form == 2:
        return f"{contig} {start + 1} {ref} <*> PASS DP=9;END={end} GQ:DP:MIN_DP 500.5:9:{dp}"
    return f"{contig} {start + 1} {ref} <*> . END={end} GT:GQ:MIN_DP:PL 0/0:50:{dp}:0,50,500"


def _variant(draw: st.DrawFn, contig: str, start: int) -> tuple[str, int]:
    size = draw(st.sampled_from([1, 1, 1, 2, 4]))
    ref = SEQUENCE[start : start + size]
    options = [base for base in "ACGT" if base != ref] + [ref[0] + "GG", ref[:1] + "T" + ref[1:]]
    options += [ref[:1]] if size > 1 else []
    options = [each for each in dict.fromkeys(options) if each != ref]
    alts = draw(st.lists(st.sampled_from(options), min_size=1, max_size=2, unique=True))
    alts += draw(st.sampled_from([[], [], ["<NON_REF>"], ["*"]]))
    top = len(alts)
    texts = ["0/1", "1|1", "0|1", "1", "./1", "0/0", "./.", "1/1/1", f"1/{top}", f"{top}/{top}"]
    gt = draw(st.sampled_from(texts))
    dp = draw(st.sampled_from([4, 10, 25]))
    gq = draw(st.sampled_from([3, 20, 60]))
    filter_ = draw(st.sampled_from([".", "PASS", "PASS", "LowQual"]))
    format_, value = draw(
        st.sampled_from(
            [
                ("GT:AD:DP:GQ", f"{gt}:{','.join(['7'] * (top + 1))}:{dp}:{gq}"),
                ("GQ:DP:GT:AD", f"{gq}:{dp}:{gt}"),
                ("GT:PL:DP", f"{gt}:0,{gq},900:{dp}"),
                ("DP:GT:GQ:PL", f"{dp}:{gt}"),
            ]
        )
    )
    return f"{contig} {start + 1} {ref} {','.join(alts)} {filter_} . {format_} {value}", size


@st.composite
def gvcfs(draw: st.DrawFn) -> list[str]:
    chosen = draw(st.lists(st.sampled_from(list(CONTIGS)), min_size=1, max_size=4, unique=True))
    return [line for contig in CONTIGS if contig in chosen for line in draw(records(contig))] or [
        "chr1 1 A <*> . END=9 GT:GQ:MIN_DP 0/0:50:30"
    ]


@dataclass
class Loaded:
    person: str
    sample: str
    sex: str
    genome: oracle.Genome
    kind: str
    plane: str
    lines: list[str] = field(repr=False, default_factory=list)


class History:
    """A database and, beside it, what it ought to hold."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.consents = Consents(folder / "consents.tsv")
        self.path = make_database(folder)
        self.root = Root.open(self.path)
        self.vault = Vault(self.root.vault)
        self.target = folder / "target.bed"
        self.target.write_text("".join(f"{c}\t{a}\t{b}\n" for c, r in TARGET.items() for a, b in r))
        self.loaded: list[Loaded] = []
        self.refused: set[str] = set()
        self.withdrawn: set[str] = set()
        self.people = 0

    def new(self, lines: list[str], sex: str, kind: str, waits: bool) -> None:
        self.people += 1
        person, sample = f"person-{self.people}", f"S{self.people}"
        self.consents.add(person, "analysis", "given")
        self.write(person, sample, lines, sex, kind, waits, False)

    def write(
        self,
        person: str,
        sample: str,
        lines: list[str],
        sex: str,
        kind: str,
        waits: bool,
        rep: bool,
    ) -> None:
        gvcf = write_gvcf(self.folder / f"{sample}.g.vcf", sample, lines)
        bed = self.target if kind == "exome" else None
        assay = "wgs" if kind == "wgs" else "exome"
        if waits:  # left for the next commit
            target = read_target(bed, self.root.reference()) if bed else None
            analysis = Analysis(KARYOTYPES[sex], assay, target.digest if target else "")
            digest = write_shard(self.root, gvcf, sample, analysis, target)
            register(self.root, digest, analysis, Identity(person, sample, rep))
        else:
            load(self.path, Request(sample, gvcf, person, sex, assay, bed, None, rep))
        genome = oracle.read_genome(lines, sex, PAR, TARGET if kind == "exome" else None)
        plane = "care_only" if person in self.refused else "research"
        self.loaded.append(Loaded(person, sample, sex, genome, kind, plane, lines))
        if not waits:
            self.settle(False)

    def settle(self, compacted: bool) -> None:
        """Planes move at a compaction, and at a load once someone has refused."""
        if compacted or any(
            each.plane == "research" and each.person in self.refused | self.withdrawn
            for each in self.loaded
        ):
            for each in self.loaded:
                no = each.person in self.refused | self.withdrawn
                each.plane = "care_only" if no else "research"

    def check(self, purpose: Purpose) -> None:
        commit(self.root, self.vault)
        seen = [
            each
            for each in self.loaded
            if each.person not in self.withdrawn
            and (purpose is Purpose.CARE or each.plane == "research")
            and (purpose is Purpose.CARE or each.person not in self.refused)
        ]
        counted = [(each.genome, each.sex) for each in seen if each.kind != "bare"]
        expected = oracle.counts(counted)
        with (
            Database(
                self.root, Vault(self.root.vault), Asker("tester", None, purpose, None)
            ) as database,
            database._snapshot() as snapshot,
        ):
            assert snapshot.eligible == len(counted)
            for contig, length in CONTIGS.items():
                an = snapshot.allele_number(contig, np.arange(length)).tolist()
                assert an == [
                    oracle.allele_number(counted, contig, base, PAR) for base in range(length)
                ]
                rows = snapshot.variants(contig, 0, length).to_pylist()
                found = {
                    (contig, row["pos"], row["ref"], row["alt"]): (
                        row["n_het"], row["n_hom"], row["n_hemi"]
                    )
                    for row in rows
                }  # fmt: skip
                assert found == {v: n for v, n in expected.items() if v[0] == contig}
                for row in rows:
                    n = row["n_het"] + 2 * row["n_hom"] + row["n_hemi"]
                    assert (row["AC"], row["AN"]) == (n, an[row["pos"] - 1])
                    assert row["AC"] <= row["AN"]


@settings(
    derandomize=True,
    deadline=None,
    max_examples=40,
    phases=[Phase.explicit, Phase.generate],  # shrinking a history takes long
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_any_history_counts_as_brute_force_does(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        history = History(Path(folder))
        for _ in range(data.draw(st.integers(2, 8))):
            _step(history, data)
            if data.draw(st.booleans()):
                history.check(data.draw(st.sampled_from([Purpose.CARE, Purpose.RESEARCH])))
        for purpose in (Purpose.CARE, Purpose.RESEARCH):
            history.check(purpose)
        report = verify(history.root, history.vault)
        assert report.problems == ()
        history.vault.close()


def _step(history: History, data: st.DataObject) -> None:
    choices = ["new", "new", "new", "compact"]
    if history.loaded:
        choices += ["refuse", "return", "replace", "again", "withdraw"]
    step = data.draw(st.sampled_from(choices))
    sexes, kinds = ["female", "male", "male", "unknown"], ["wgs", "wgs", "exome", "bare"]
    if step == "new":
        history.new(
            data.draw(gvcfs()),
            data.draw(st.sampled_from(sexes)),
            data.draw(st.sampled_from(kinds)),
            data.draw(st.booleans()),
        )
        return
    commit(history.root, history.vault)
    if step == "compact":
        compact(history.root, history.vault)
        history.settle(True)
        return
    mine = data.draw(st.sampled_from(history.loaded))
    if step == "refuse":
        history.consents.add(mine.person, "research", "refused")
        history.refused.add(mine.person)
    elif step == "return":
        history.consents.add(mine.person, "research", "given")
        history.refused.discard(mine.person)
    elif step == "withdraw":
        history.consents.add(mine.person, "analysis", "withdrawn")
        history.withdrawn.add(mine.person)
    elif mine.person not in history.withdrawn:
        lines = mine.lines if step == "again" else data.draw(gvcfs())
        history.loaded.remove(mine)
        replace = step == "replace"
        history.write(mine.person, mine.sample, lines, mine.sex, mine.kind, False, replace)
