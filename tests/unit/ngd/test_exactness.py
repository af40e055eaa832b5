"""AC and AN against brute force: random histories, every base, every variant.

Each seed is one history of a database: genomes are loaded alone, in batches and in groups that go
in together or not at all; they are replaced, loaded twice and erased; consents come, go, and come
late; tiers are merged, at once or in steps between which anything may happen. A history that fails
tells what happened in it. ``HYPOTHESIS_PROFILE=long`` runs more histories than the gate has time
for (20 minutes of CPU; with ``-o tmp_path_retention_policy=failed``, or it leaves 2 GB behind).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest
from ngd_history import History
from ngd_random import gvcf_lines

from wgs_pipeline.consent.purposes import Purpose
from wgs_pipeline.errors import ProblemsError
from wgs_pipeline.ngd import registration
from wgs_pipeline.ngd.generation import pinned
from wgs_pipeline.ngd.shard import problems

#: Histories of the gate, and of HYPOTHESIS_PROFILE=long.
HISTORIES = {"ci": 50, "long": 1_200}[os.environ.get("HYPOTHESIS_PROFILE", "ci")]


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_any_history_counts_as_brute_force_does(tmp_path: Path, seed: int) -> None:
    history = History(tmp_path, seed)
    try:
        often = history.rng.random() < 0.5  # then it is looked at after every step
        for _ in range(history.rng.randint(3, 12)):
            history.step()
            if often:
                history.check()
        history.check_whole()
    except Exception as error:
        error.add_note(f"seed {seed}: {', '.join(history.told)}")
        raise
    finally:
        history.close()


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    history = History(tmp_path, 0)
    yield history
    history.close()


def test_an_open_database_follows_consents_that_come_and_go(history: History) -> None:
    """Between two compactions: who is left out of the segments grows, shrinks and changes."""
    history.stays_open = True
    for number in range(6):
        person = f"person-{number}"
        history.decide(person, "analysis", "given")
        lines = gvcf_lines(history.rng)
        history.load(history.genome(person, f"S{number}", "XX", "wgs", lines))
    history.compact()
    for decision in ("withdrawn", "given"):
        for each in history.rng.sample(history.active, 6):
            history.decide(each.person, "analysis", decision)
            history.check_for(Purpose.CARE)
    history.check_whole()


def test_two_persons_with_equal_calls_share_a_shard_and_count_twice(history: History) -> None:
    history.new()
    first = history.active[0]
    twin = replace(first, person="person-twin", sample="S-twin")
    history.decide("person-twin", "analysis", "given")
    history.load(twin)
    digests = {each.shard for each in history.vault.genomes()}
    assert (len(history.vault.genomes()), len(digests)) == (2, 1)
    history.check_whole()
    history.compact()
    history.erase_persons({first.person})  # the shard stays: the twin's is the same
    history.check_whole()
    assert not problems(history.root, digests.pop())


def test_calls_that_someone_else_once_had_are_erased(history: History) -> None:
    """As when a gVCF was loaded for the wrong person, and that was put right."""
    history.new()
    first = history.active[0]
    history.decide("person-twin", "analysis", "given")
    history.load(replace(first, person="person-twin", sample="S-twin"))
    history.load(history.called_anew(history.active[1], replace=True))
    history.compact()
    history.erase_persons({first.person})
    assert [each.sample for each in history.active] == ["S-twin"]
    history.check_whole()


def test_a_refused_load_leaves_readers_of_an_older_generation_their_shards(
    history: History,
) -> None:
    """The calls that are refused are those of a genome that only the older generation still has."""
    history.new()
    first = history.active[0]
    (digest,) = {each.shard for each in history.vault.genomes()}
    with pinned(history.root):
        history.load(history.called_anew(first, replace=True))
        history.compact()
        history.load(first)  # refused: other calls are loaded
        assert history.active[0] is not first
        assert not problems(history.root, digest)
    history.compact()
    assert problems(history.root, digest)
    history.check_whole()


def test_half_a_shard_does_not_keep_a_genome_out(history: History) -> None:
    """Its folder stands, but not its description: somebody was killed while removing it."""
    history.new()
    mine = history.active[0]
    (digest,) = {each.shard for each in history.vault.genomes()}
    history.erase_persons({mine.person})
    folder = history.root.shard(digest)
    folder.mkdir(parents=True)
    (folder / "variants.parquet").write_bytes(b"half")
    history.load(mine)
    history.check_whole()


def test_a_gvcf_under_two_assays_is_two_genomes(history: History) -> None:
    history.new()
    first = history.active[0]
    for kind in ("exome", "panel"):
        if first.kind != kind:
            genome = history.genome(first.person, first.sample, first.karyotype, kind, first.lines)
            history.load(genome)
            history.check()
    assert len(history.active) == 3 - (first.kind in ("exome", "panel"))
    history.check_whole()


def test_the_last_registration_stands_though_the_clock_was_put_back(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loader was killed before its commit; then a clock that is an hour behind registers more."""

    class Clock(datetime):
        late = timedelta()

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) - cls.late

    history.new()
    monkeypatch.setattr(registration, "datetime", Clock)
    for hours in (0, 1, 2):
        Clock.late = timedelta(hours=hours)
        history.wait(history.called_anew(history.active[0], replace=True))
    last = history.waiting[-1][0]
    history.commit()
    assert history.active == [last]
    history.check_whole()


def test_a_clock_that_is_behind_the_register_refuses_rather_than_guesses(
    history: History,
) -> None:
    """An event that lies in the future, as seen by this machine, is never passed over."""
    history.new()
    moment = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    with history.consents.path.open("a") as file:
        file.write(f"person-1\tresearch\trefused\t{moment}\t{moment}\tform\n")
    with pytest.raises(ProblemsError, match="in the future"):
        history.check()
