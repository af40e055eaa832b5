"""Erasures killed at successive steps, and at random moments; a flipped byte in any file."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wgs_pipeline import ngd
from wgs_pipeline.errors import WgsError
from wgs_pipeline.ngd.compact import compact
from wgs_pipeline.ngd.erase import erase
from wgs_pipeline.ngd.init import Wanted, initialise
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.load import Request, load
from wgs_pipeline.ngd.verify import verify
from wgs_pipeline.vault import Vault

#: Of all steps that touch the disk, one in so many is tried.
STRIDE = 3
RANDOM_KILLS = 20

PEOPLE = ("person-one", "person-two", "person-six", "0101701234")
HEADER = "##fileformat=VCFv4.2\n##contig=<ID=chr1,length=100>\n"
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"


def _gvcf(folder: Path, number: int) -> Path:
    """All carry chr1-50-A-G; each carries a variant of its own too."""
    own = f"chr1\t{number + 1}\t.\tA\tC\t.\t.\t.\tGT:DP:GQ\t0/1:30:50\n"
    rest = "chr1\t10\t.\tA\t<*>\t.\t.\tEND=49\tGT:GQ:MIN_DP\t0/0:50:30\n"
    shared = "chr1\t50\t.\tA\tG,<*>\t.\t.\t.\tGT:DP:GQ\t0/1:30:50\n"
    path = folder / f"sample-{number}.g.vcf"
    path.write_text(HEADER + COLUMNS + f"sample-{number}\n" + own + rest + shared)
    return path


def _load(folder: Path, number: int) -> None:
    gvcf = _gvcf(folder, number)
    load(folder / "ngd", Request(f"sample-{number}", gvcf, PEOPLE[number], "female"))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three genomes in the segment, the fourth in an open tier; ``project`` is made anew of it."""
    folder = tmp_path_factory.mktemp("erase") / "project"
    folder.mkdir()
    moment = "2024-01-01T00:00:00+01:00"
    rows = ["patient_id\tscope\tdecision\teffective_from\trecorded_at\tsource"]
    rows += [f"{each}\tanalysis\tgiven\t{moment}\t{moment}\tform" for each in PEOPLE]
    (folder / "consents.tsv").write_text("\n".join(rows) + "\n")
    (folder / "r.fai").write_text("chr1\t100\t6\t60\t61\n")
    initialise(folder / "ngd", Wanted(folder / "vault", folder / "consents.tsv", folder / "r.fai"))
    for number in range(3):
        _load(folder, number)
    root = Root.open(folder / "ngd")
    with Vault(root.vault) as vault:
        compact(root, vault)
    _load(folder, 3)
    for path in folder.glob("*.vcf"):
        path.unlink()
    shutil.copytree(folder, folder.parent / "copy")
    return folder


@pytest.fixture
def project(original: Path) -> Path:
    _restore(original)
    return original


def _restore(folder: Path) -> None:
    shutil.rmtree(folder)
    shutil.copytree(folder.parent / "copy", folder)


def _erase(folder: Path, *persons: str) -> bool:
    root = Root.open(folder / "ngd")
    with Vault(root.vault) as vault:
        return erase(root, vault, persons, lambda _: None) is not None


def _problems(folder: Path) -> tuple[str, ...]:
    root = Root.open(folder / "ngd")
    with Vault(root.vault) as vault:
        report = verify(root, vault)
    return (*report.problems, *map(str, report.orphans))


def _counts(folder: Path) -> tuple[int, int]:
    with ngd.open(folder / "ngd", "care") as database:
        (row,) = database.variant("chr1-50-A-G").to_pylist()
        return row["AC"], row["AN"]


def _left(folder: Path) -> list[Path]:
    words = (b"person-two", b"sample-1", b"0101701234", b"010170-1234", b"sample-3")
    files = [path for name in ("ngd", "vault") for path in (folder / name).rglob("*")]
    return [
        path
        for path in files
        if path.is_file() and any(word in path.read_bytes() for word in words)
    ]


def _in_child(action: Callable[[], Any]) -> int:
    """Run something in a process of its own; 0, 1 if it failed, or the negative signal."""
    child = os.fork()
    if not child:
        status = 1
        try:
            action()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _killed_at(last: int) -> None:
    """Arrange that this process kills itself at its n-th step on the disk or in the vault."""
    steps = 0

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps == last:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)

        return call

    os.fsync = counted(os.fsync)
    for name in ("replace", "rename", "unlink"):
        setattr(Path, name, counted(getattr(Path, name)))
    for name in ("put", "forget", "scrub", "erasure_done"):
        setattr(Vault, name, counted(getattr(Vault, name)))


def _finished(folder: Path) -> None:
    """The erasure is finished by calling it again, whatever became of the first call."""
    _erase(folder, "person-two", "010170-1234")
    assert _left(folder) == []
    assert _problems(folder) == ()
    assert _counts(folder) == (2, 4)
    assert not _erase(folder, "person-two", "0101701234")


def test_an_erasure_killed_at_any_step_is_finished_when_called_again(project: Path) -> None:
    killed, step = 0, 1
    while True:

        def child(last: int = step) -> None:
            _killed_at(last)
            _erase(project, "person-two", "0101701234")

        status = _in_child(child)
        assert status in (0, -signal.SIGKILL)
        assert _counts(project) in ((4, 8), (2, 4))
        _finished(project)
        if status == 0:
            break
        killed += 1
        step += STRIDE
        _restore(project)
    assert killed > 8


def test_an_erasure_killed_at_random_moments_is_finished(project: Path) -> None:
    randomness = random.Random(11)
    begin = time.monotonic()
    assert _in_child(lambda: _erase(project, "person-two", "0101701234")) == 0
    longest = time.monotonic() - begin
    for _ in range(RANDOM_KILLS):
        _restore(project)
        child = os.fork()
        if not child:
            try:
                _erase(project, "person-two", "0101701234")
            finally:
                os._exit(0)
        time.sleep(randomness.uniform(0, longest))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        _finished(project)


def test_a_flipped_byte_in_any_file_is_found(project: Path) -> None:
    """By ``verify``; every file below ROOT in turn, at its beginning, middle and end."""
    assert _problems(project) == ()
    root = project / "ngd"
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and path.stat().st_size]
    assert len(files) > 15
    for path in files:
        content = path.read_bytes()
        for place in {1, len(content) // 2, len(content) - 2}:
            changed = bytearray(content)
            changed[place] ^= 1
            path.write_bytes(changed)
            try:
                found = _problems(project)
            except WgsError:
                found = ("refused",)
            assert found, f"{path.relative_to(root)}, byte {place} of {len(content)}"
        path.write_bytes(content)
    assert _problems(project) == ()


def test_a_flipped_byte_of_the_index_is_found_by_the_query_that_reads_it(project: Path) -> None:
    root = project / "ngd"
    for path in sorted((root / "index").rglob("*.parquet")) + sorted((root / "counts").rglob("*")):
        if not path.is_file() or "callable" in path.name:
            continue
        content = path.read_bytes()
        changed = bytearray(content)
        changed[len(content) // 4] ^= 16  # within the pages; counts have one column only
        path.write_bytes(changed)
        try:
            answer = _counts(project)
        except WgsError:
            answer = None
        assert answer in (None, (4, 8)), path
        path.write_bytes(content)
