"""Genome shards at rest: under a key each, which the vault alone keeps."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ngd_builders import unlocked
from ngd_cohort import Cohort, Person

from wgs_pipeline.cli import main
from wgs_pipeline.errors import NgdError
from wgs_pipeline.ngd.build import build_contig
from wgs_pipeline.ngd.commit import commit
from wgs_pipeline.ngd.compact import compact, plan, publish_plan
from wgs_pipeline.ngd.erase import erase
from wgs_pipeline.ngd.generation import pinned
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.plan import read_plan, with_lent_keys, write_plan
from wgs_pipeline.ngd.shard import FILES, read_callable, read_variants
from wgs_pipeline.ngd.shard_keys import SEALED
from wgs_pipeline.ngd.verify import verify
from wgs_pipeline.vault import Vault
from wgs_pipeline.vault.wrapping import Wrapping

#: An insertion that stands nowhere by chance.
MARK = "ACGTTGCATTAGACCAGATTACAGATTACAGGGCATATACCCGGGTTTAAACGT"
CONTIGS = ("chr1", "chrX", "chrY", "chr2")


@pytest.fixture
def cohort(tmp_path: Path) -> Iterator[Cohort]:
    """Two persons; the first carries MARK."""
    made = Cohort(tmp_path)
    first, second = Person.random(1), Person.random(2)
    first.calls.append(("chr1", 40, "G", MARK, 1))
    made.add([first, second])
    yield made
    made.vault.close()


def shard_of(cohort: Cohort, number: int = 1) -> str:
    (genome,) = cohort.vault.genomes_of(f"patient-{number:05d}")
    return genome.shard


def readable(cohort: Cohort) -> Root:
    return cohort.root.unlocked(cohort.vault.keys)


def alts(root: Root, digest: str) -> list[str]:
    return read_variants(root, digest)["alt"].to_pylist()


def wgs(*arguments: object, code: int = 0) -> None:
    with pytest.raises(SystemExit) as end:
        main([str(each) for each in arguments])
    assert end.value.code == code


def test_no_call_stands_in_a_shard_in_clear(cohort: Cohort, tmp_path: Path):
    digest = shard_of(cohort)
    table = read_variants(readable(cohort), digest)
    assert MARK in table["alt"].to_pylist()
    pq.write_table(table, tmp_path / "plain.parquet", compression="none")
    assert MARK.encode() in (tmp_path / "plain.parquet").read_bytes()
    for name in FILES:
        path = cohort.root.shard(digest) / name
        for word in (MARK, "row_groups", "chr1", "allele", "length"):
            assert word.encode() not in path.read_bytes()
        with pytest.raises((OSError, pa.ArrowException)):
            pq.read_table(path)


def test_the_same_calls_are_written_under_another_key_each_time(tmp_path: Path):
    found = set()
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        made = Cohort(tmp_path / str(number))
        made.add([Person.random(1)])
        digest = shard_of(made)
        found.add((digest, (made.root.shard(digest) / FILES[0]).read_bytes()))
        assert len({made.vault.keys.shard_key(digest)}) == 1
        made.vault.close()
    assert len(found) == 2
    assert len({digest for digest, _ in found}) == 1


def test_who_writes_a_shard_cannot_read_it(cohort: Cohort):
    waiting = cohort.register(Person.random(3))
    node = Root.open(cohort.root.path)
    with pytest.raises(NgdError, match="encrypted; expected their keys, which the vault has"):
        read_variants(node, waiting.shard)
    with pytest.raises(NgdError, match="encrypted"):
        read_callable(node, shard_of(cohort))
    assert (node.shard(waiting.shard) / SEALED).exists()
    assert alts(unlocked(node.path), waiting.shard)


def test_a_commit_takes_the_key_away(cohort: Cohort):
    for number in (1, 2):
        assert not (cohort.root.shard(shard_of(cohort, number)) / SEALED).exists()
    assert len(cohort.vault.keys.kept_shards()) == 2
    stored = (cohort.vault.path / "vault.sqlite").read_bytes()
    key = cohort.vault.keys.shard_key(shard_of(cohort))
    assert key is not None
    assert key not in stored
    assert key.hex().encode() not in stored


@pytest.mark.parametrize("name", FILES)
def test_a_changed_byte_is_found_wherever_it_is(cohort: Cohort, name: str):
    digest, root = shard_of(cohort), readable(cohort)
    path = root.shard(digest) / name
    content = path.read_bytes()
    read = read_variants if name == FILES[0] else read_callable
    for offset in range(4, len(content), 17):
        changed = bytearray(content)
        changed[offset] ^= 4
        path.write_bytes(changed)
        with pytest.raises(NgdError, match=f"{name}: damaged"):
            read(root, digest)
    path.write_bytes(content)
    read(root, digest)


def test_a_file_of_another_shard_does_not_pass_for_its_own(cohort: Cohort):
    one, other = (cohort.root.shard(shard_of(cohort, number)) for number in (1, 2))
    shutil.copy(other / FILES[0], one / FILES[0])
    shutil.copy(other / "shard.json", one / "shard.json")
    with pytest.raises(NgdError, match="damaged"):
        read_variants(readable(cohort), shard_of(cohort))


def test_with_its_key_destroyed_no_copy_can_be_read(cohort: Cohort, tmp_path: Path):
    digest = shard_of(cohort)
    copy = tmp_path / "copy"
    shutil.copytree(cohort.root.path, copy)
    wgs("vault", "destroy-key", cohort.vault.path, "--shard", digest, code=1)
    assert MARK in alts(readable(cohort), digest)
    wgs("vault", "destroy-key", cohort.vault.path, "--shard", digest, "--force")
    for folder in (cohort.root.path, copy):
        with pytest.raises(NgdError, match="no key for it"):
            read_variants(unlocked(folder), digest)
    assert alts(readable(cohort), shard_of(cohort, 2))
    (problem,) = verify(cohort.root, cohort.vault, hashes_only=True).problems
    assert f"{digest}: there is no key for it" in problem


def test_a_genome_whose_key_is_gone_is_erased_and_loaded_again(cohort: Cohort):
    digest = shard_of(cohort)
    wgs("vault", "destroy-key", cohort.vault.path, "--shard", digest, "--force")
    assert erase(cohort.root, cohort.vault, ["patient-00001"], lambda _: None) is not None
    cohort.add([cohort.persons[0]])
    assert MARK in alts(readable(cohort), shard_of(cohort))
    assert verify(cohort.root, cohort.vault).problems == ()


def test_an_erasure_destroys_the_key_before_it_waits_for_anyone(cohort: Cohort):
    digest = shard_of(cohort)
    compact(cohort.root, cohort.vault)
    with pinned(cohort.root), pytest.raises(NgdError, match="are being read"):
        erase(cohort.root, cohort.vault, ["patient-00001"], lambda _: None, wait_seconds=0)
    assert cohort.vault.keys.shard_key(digest) is None
    certificate = erase(cohort.root, cohort.vault, ["patient-00001"], lambda _: None)
    assert certificate is not None
    assert certificate.keys_destroyed == 1
    assert len(cohort.vault.keys.kept_shards()) == 1


def test_keys_of_replaced_genomes_go_with_their_shards(cohort: Cohort):
    before = shard_of(cohort, 2)
    changed = Person.random(2, seed=99)
    cohort.add([changed], replace=True)
    assert before in cohort.vault.keys.kept_shards()
    compact(cohort.root, cohort.vault)
    compact(cohort.root, cohort.vault)
    assert not cohort.root.shard(before).exists()
    assert before not in cohort.vault.keys.kept_shards()
    assert len(cohort.vault.keys.kept_shards()) == 2


def test_a_disk_that_is_not_there_takes_no_keys_with_it(cohort: Cohort):
    digest, shards = shard_of(cohort), cohort.root.path / "shards"
    compact(cohort.root, cohort.vault)
    shards.rename(cohort.root.path.parent / "elsewhere")
    compact(cohort.root, cohort.vault)
    (cohort.root.path.parent / "elsewhere").rename(shards)
    assert MARK in alts(readable(cohort), digest)
    assert verify(cohort.root, cohort.vault).problems == ()


def test_keys_of_other_shards_do_not_open_it(cohort: Cohort):
    one, two = (shard_of(cohort, number) for number in (1, 2))
    keys = cohort.vault.keys.shard_keys([one, two])
    with cohort.vault.transaction():
        cohort.vault.keys.put_shard_keys({one: keys[two], two: keys[one]})
    with pytest.raises(NgdError, match="damaged"):
        read_variants(readable(cohort), one)
    assert len(verify(cohort.root, cohort.vault, hashes_only=True).problems) == 2


@pytest.mark.parametrize("harm", ["changed", "gone", "of another", "another vault's"])
def test_a_genome_that_waits_without_its_key_is_refused_and_said(
    cohort: Cohort, tmp_path: Path, harm: str
):
    waiting = cohort.register(Person.random(3))
    other = cohort.register(Person.random(4))
    for number in (3, 4):
        cohort.consents.add(f"patient-{number:05d}", "analysis", "given")
    path = cohort.root.shard(waiting.shard) / SEALED
    if harm == "changed":
        path.write_bytes(path.read_bytes()[:-1] + b"\0")
    elif harm == "gone":
        path.unlink()
    elif harm == "of another":
        shutil.copy(cohort.root.shard(other.shard) / SEALED, path)
    else:
        from wgs_pipeline.vault import seal

        with Vault.create(tmp_path / "other") as vault:
            path.write_bytes(seal(vault.public_key(), bytes.fromhex(waiting.shard) + b"k" * 32))
    problems = verify(cohort.root, cohort.vault, hashes_only=True).problems
    assert len(problems) == 1
    assert "no key opens it" in problems[0]
    commit(cohort.root, cohort.vault)
    outcomes = [cohort.vault.outcome(each.id) for each in (waiting, other)]
    assert [each and each.outcome for each in outcomes] == ["refused", "loaded"]
    assert outcomes[0] is not None
    assert "missing its key; load it again" in outcomes[0].reason
    cohort.add([Person.random(3)])
    assert verify(cohort.root, cohort.vault).problems == ()


def test_without_the_master_key_nothing_is_decided(cohort: Cohort):
    waiting = cohort.register(Person.random(3))
    cohort.consents.add("patient-00003", "analysis", "given")
    key = cohort.vault.path / "master.key"
    for mode, said in ((0o644, "others may read the vault's master key"), (0o600, "is not this")):
        content = key.read_bytes()
        key.chmod(mode)
        if mode == 0o600:
            key.write_text("0" * 64)
        with Vault(cohort.vault.path) as vault:
            with pytest.raises(NgdError, match=said):
                commit(cohort.root, vault)
            with pytest.raises(NgdError, match=said):
                alts(cohort.root.unlocked(vault.keys), shard_of(cohort))
            assert vault.outcome(waiting.id) is None
        key.chmod(0o600)
        key.write_bytes(content)
    key.rename(key.with_name("away"))
    with Vault(cohort.vault.path) as vault, pytest.raises(NgdError, match="cannot be read"):
        commit(cohort.root, vault)
    key.with_name("away").rename(key)
    commit(cohort.root, cohort.vault)
    outcome = cohort.vault.outcome(waiting.id)
    assert outcome is not None
    assert outcome.outcome == "loaded"


def test_a_shard_of_an_earlier_release_is_refused(cohort: Cohort):
    digest = shard_of(cohort)
    cohort.vault.keys.destroy_shard_keys([digest])
    path = cohort.root.shard(digest) / "shard.json"
    path.write_text(path.read_text().replace('"format": 3', '"format": 2'))
    with pytest.raises(NgdError, match=r"without encryption.*wgs ngd init"):
        read_variants(readable(cohort), digest)


def lent(cohort: Cohort) -> list[Path]:
    return sorted((cohort.root.path / "loans").glob("*"))


def test_a_plan_is_lent_the_keys_that_it_needs_and_no_others(cohort: Cohort, tmp_path: Path):
    """One person moves to the other plane, and one waits in an open tier, which is read instead."""
    compact(cohort.root, cohort.vault)
    cohort.consents.add("patient-00001", "research", "refused")
    cohort.add([Person.random(3)])
    path = tmp_path / "plan.json"
    write_plan(path, plan(cohort.root, cohort.vault))
    (loan,) = lent(cohort)
    assert [each.stat().st_mode & 0o777 for each in (path, loan)] == [0o600, 0o600]
    planned = read_plan(path, Root.open(cohort.root.path))
    root = with_lent_keys(Root.open(cohort.root.path), planned)
    assert MARK in alts(root, shard_of(cohort, 1))
    for number in (2, 3):
        with pytest.raises(NgdError, match="no key for it"):
            read_variants(root, shard_of(cohort, number))
    key = cohort.vault.keys.shard_key(shard_of(cohort, 1))
    assert key is not None
    for file in (path, loan):
        assert key.hex() not in file.read_text()
    stranger = Wrapping(b"0" * 32)
    with pytest.raises(NgdError):
        stranger.unwrap(shard_of(cohort, 1), bytes.fromhex(loan.read_text().split('"')[3]))
    parts = [build_contig(root, planned, contig) for contig in CONTIGS]
    publish_plan(cohort.root, cohort.vault, planned, parts)
    assert lent(cohort) == []
    with pytest.raises(NgdError, match="not there any more"):
        with_lent_keys(Root.open(cohort.root.path), planned)
    assert verify(cohort.root, cohort.vault).problems == ()


def test_a_plan_that_others_may_read_is_refused(cohort: Cohort, tmp_path: Path):
    path = tmp_path / "plan.json"
    planned = plan(cohort.root, cohort.vault)
    write_plan(path, planned)
    path.chmod(0o644)
    with pytest.raises(NgdError, match=r"plan\.json: others may read this plan"):
        read_plan(path, cohort.root)
    (loan,) = lent(cohort)
    loan.chmod(0o640)
    with pytest.raises(NgdError, match="others may read the keys lent"):
        with_lent_keys(cohort.root, planned)


def test_an_erasure_ends_what_was_lent(cohort: Cohort, tmp_path: Path):
    write_plan(tmp_path / "plan.json", plan(cohort.root, cohort.vault))
    wgs("ngd", "verify", cohort.root.path, "--plan", tmp_path / "verification.json")
    assert len(lent(cohort)) == 2
    erase(cohort.root, cohort.vault, ["patient-00001"], lambda _: None)
    assert lent(cohort) == []


def test_a_database_is_verified_in_steps_without_the_vault(
    cohort: Cohort, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path, root = tmp_path / "verification.json", cohort.root.path
    wgs("ngd", "verify", root, "--plan", path)
    hidden = cohort.vault.path.rename(tmp_path / "hidden")
    arguments = [word for contig in CONTIGS for word in ("--contig", contig)]
    wgs("ngd", "verify", root, "--plan", path, *arguments)
    assert capsys.readouterr().err.count("whole; generation") == len(CONTIGS)
    wgs("ngd", "verify", root, *arguments, code=1)
    assert "no vault here" in capsys.readouterr().err
    hidden.rename(cohort.vault.path)
    wgs("ngd", "verify", root, *arguments)
    path.chmod(0o644)
    wgs("ngd", "verify", root, "--plan", path, *arguments, code=1)
    assert "others may read this plan" in capsys.readouterr().err
    path.chmod(0o600)
    wgs("ngd", "verify", root, "--plan", path, "--hashes-only", "--finish")
    assert lent(cohort) == []
    wgs("ngd", "verify", root, "--plan", path, *arguments, code=1)
    assert "Make a new plan" in capsys.readouterr().err
