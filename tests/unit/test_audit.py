import hashlib
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wgs_pipeline import audit
from wgs_pipeline.audit import persons
from wgs_pipeline.audit.lines import ranges_of, slots_of
from wgs_pipeline.audit.reading import day_files
from wgs_pipeline.errors import NgdError
from wgs_pipeline.vault import Vault

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    with Vault.create(tmp_path / "vault"):
        return tmp_path / "audit"


@pytest.fixture
def vault(log: Path):
    with Vault(log.parent / "vault") as vault:
        yield vault


def _write(log: Path, vault: Vault, count: int, now: datetime = NOON) -> None:
    for number in range(count):
        audit.append(log, vault, audit.Access("region", "care", persons=number), "tester", now)


def _file(log: Path) -> Path:
    return log / "log-2026-03-01.jsonl"


def test_lines_are_chained(log: Path, vault: Vault):
    _write(log, vault, 3)
    lines = list(audit.entries(log))
    assert [line["seq"] for line in lines] == [1, 2, 3]
    assert lines[0]["previous"] == audit.GENESIS
    assert len({line["previous"] for line in lines}) == 3
    assert audit.verify(log, vault) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [lines[0].replace(b"care", b"safe"), *lines[1:]], ":1: not written by"),
        (lambda lines: [lines[0], *lines[2:]], ":2: sequence number 3"),
        (lambda lines: [lines[0], lines[0], *lines[1:]], ":2: sequence number 1"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], ":1: sequence number 2"),
        (lambda lines: lines[:-1], "the vault knows of 4 lines"),
        (lambda lines: [], "the log is missing"),
        (lambda lines: [*lines[:-1], lines[-1].replace(b"care", b"safe")], ":4: not written by"),
        (lambda lines: [*lines, lines[-1]], ":5: sequence number 4"),
        (lambda lines: [lines[0][:-1] + b" \n", *lines[1:]], ":1: not in the form"),
        (lambda lines: [b"nonsense\n", *lines[1:]], ":1: not an audit line"),
        (lambda lines: [*lines[:-1], lines[-1][:-1]], ":4: not in the form"),
    ],
)
def test_any_change_is_found(log: Path, vault: Vault, change, message: str):
    _write(log, vault, 4)
    lines = _file(log).read_bytes().splitlines(keepends=True)
    _file(log).write_bytes(b"".join(change(lines)))
    (problem,) = audit.verify(log, vault)
    assert message in problem


def test_a_line_forged_with_a_right_chain_is_found(log: Path, vault: Vault):
    """Whoever can write below ROOT can compute hashes, but has not the vault's key."""
    _write(log, vault, 2)
    with tempfile.TemporaryDirectory() as folder, Vault.create(Path(folder) / "vault") as other:
        _write(Path(folder) / "audit", other, 3)
        third = _file(Path(folder) / "audit").read_bytes().splitlines(keepends=True)[2]
    entry = json.loads(third)
    lines = _file(log).read_bytes().splitlines(keepends=True)
    entry["previous"] = hashlib.sha256(lines[1]).hexdigest()
    forged = json.dumps(entry, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    _file(log).write_bytes(b"".join(lines) + forged)
    assert ":3: not written by the holder of the vault" in audit.verify(log, vault)[0]
    with pytest.raises(NgdError, match="nothing is answered"):
        _write(log, vault, 1)


def test_a_missing_log_is_found(log: Path, vault: Vault):
    assert audit.verify(log, vault) == []
    _write(log, vault, 1)
    _file(log).unlink()
    assert "missing" in audit.verify(log, vault)[0]
    with pytest.raises(NgdError, match="nothing is answered"):
        _write(log, vault, 1)


def test_each_day_has_its_file_and_days_hang_together(log: Path, vault: Vault):
    for day in range(3):
        _write(log, vault, 2, NOON + timedelta(days=day))
    assert [path.name for path in day_files(log)] == [
        "log-2026-03-01.jsonl",
        "log-2026-03-02.jsonl",
        "log-2026-03-03.jsonl",
    ]
    assert [line["seq"] for line in audit.entries(log)] == [1, 2, 3, 4, 5, 6]
    assert audit.verify(log, vault) == []
    (log / "log-2026-03-02.jsonl").unlink()
    (problem,) = audit.verify(log, vault)
    assert "log-2026-03-03.jsonl:1: sequence number 5; expected 3" in problem
    assert "lines 3 to 4, of the days before, are gone" in problem


def test_a_line_moved_to_the_next_day_is_found(log: Path, vault: Vault):
    _write(log, vault, 2)
    _write(log, vault, 1, NOON + timedelta(days=1))
    first, last = _file(log).read_bytes().splitlines(keepends=True)
    _file(log).write_bytes(first)
    later = log / "log-2026-03-02.jsonl"
    later.write_bytes(last + later.read_bytes())
    assert "log-2026-03-02.jsonl:1: was written to log-2026-03-01" in audit.verify(log, vault)[0]


def test_a_clock_that_goes_back_does_not_open_an_older_day(log: Path, vault: Vault):
    _write(log, vault, 1, NOON + timedelta(days=1))
    _write(log, vault, 2, NOON)
    _write(log, vault, 1, NOON + timedelta(days=2))
    assert [path.name[4:14] for path in day_files(log)] == ["2026-03-02", "2026-03-03"]
    assert audit.verify(log, vault) == []


def test_other_files_in_the_folder_are_named(log: Path, vault: Vault):
    _write(log, vault, 1)
    (log / "log-2026-03-01.jsonl.bak").write_text("x")
    assert "does not belong to the log" in audit.verify(log, vault)[0]


def test_a_file_of_a_day_to_come_stops_the_log(log: Path, vault: Vault):
    _write(log, vault, 1)
    (log / "log-2026-03-02.jsonl").write_text("")
    with pytest.raises(NgdError, match="before the first line of its day"):
        _write(log, vault, 1, NOON + timedelta(days=1))


def test_nothing_is_appended_to_a_changed_log(log: Path, vault: Vault):
    _write(log, vault, 2)
    _file(log).write_bytes(_file(log).read_bytes() + b"{}\n")
    with pytest.raises(NgdError, match="nothing is answered"):
        _write(log, vault, 1)


def test_a_damaged_head_is_said(log: Path, vault: Vault):
    _write(log, vault, 2)
    (vault.path / "audit.head").write_bytes(b"[1, 2]")
    with pytest.raises(NgdError, match="Restore it from a backup"):
        audit.verify(log, vault)


def test_a_line_that_cannot_be_written_is_an_error(log: Path, vault: Vault):
    log.write_text("a file where the folder should be")
    with pytest.raises(NgdError, match="nothing is answered"):
        _write(log, vault, 1)


def test_a_full_disk_leaves_no_part_of_a_line(log: Path, vault: Vault):
    """A process that may write only so many bytes to a file stands for the full disk."""
    _write(log, vault, 2)
    size = _file(log).stat().st_size
    code = f"""
import resource, signal, sys
from pathlib import Path
from datetime import UTC, datetime
from wgs_pipeline import audit
from wgs_pipeline.errors import NgdError
from wgs_pipeline.vault import Vault
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({size + 100}, {size + 100}))
with Vault(Path({str(vault.path)!r})) as vault:
    try:
        audit.append(Path({str(log)!r}), vault, audit.Access("region", "care"), "tester",
                     datetime(2026, 3, 1, 12, tzinfo=UTC))
    except NgdError as error:
        print(error)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "cannot be written (File too large)" in said.stdout
    assert _file(log).stat().st_size == size
    assert audit.verify(log, vault) == []
    _write(log, vault, 1)
    assert audit.verify(log, vault) == []


def _interrupt(log: Path, vault: Vault, keep_bytes: int | None) -> None:
    """Leave what a writer killed before it noted its line leaves: all of it, or a part."""
    head = vault.path / "audit.head"
    before, old = head.read_bytes(), _file(log).read_bytes()
    _write(log, vault, 1)
    head.write_bytes(before)
    if keep_bytes is not None:
        _file(log).write_bytes(old + _file(log).read_bytes()[len(old) :][:keep_bytes])


@pytest.mark.parametrize(("keep_bytes", "lines"), [(0, 3), (10, 3), (None, 4)])
def test_a_killed_writer_is_completed_by_the_next(
    log: Path, vault: Vault, keep_bytes: int | None, lines: int
):
    _write(log, vault, 2)
    _interrupt(log, vault, keep_bytes)
    _write(log, vault, 1)
    assert audit.verify(log, vault) == []
    assert len(list(audit.entries(log))) == lines


def _append(log: Path, vault_folder: Path, count: int) -> None:
    with Vault(vault_folder) as own:
        for number in range(count):
            audit.append(log, own, audit.Access("region", "care", persons=number), "tester")


def test_concurrent_writers_killed_at_random_leave_one_whole_chain(log: Path, vault: Vault):
    randomness = random.Random(7)
    context = multiprocessing.get_context("fork")
    kills = 0
    while kills < 50:
        writers = [context.Process(target=_append, args=(log, vault.path, 500)) for _ in range(4)]
        for writer in writers:
            writer.start()
        for writer in writers:
            time.sleep(randomness.uniform(0.0, 0.03))
            if writer.is_alive() and writer.pid:
                os.kill(writer.pid, signal.SIGKILL)
                kills += 1
        for writer in writers:
            writer.join()
    _append(log, vault.path, 1)
    assert audit.verify(log, vault) == []
    assert [line["seq"] for line in audit.entries(log)] == list(
        range(1, 1 + len(list(audit.entries(log))))
    )


_TAMPER = st.sampled_from(["edit", "delete", "insert", "swap", "cut", "drop_day", "copy_day"])


@settings(
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    days=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    tamper=_TAMPER,
    at=st.integers(0, 1_000),
    byte=st.integers(0, 100_000),
)
def test_tampering_of_any_kind_is_found_where_it_was_done(
    days: list[int], tamper: str, at: int, byte: int
):
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "audit"
        with Vault.create(Path(folder) / "vault") as vault:
            for day, count in enumerate(days):
                _write(log, vault, count, NOON + timedelta(days=day))
            files = day_files(log)
            owner = [path for path, count in zip(files, days, strict=True) for _ in range(count)]
            row = at % len(owner)
            expected = _tampered(files, owner, days, row, tamper, byte)
            problems = audit.verify(log, vault)
            assert problems, tamper
            assert any(place in problems[0] for place in expected), (problems, expected)


def _tampered(
    files: list[Path], owner: list[Path], days: list[int], row: int, tamper: str, byte: int
) -> list[str]:
    """Change a log; gives the places of which the first problem must name one."""
    path = owner[row]
    within = row - sum(days[: files.index(path)])
    lines = path.read_bytes().splitlines(keepends=True)
    place = f"{path.name}:{within + 1}:"
    after = [f"{files[files.index(path) + 1].name}:1:"] if path != files[-1] else ["the vault"]
    if tamper == "edit":
        line = bytearray(lines[within])
        where = byte % (len(line) - 1)
        line[where] = line[where] ^ 1 if line[where] ^ 1 != 10 else line[where] ^ 2
        lines[within] = bytes(line)
        expected = [place]
    elif tamper == "delete":
        del lines[within]
        expected = [place, *after]
    elif tamper == "insert":
        lines.insert(within, lines[byte % len(lines)])
        expected = [place, f"{path.name}:{within + 2}:"]
    elif tamper == "swap" and len(lines) > 1:
        other = within + 1 if within + 1 < len(lines) else within - 1
        lines[within], lines[other] = lines[other], lines[within]
        expected = [f"{path.name}:{min(within, other) + 1}:"]
    elif tamper == "copy_day":
        (path.parent / "log-2027-01-01.jsonl").write_bytes(path.read_bytes())
        return ["log-2027-01-01.jsonl:1:"]
    elif tamper == "drop_day":
        path.unlink()
        return after
    else:
        lines = lines[:within]
        expected = after
    path.write_bytes(b"".join(lines))
    return expected


@given(st.sets(st.integers(0, 200)))
@settings(derandomize=True, deadline=None)
def test_slots_are_kept_as_ranges(slots: set[int]):
    assert slots_of(ranges_of(list(slots))) == sorted(slots)
    assert len(ranges_of(range(60_000))) == 1


def test_a_person_sees_what_concerns_them_and_everything_is_accounted_for(log: Path, vault: Vault):
    audit.append(log, vault, audit.Access("carriers", "care", slots=(0, 1)), "tester", NOON)
    audit.append(log, vault, audit.Access("genome", "care", slots=(1,)), "tester", NOON)
    audit.append(log, vault, audit.Access("region", "research", persons=2), "tester", NOON)
    audit.append(log, vault, audit.Access("region", "research", "refused"), "tester", NOON)
    found = persons.select(audit.entries(log), [0])
    assert [line["action"] for line in found.lines] == ["carriers"]
    assert found.lines[0]["slots"] == [0]
    assert found.counted == (("2026-03", "research", 1),)
    assert (found.withheld, found.logged) == (2, 4)
    (row,) = persons.person_rows(found.lines)
    assert row["why"] == "patient care"
    assert row["data"] == "whether you carry certain variants, identified"


def test_query_digests_are_keyed(vault: Vault, tmp_path: Path):
    query = {"variant": "chr1-1-A-T"}
    assert audit.query_digest(vault, query) == audit.query_digest(vault, dict(query))
    with Vault.create(tmp_path / "other") as other:
        assert audit.query_digest(vault, query) != audit.query_digest(other, query)


@pytest.mark.parametrize(
    "slots",
    [
        [],
        [3],
        [0, 1, 2, 9],
        list(range(60_000)),
        list(range(0, 60_000, 7)),
        [0, *range(5, 9000, 2)],
    ],
)
def test_slots_of_any_number_come_back_and_stay_short(slots: list[int]):
    written = ranges_of(slots[::-1])
    assert slots_of(json.loads(json.dumps(written))) == slots
    assert len(json.dumps(written)) < 12_000
