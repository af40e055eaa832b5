import json
import threading
from pathlib import Path

import pytest

from wgs_pipeline import audit
from wgs_pipeline.errors import NgdError
from wgs_pipeline.vault import Genome, Vault


@pytest.fixture
def log(tmp_path: Path) -> Path:
    with Vault.create(tmp_path / "vault"):
        return tmp_path / "audit" / "log.jsonl"


@pytest.fixture
def vault(log: Path):
    with Vault(log.parents[1] / "vault") as vault:
        yield vault


def _write(log: Path, vault: Vault, count: int) -> None:
    for number in range(count):
        audit.append(log, vault, audit.Access("region", "care", persons=number), "tester")


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
        (lambda lines: [lines[0].replace(b"care", b"safe"), *lines[1:]], ":2: does not continue"),
        (lambda lines: [lines[0], *lines[2:]], ":2: sequence number 3"),
        (lambda lines: [lines[0], lines[0], *lines[1:]], ":2: sequence number 1"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], ":1: sequence number 2"),
        (lambda lines: lines[:-1], "the vault knows of 4 lines"),
        (lambda lines: [], "the vault knows of 4 lines"),
        (lambda lines: [*lines[:-1], lines[-1].replace(b"care", b"safe")], "is another"),
        (lambda lines: [*lines, lines[-1]], ":5: sequence number 4"),
        (lambda lines: [lines[0][:-1] + b" \n", *lines[1:]], ":1: not in the form"),
        (lambda lines: [b"nonsense\n", *lines[1:]], ":1: not an audit line"),
    ],
)
def test_any_change_is_found(log: Path, vault: Vault, change, message: str):
    _write(log, vault, 4)
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(change(lines)))
    (problem,) = audit.verify(log, vault)
    assert message in problem


def test_a_whole_forged_chain_is_found(log: Path, vault: Vault, tmp_path: Path):
    _write(log, vault, 3)
    with Vault.create(tmp_path / "forger") as forger:
        forged = tmp_path / "forged.jsonl"
        _write(forged, forger, 3)
        assert audit.verify(forged, forger) == []
    log.write_bytes(forged.read_bytes())
    assert "is another" in audit.verify(log, vault)[0]


def test_a_missing_log_is_found(log: Path, vault: Vault):
    assert audit.verify(log, vault) == []
    _write(log, vault, 1)
    log.unlink()
    assert "missing" in audit.verify(log, vault)[0]


def test_nothing_is_appended_to_a_changed_log(log: Path, vault: Vault):
    _write(log, vault, 2)
    log.write_bytes(log.read_bytes() + b"{}\n")
    with pytest.raises(NgdError, match="nothing is answered"):
        _write(log, vault, 1)


def test_a_line_that_cannot_be_written_is_an_error(log: Path, vault: Vault):
    log.parent.mkdir()
    log.mkdir()
    with pytest.raises(NgdError, match="nothing is answered"):
        _write(log, vault, 1)


def _interrupt(log: Path, vault: Vault, keep_bytes: int | None) -> None:
    """Leave what a writer killed after noting its line, or while writing it, leaves."""
    before = vault.get("audit_head")
    old = log.read_bytes()
    _write(log, vault, 1)
    after = json.loads(vault.get("audit_head") or "")["at"]
    vault.put("audit_head", json.dumps({"at": json.loads(before or "")["at"], "coming": after}))
    if keep_bytes is not None:
        log.write_bytes(old + log.read_bytes()[len(old) :][:keep_bytes])


@pytest.mark.parametrize(("keep_bytes", "lines"), [(0, 3), (10, 3), (None, 4)])
def test_a_killed_writer_is_completed_by_the_next(
    log: Path, vault: Vault, keep_bytes: int | None, lines: int
):
    _write(log, vault, 2)
    _interrupt(log, vault, keep_bytes)
    _write(log, vault, 1)
    assert audit.verify(log, vault) == []
    assert len(list(audit.entries(log))) == lines


def test_concurrent_writers_make_one_chain(log: Path, vault: Vault):
    def work() -> None:
        with Vault(vault.path) as own:
            _write(log, own, 10)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert audit.verify(log, vault) == []
    assert len(list(audit.entries(log))) == 40


def test_a_person_sees_what_concerns_them_and_how_much_is_withheld(log: Path, vault: Vault):
    vault.add_genome(Genome(0, "one", "S1", "wgs", "a" * 64, 1, None))
    vault.add_genome(Genome(1, "two", "S2", "wgs", "b" * 64, 1, None))
    audit.append(log, vault, audit.Access("carriers", "care", slots=(0, 1)), "tester")
    audit.append(log, vault, audit.Access("genome", "care", slots=(1,)), "tester")
    audit.append(log, vault, audit.Access("region", "care", persons=2), "tester")
    shown, withheld = audit.select(log, vault, "one")
    assert [line["action"] for line in shown] == ["carriers"]
    assert shown[0]["slots"] == [0]
    assert len(shown) + withheld == 3
    assert audit.to_tsv(shown).count("\n") == 2


def test_query_digests_are_keyed(vault: Vault, tmp_path: Path):
    query = {"variant": "chr1-1-A-T"}
    assert audit.query_digest(vault, query) == audit.query_digest(vault, dict(query))
    with Vault.create(tmp_path / "other") as other:
        assert audit.query_digest(vault, query) != audit.query_digest(other, query)
