"""A byte flipped in any file below ROOT: ``verify`` finds it, and so does whatever reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from leaks import decryption_of
from wgs_pipeline import audit, ngd
from wgs_pipeline.errors import WgsError
from wgs_pipeline.ngd.compact import compact
from wgs_pipeline.ngd.generation import current_number
from wgs_pipeline.ngd.init import Wanted, initialise
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.load import Request, load
from wgs_pipeline.ngd.registration import Identity, register
from wgs_pipeline.ngd.shard import Analysis
from wgs_pipeline.ngd.shard_writer import write_shard
from wgs_pipeline.ngd.verify import verify
from wgs_pipeline.vault import Vault

CONTIGS = {"chr1": 3000, "chrX": 2000}
HEADER = "##fileformat=VCFv4.2\n" + "".join(
    f"##contig=<ID={name},length={length}>\n" for name, length in CONTIGS.items()
)
COLUMNS = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
#: Persons whose genomes are asked for: one in each plane.
ASKED = (1, 3)
REGISTER = ["patient_id", "scope", "decision", "effective_from", "recorded_at", "source"]


def _gvcf(folder: Path, sample: str) -> Path:
    text = HEADER + "\t".join([*COLUMNS, sample]) + "\n"
    seed = int(sample[1:])
    for contig in CONTIGS:
        for pos in range(20, 1001, 20 + seed):
            text += (
                f"{contig}\t{pos - 15}\t.\tA\t<*>\t.\t.\tEND={pos - 1}\tGT:GQ:MIN_DP\t0/0:50:30\n"
            )
            text += (
                f"{contig}\t{pos}\t.\tA\t{'CGT'[pos % 3]}\t.\t.\t.\tGT:DP:GQ:AD\t1/1:{pos}:50:0,9\n"
            )
    path = folder / f"{sample}.g.vcf"
    path.write_text(text)
    return path


def _say(folder: Path, person: str, scope: str, decision: str, minute: int) -> None:
    moment = f"2024-01-01T00:{minute:02d}:00+01:00"
    with (folder / "consents.tsv").open("a") as file:
        file.write("\t".join([person, scope, decision, moment, moment, "form"]) + "\n")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with something in every place: both planes, segments, an open tier, the inbox.

    S1, S2 and S5 are merged into the research plane, S3 into the other, S4 is in an open tier, S6
    waits in the inbox. S5's consent was withdrawn since, so that answers leave it out.
    """
    folder = tmp_path_factory.mktemp("flipped")
    (folder / "consents.tsv").write_text("\t".join(REGISTER) + "\n")
    index = "".join(f"{name}\t{length}\t6\t60\t61\n" for name, length in CONTIGS.items())
    (folder / "r.fai").write_text(index)
    (folder / "par.bed").write_text("chrX\t0\t500\n")
    for number in range(1, 7):
        _say(folder, f"person-{number}", "analysis", "given", number)
    _say(folder, "person-3", "research", "refused", 10)
    wanted = Wanted(folder / "vault", folder / "consents.tsv", folder / "r.fai", folder / "par.bed")
    initialise(folder / "ngd", wanted)
    root = Root.open(folder / "ngd")
    for number in (1, 2, 3, 5, 4):
        sex = "female" if number % 2 else "male"
        load(root.path, Request(f"S{number}", _gvcf(folder, f"S{number}"), f"person-{number}", sex))
        if number == 5:
            with Vault(root.vault) as vault:
                compact(root, vault)
    _say(folder, "person-5", "analysis", "withdrawn", 11)
    analysis = Analysis("XX")
    digest = write_shard(root, _gvcf(folder, "S6"), "S6", analysis)
    register(root, digest, analysis, Identity("person-6", "S6"))
    return folder


def _ask(root: Path) -> list[object]:
    """Everything that a reader can ask."""
    answers: list[object] = []
    with ngd.open(root, "care") as database:
        for contig, length in CONTIGS.items():
            answers.append(database.region(f"{contig}:1-{length}").to_pylist())
        answers += [database.variant(f"chrX-{pos}-A-C").to_pylist() for pos in (30, 600)]
        answers.append(database.carriers("chr1-20-A-T").to_pylist())
        for number in ASKED:
            answers.append(database.genome(f"person-{number}").to_pylist())
    return answers


def _problems(root: Path) -> tuple[str, ...]:
    opened = Root.open(root)
    with Vault(opened.vault) as vault:
        return verify(opened, vault).problems


def _places(path: Path) -> Iterator[int]:
    """Offsets of the bytes that are flipped: all over the file, and all over a Parquet footer."""
    content = path.read_bytes()
    size = len(content)
    yield from {0, 9, size // 3, size // 2, size - 1}
    if content[:4] in (b"PAR1", b"PARE"):
        footer = size - 8 - int.from_bytes(content[-8:-4], "little")
        yield from {footer - 1, footer, (footer + size) // 2, size - 8, size - 4}
        yield from _needed(path) - set(range(footer, size))


def _flipped(path: Path, offset: int, look: Callable[[], object]) -> object:
    """What ``look`` says while one byte of a file is another; a message where it refuses."""
    content = path.read_bytes()
    changed = bytearray(content)
    changed[offset] ^= 0x01
    path.write_bytes(changed)
    try:
        return look()
    except WgsError as error:
        return f"refused: {error}"
    finally:
        path.write_bytes(content)


def _files(root: Path) -> list[Path]:
    """Files with content; none of the logs, which grow while they are looked at."""
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and path.stat().st_size]
    return [path for path in files if path.parts[len(root.parts)] != "audit"]


def _is_read(root: Path, path: Path) -> bool:
    """Whether the questions read a file: not older generations, what waits, and descriptions."""
    opened = Root.open(root)
    number = current_number(opened)
    with Vault(opened.vault) as vault:
        shard_of = {each.sample_id: each.shard for each in vault.genomes()}
    parts = path.relative_to(root).parts
    if parts[0] == "generations":
        return parts[1] == str(number)
    if parts[0] == "shards":
        hidden = parts[2] == shard_of["S5"] and path.name == "callable.parquet"
        asked = {shard_of[f"S{number}"] for number in ASKED}
        return hidden or (parts[2] in asked and path.name == "variants.parquet")
    return parts[0] != "inbox"


def test_verify_finds_every_flipped_byte(project: Path) -> None:
    root = project / "ngd"
    assert _problems(root) == ()
    missed = [
        (str(path.relative_to(root)), offset)
        for path in _files(root)
        for offset in sorted(_places(path))
        if _flipped(path, offset, lambda: _problems(root)) == ()
    ]
    assert missed == []


def test_no_answer_rests_on_a_flipped_byte(project: Path) -> None:
    """Never a wrong answer; a refusal wherever a byte is one that an answer rests on.

    What an answer does not rest on: the magic number at the start of a Parquet file, and pages of
    columns that nobody asked for. Footers count as a whole.
    """
    root = project / "ngd"
    right = _ask(root)
    for path in _files(root):
        read = _is_read(root, path)
        for offset in sorted(_places(path) if read else {path.stat().st_size // 2}):
            said = _flipped(path, offset, lambda: _ask(root))
            where = f"{path.relative_to(root)} at {offset}"
            assert said == right or isinstance(said, str), where
            if read and offset in _needed(path):
                assert said != right, where


def _needed(path: Path) -> set[int]:
    """Places that any question to a file needs: text, Parquet footers, pages of the position."""
    content = path.read_bytes()
    size = len(content)
    if content[:4] not in (b"PAR1", b"PARE"):
        return set(range(size))
    footer = size - 8 - int.from_bytes(content[-8:-4], "little")
    metadata = pq.read_metadata(path, decryption_properties=decryption_of(path))
    columns = [metadata.row_group(0).column(place) for place in range(metadata.num_columns)]
    position = next(
        each for each in columns if each.path_in_schema in ("pos", "start", "gap", "count", "slot")
    )
    return {_last_byte(position), *range(footer, size)}


def _last_byte(column: pq.ColumnChunkMetaData) -> int:
    start = column.dictionary_page_offset or column.data_page_offset
    return int(start + column.total_compressed_size - 1)


def test_a_flipped_byte_of_the_log_is_found(project: Path) -> None:
    root = Root.open(project / "ngd")
    days = sorted(root.audit.iterdir())
    assert days
    for day in days:
        for offset in (0, day.stat().st_size // 2, day.stat().st_size - 1):
            with Vault(root.vault) as vault:
                assert _flipped(day, offset, lambda: tuple(audit.verify(root.audit, vault)))
    with Vault(root.vault) as vault:
        assert not audit.verify(root.audit, vault)
