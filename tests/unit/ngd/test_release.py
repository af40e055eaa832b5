"""Releases: no two sets differ by a few persons, whoever comes and goes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ngd_builders import Consents, make_database, publish_release, write_gvcf
from pyroaring import FrozenBitMap as Set

from wgs_pipeline import audit, ngd
from wgs_pipeline.cli import main
from wgs_pipeline.errors import NgdError, NoReleaseError
from wgs_pipeline.ngd.erase import erase
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.load import Request, load
from wgs_pipeline.ngd.release import LEAST, Draw, published, succeeding
from wgs_pipeline.vault import Vault

KEY = bytes(32)
#: What happens to a database: persons come, persons leave or come back, a release is published.
_EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("load"), st.integers(1, 15)),
        st.tuples(st.just("toggle"), st.integers(0, 1 << 30)),
        st.tuples(st.just("publish"), st.just(0)),
    ),
    max_size=30,
)


def _history(events: list[tuple[str, int]]) -> Iterator[tuple[Set, list[Set], Set]]:
    """Each set that comes into force, all before it, and who might be used then."""
    loaded, refusing = 25, set()
    sets = [published(Set(range(loaded)), [], Draw(KEY, 0))]
    assert sets[0] == Set(range(loaded))
    for event, value in events:
        if event == "load":
            loaded += value
        elif event == "toggle":
            refusing ^= {value % loaded}
        eligible = Set(range(loaded)) - Set(refusing)
        draw, new = Draw(KEY, len(sets)), None
        if not sets[-1] <= eligible:
            new = succeeding(eligible, sets, draw)
        elif event == "publish":
            new = published(eligible, sets, draw)
        if new is not None:
            yield new, list(sets), eligible
            sets.append(new)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(_EVENTS)
def test_at_least_five_are_in_and_five_are_out_against_every_set_before(events):
    for new, earlier, eligible in _history(events):
        assert new <= eligible, "whoever may not be used is out at once"
        assert len(new - Set.union(*earlier)) >= LEAST, "who were in no set before"
        for other in earlier:
            assert len(other - new) >= LEAST


@settings(derandomize=True, deadline=None, max_examples=60)
@given(_EVENTS)
def test_no_sum_of_any_releases_counts_fewer_than_five(events):
    """Whatever is added and taken away, the newcomers of the last release are in what is left."""
    sets = [new for new, _, _ in _history(events)][-6:]
    for number in range(2, min(len(sets), 4) + 1):
        for chosen in combinations(sets, number):
            assert len(chosen[-1] - Set.union(*chosen[:-1])) >= LEAST


def test_no_one_is_left_out_without_need_and_the_draw_is_secret():
    everyone = Set(range(1000))
    first = published(everyone, [], Draw(KEY, 0))
    assert len(first) == 990, "one in a hundred waits for someone to leave"
    left = succeeding(everyone - Set([min(first)]), [first], Draw(KEY, 1))
    assert LEAST <= len(first - left) < 2 * LEAST
    assert LEAST <= len(left - first) < 2 * LEAST
    other = succeeding(everyone - Set([min(first)]), [first], Draw(bytes([1] * 32), 1))
    assert other != left
    many = succeeding(everyone - Set(range(500)), [first], Draw(KEY, 1))
    assert first - many == first & Set(range(500)), "of those who leave together no one is drawn"
    assert published(first, [first], Draw(KEY, 1)) is None
    assert published(Set(range(4)), [], Draw(KEY, 0)) is None
    sizes = {len(first - succeeding(first - Set([min(first)]) | Set(range(2000, 2009)), [first],
                                    Draw(bytes([n] * 32), 1))) for n in range(30)}  # fmt: skip
    assert sizes == set(range(LEAST, 2 * LEAST)), "how many leave is a secret"


LINES = ["chr1 1 A <*> . END=9 GT:GQ:MIN_DP 0/0:50:30",
         "chr1 10 A G,<*> . . GT:DP:GQ 0/1:30:50",
         "chr1 11 A <*> . END=50 GT:GQ:MIN_DP 0/0:50:30"]  # fmt: skip
SITE = "chr1-10-A-G"


class Cohort:
    """Persons who all carry one variant once; AC is the number of persons counted."""

    def __init__(self, folder: Path, persons: int) -> None:
        self.folder, self.consents = folder, Consents(folder / "consents.tsv")
        self.root, self.persons = make_database(folder), 0
        self.load(persons)
        self.project = folder / "project.yaml"
        self.project.write_text(
            "id: p1\ntitle: t\napproval: {number: '1', committee: c}\npurpose: x\n"
            "duo: [DUO:0000006]\nvalid_from: 2024-01-01\nvalid_to: 2099-12-31\n"
            f"users: [{audit.system_user()}]\ndata: [frequencies]\n"
        )

    def load(self, persons: int) -> None:
        for number in range(self.persons, self.persons + persons):
            self.consents.add(f"person-{number}", "analysis", "given")
            self.load_one(number, f"S{number}")
        self.persons += persons

    def load_one(self, number: int, sample: str, lines: list[str] = LINES, **options) -> None:
        gvcf = write_gvcf(self.folder / f"{sample}.g.vcf", sample, lines)
        load(self.root, Request(sample, gvcf, f"person-{number}", "female", **options))

    def refuse(self, number: int) -> None:
        self.consents.add(f"person-{number}", "research", "refused")

    def asked(self, purpose: str = "research") -> tuple[dict, dict]:
        """The answer, and what it states."""
        with ngd.open(self.root, purpose, self.project) as database:
            return _answer(database)

    def in_force(self) -> Set:
        with Vault(Root.open(self.root).vault) as vault:
            return Set.deserialize(vault.last_release().slots)


def _answer(database) -> tuple[dict, dict]:
    table = database.variant(SITE)
    stated = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    return table.to_pylist()[0], stated


def test_counts_stay_those_of_the_release_until_the_next(tmp_path: Path):
    cohort = Cohort(tmp_path, 20)
    with pytest.raises(NoReleaseError, match="never answered from live counts"):
        cohort.asked()
    assert publish_release(cohort.root).number == 1
    row, stated = cohort.asked()
    assert (row["AC"], row["AN"], row["n_het"]) == ("20", "40", "20")
    assert (stated["release"], stated["eligible"]) == ("1", "20")
    cohort.load(4)
    assert cohort.asked() == cohort.asked("statistics")
    assert cohort.asked()[0] == row, "live counts are never given to research"
    with ngd.open(cohort.root, "care") as database:
        assert database.variant(SITE)["AC"].to_pylist() == [24]
    with pytest.raises(NgdError, match="fewer than 5 persons were in no release before"):
        publish_release(cohort.root)
    cohort.load(2)
    assert publish_release(cohort.root).number == 2
    row, stated = cohort.asked()
    assert int(row["AC"]) == int(stated["eligible"]) <= 21
    entries = [each for each in audit.entries(cohort.root / "audit") if each["action"] == "release"]
    assert [each["reason"].split(",")[0] for each in entries] == ["release 1", "release 2"]


def test_who_refuses_is_out_at_once_with_others_and_newcomers_come_in(tmp_path: Path):
    cohort = Cohort(tmp_path, 20)
    publish_release(cohort.root)
    with ngd.open(cohort.root, "research", cohort.project) as database:  # it stays open
        assert _answer(database)[0]["AC"] == "20"
        cohort.load(7)
        cohort.refuse(3)
        row, stated = _answer(database)
        assert stated["release"] == "2", "newcomers were there, so a release followed"
        second = cohort.in_force()
        assert row["AC"] == row["n_het"] == stated["eligible"] == str(len(second))
        left, came = Set(range(20)) - second, second - Set(range(20))
        assert 3 in left
        assert LEAST <= len(left) < 2 * LEAST
        assert LEAST <= len(came) <= 7
        cohort.consents.add("person-3", "research", "given")
        assert _answer(database) == (row, stated), "who comes back waits for a release"
        assert database.info() == {"release": "2", "eligible": len(second)}
        assert _answer(database) == (row, stated)


def test_without_newcomers_nothing_is_counted_once_someone_has_refused(tmp_path: Path):
    cohort = Cohort(tmp_path, 20)
    publish_release(cohort.root)
    cohort.load(4)
    cohort.refuse(3)
    for _ in range(2):
        with pytest.raises(NoReleaseError, match=r"someone of release 1 may not be used any more"):
            cohort.asked()
    refused = list(audit.entries(cohort.root / "audit"))[-1]
    assert (refused["action"], refused["decision"]) == ("variant", "refused")
    cohort.load(1)
    assert cohort.asked()[1]["release"] == "2"
    assert 3 not in cohort.in_force()


def test_each_person_counts_once_and_is_no_newcomer_with_another_genome(tmp_path: Path):
    cohort = Cohort(tmp_path, 12)
    target = tmp_path / "target.bed"
    target.write_text("chr1\t0\t60\n")
    for number in range(6):
        cohort.load_one(number, f"S{number}", assay="exome", target_bed=target)
    release = publish_release(cohort.root)
    assert sorted(release.slots) == list(range(12))
    for number in range(6):
        cohort.load_one(number, f"S{number}", [*LINES[:2], LINES[2].replace("END=50", "END=40")],
                        replace=True)  # fmt: skip
    with pytest.raises(NgdError, match="were in no release before"):
        publish_release(cohort.root)


def test_an_erased_person_is_out_at_once(tmp_path: Path):
    cohort = Cohort(tmp_path, 20)
    publish_release(cohort.root)
    cohort.load(6)
    root = Root.open(cohort.root)
    with Vault(root.vault) as vault:
        erase(root, vault, ["person-3"], lambda _: None)
    assert cohort.asked()[1]["release"] == "2"
    assert 3 not in cohort.in_force()


def test_the_command_publishes_and_info_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    cohort = Cohort(tmp_path, 6)

    def wgs(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main(list(map(str, arguments)))
        said = capsys.readouterr()
        return int(end.value.code or 0), said.out, said.err

    asking = ("ngd", "region", cohort.root, "chr1", "--purpose", "research")
    code, out, err = wgs(*asking, "--project", cohort.project)
    assert (code, out) == (1, "")
    assert "Have one published with 'wgs ngd release'" in err
    assert '"release": null' in wgs("ngd", "info", cohort.root)[1]
    assert wgs("ngd", "release", cohort.root)[2] == (
        f"{cohort.root}: release 1; 6 persons, generation 6\n"
    )
    assert "# generation=6 release=1 eligible=6" in wgs(*asking, "--project", cohort.project)[2]
    assert '"number": 1' in wgs("ngd", "info", cohort.root)[1]
    assert wgs("ngd", "release", cohort.root)[0] == 1
    assert wgs("audit", "verify", cohort.root)[0] == 0


def test_two_processes_that_notice_a_refusal_at_once_agree(tmp_path: Path):
    cohort = Cohort(tmp_path, 20)
    publish_release(cohort.root)
    cohort.load(6)
    cohort.refuse(7)
    wgs = str(Path(sys.executable).with_name("wgs"))
    command = [wgs, "ngd", "variant", str(cohort.root), SITE, "--purpose", "research",
               "--project", str(cohort.project)]  # fmt: skip
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    said = [each.communicate() for each in running]
    assert [each.returncode for each in running] == [0] * 4
    assert len(set(said)) == 1
    assert "release=2" in said[0][1]
