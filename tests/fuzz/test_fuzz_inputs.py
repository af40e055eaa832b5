"""Everything that reads what comes from outside, with inputs that are nearly right.

Whatever the input: it is taken, or refused with one of our errors; no traceback, no hang, and
nothing is left behind of what was refused. `make fuzz` tries 100,000 inputs and more; without it
each reader gets a small share of them (``WGS_FUZZ_INPUTS``, in all).
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from mutations import nearly

from wgs_pipeline.checks.gvcfs import check_gvcfs
from wgs_pipeline.config import ReferenceConfig, parse_config
from wgs_pipeline.consent import register as register_module
from wgs_pipeline.consent.register import ConsentRegister
from wgs_pipeline.errors import WgsError
from wgs_pipeline.ngd.callset import CallsetRequest, load_callset
from wgs_pipeline.ngd.export_regions import read_regions
from wgs_pipeline.ngd.genes import read_genes
from wgs_pipeline.ngd.init import Wanted, initialise
from wgs_pipeline.ngd.layout import Root
from wgs_pipeline.ngd.lists import read_sample_ids, read_variant_names
from wgs_pipeline.ngd.load import read_target
from wgs_pipeline.ngd.projects import read_project
from wgs_pipeline.ngd.shard import Analysis
from wgs_pipeline.ngd.shard_writer import write_shard
from wgs_pipeline.sheets import Unit, match_sheets, parse_samples, parse_units

CONFIG = Path(__file__).parents[2] / "config"
#: Inputs of all readers together.
INPUTS = int(os.environ.get("WGS_FUZZ_INPUTS", "1500"))
#: An input that takes longer hangs; the slowest of the usual ones take 0.1 s.
LONGEST_SECONDS = 20
NOW = datetime(2026, 1, 1, tzinfo=UTC)
MOMENT = "2024-03-31T03:30:00+02:00"
EVENTS = "patient_id\tscope\tdecision\teffective_from\trecorded_at\tsource\n" + "".join(
    f"{person}\t{scope}\t{decision}\t{MOMENT}\t2024-03-31T01:30:00Z\tform {person}\n"
    for person in ("P1", "P2")
    for scope, decision in (("analysis", "given"), ("research", "refused"))
)
SAMPLES = (
    "sample_id\tpatient_id\tsex\tfamily_id\tfather_id\tmother_id\taffected\tpatient_group\tregion\t"
    "material\n"
    "S1\tP1\tfemale\tF1\tS2\tS3\tyes\trare disease\tCapital\tgermline\n"
    "S2\tP2\tmale\tF1\t\t\tno\trare disease\tCapital\tgermline\n"
    "S3\tP3\tfemale\tF1\t\t\tunknown\trare disease\tCapital\tgermline\n"
)
UNITS = (
    "sample_id\tlibrary_id\tflowcell\tlane\tfastq_1\tfastq_2\tmd5_1\tmd5_2\tcram\tgvcf\tassay\t"
    "target_bed\n"
    f"S1\tL1\tHXX\t1\tr/1.fastq.gz\tr/2.fastq.gz\t{'a' * 32}\t{'b' * 32}\t\t\t\t\n"
    "S2\t\t\t\t\t\t\t\ts2.cram\t\t\t\n"
    "S3\t\t\t\t\t\t\t\t\ts3.g.vcf.gz\tpanel\tt.bed\n"
)
GVCF = (
    "##fileformat=VCFv4.2\n##contig=<ID=chr1,length=400>\n##contig=<ID=chrX,length=200>\n"
    '##INFO=<ID=END,Number=1,Type=Integer,Description="">\n'
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="">\n'
    '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="">\n'
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n"
    "chr1\t1\t.\tA\t<NON_REF>\t.\t.\tEND=40\tGT:DP:GQ:MIN_DP:PL\t0/0:30:60:28:0,60,900\n"
    "chr1\t41\t.\tA\tG,<NON_REF>\t99.5\t.\tDP=30\tGT:AD:DP:GQ:PL\t0/1:15,15,0:30:99:9,0,9,9,9,9\n"
    "chr1\t42\trs1;x\tACG\tA,ACGG,<NON_REF>\t50\tPASS\t.\tGT:AD:DP:GQ\t1/2:1,14,15,0:30:80\n"
    "chr1\t45\t.\tT\t<*>\t.\tLowQual\tEND=60\tGT:GQ:MIN_DP\t./.:3:2\n"
    "chrX\t5\t.\tC\tT\t.\tPASS\t.\tGT:DP:GQ\t1:20:50\n"
)
CALLSET = (
    "##fileformat=VCFv4.2\n##contig=<ID=chr1,length=400>\n##contig=<ID=chrX,length=200>\n"
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="">\n'
    '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="">\n'
    '##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="">\n'
    '##INFO=<ID=AC,Number=A,Type=Integer,Description="">\n'
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\tS2\tS3\n"
    "chr1\t7\t.\tA\tG,T\t99\tPASS\tAC=1,1\tGT:DP:GQ\t0/1:30:50\t1|2:31:60\t./.:.:.\n"
    "chr1\t9\t.\tAT\tA\t9\t.\t.\tGT\t0/0\t0/1\t1/1\n"
)
BED = "track name=x\nchr1\t0\t10\tone\t0\t+\nchr1\t20\t30\nchrX\t5\t6\n"
GENES = (
    "##gff-version 3\nchr1\tx\tgene\t5\t50\t.\t+\t.\tID=gene:1;Name=ABC1;biotype=protein_coding\n"
    "chr1\tx\tmRNA\t5\t50\t.\t+\t.\tID=t1;Parent=gene:1\nchrX\tx\tgene\t1\t9\t.\t-\t.\tName=DEF2\n"
)
REFERENCE = ReferenceConfig("other", Path("r.fa"), None, None, None, None)
OPTOUTS = "CPR;Dato\n010203-1234;2021-05-31\n0405061234\t31-05-2021\n6106040004;2024-02-29\n"


@dataclass(frozen=True)
class Reader:
    """What reads one kind of input.

    Attributes:
        read: Reads a file that may be malformed.
        examples: Good inputs.
        share: How often it is tried, beside the others.
        suffix: Name of the file.
    """

    read: Callable[[Path], object]
    examples: tuple[bytes, ...]
    share: int
    suffix: str = ".tsv"


def sheets(path: Path) -> None:
    samples = parse_samples(path)
    units = parse_units(path.with_name("units.tsv"))
    match_sheets(samples, units)


def units(path: Path) -> None:
    match_sheets(parse_samples(path.with_name("samples.tsv")), parse_units(path))


def register(path: Path) -> None:
    """Row by row and in columns, which must say the same."""
    said = []
    for size in (10**12, 0):
        register_module.COLUMNAR_BYTES = size
        try:
            found = ConsentRegister.read(path, NOW)
            said.append(
                str(
                    sorted(
                        (person, each.scope, each.decision, each.effective_from, each.recorded_at)
                        for person in found.events_of
                        for each in found.events_of[person]
                    )
                )
            )
        except WgsError as error:
            said.append(str(error))
        finally:
            register_module.COLUMNAR_BYTES = COLUMNAR_BYTES
    assert said[0] == said[1]


def optouts(path: Path) -> None:
    sheet = path.with_name("consents.tsv")
    for size in (10**12, 0):
        register_module.COLUMNAR_BYTES = size
        try:
            ConsentRegister.read(sheet, NOW, path)
        except WgsError:
            continue
        finally:
            register_module.COLUMNAR_BYTES = COLUMNAR_BYTES


COLUMNAR_BYTES = register_module.COLUMNAR_BYTES


def bed(path: Path) -> None:
    reference = root(path).reference()
    with refusing():
        read_target(path, reference)
    with refusing():
        read_regions(path, reference)
    genes(path)


def genes(path: Path) -> None:
    from wgs_pipeline.ngd.names import Naming

    read_genes(path, Naming(root(path).reference()))


def lists(path: Path) -> None:
    with refusing():
        read_sample_ids(path)
    read_variant_names(path)


def gvcf(path: Path) -> None:
    """The header as `wgs check` looks at it, and a load of all; refused, it leaves nothing."""
    unit = Unit("S1", gvcf=path, line=2)
    check_gvcfs(path.with_name("units.tsv"), [unit], REFERENCE, {"chr1": 400, "chrX": 200})
    opened = root(path)
    before = set((opened.path / "shards").rglob("*"))
    try:
        digest = write_shard(opened, path, "S1", Analysis("XX"))
    except WgsError:
        assert set((opened.path / "shards").rglob("*")) == before
        raise
    assert (opened.shard(digest) / "shard.json").exists()
    shutil.rmtree(opened.shard(digest))


def callset(path: Path) -> None:
    opened = root(path)
    before = files(opened.path)
    try:
        load_callset(opened.path, CallsetRequest(path, path.with_name("samples.tsv")))
    except WgsError:
        assert files(opened.path) == before
        raise


def files(folder: Path) -> dict[str, bytes]:
    """What a database holds; the log grows, and a lock is no content."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != ".loading")
    found = {str(path.relative_to(folder)): path.read_bytes() for path in paths}
    return {name: content for name, content in found.items() if not name.startswith("audit")}


def root(path: Path) -> Root:
    return Root.open(path.with_name("ngd"))


def encoded(*texts: str) -> tuple[bytes, ...]:
    return tuple(text.encode() for text in texts)


READERS = {
    "samples": Reader(sheets, encoded(SAMPLES), 14),
    "units": Reader(units, encoded(UNITS), 14),
    "consents": Reader(register, encoded(EVENTS), 14),
    "opt-outs": Reader(optouts, encoded(OPTOUTS), 10, ".csv"),
    "project": Reader(read_project, ((CONFIG / "projects/example.yaml").read_bytes(),), 6, ".yaml"),
    "config": Reader(parse_config, ((CONFIG / "config.yaml").read_bytes(),), 6, ".yaml"),
    "bed": Reader(bed, encoded(BED), 10, ".bed"),
    "genes": Reader(genes, encoded(GENES), 6, ".gff3"),
    "lists": Reader(lists, encoded("chr1-5-A-G\nS1\nspdi:chr1:4:A:G\n"), 6, ".txt"),
    "gvcf": Reader(gvcf, (GVCF.encode(), gzip.compress(GVCF.encode(), mtime=0)), 14, ".g.vcf"),
    "callset": Reader(callset, encoded(CALLSET), 2, ".vcf"),
}
SHARES = sum(reader.share for reader in READERS.values())
#: How many inputs each reader was given.
tried: dict[str, int] = {}


@contextmanager
def refusing() -> Iterator[None]:
    """Our own errors are what a wrong input is to meet."""
    said = "taken"
    try:
        yield
    except WgsError as error:
        said = str(error)
    assert said.strip()
    assert "Traceback" not in said


@contextmanager
def in_time() -> Iterator[None]:
    """No input may take longer than some seconds, C code that returns in between included."""

    def late(*_: object) -> None:
        raise AssertionError(f"an input takes longer than {LONGEST_SECONDS} s")

    signal.signal(signal.SIGALRM, late)
    signal.alarm(LONGEST_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Good files of every kind, and an empty database; in memory where that is possible."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as name:
        made = Path(name)
        (made / "samples.tsv").write_text(SAMPLES)
        (made / "units.tsv").write_text(UNITS)
        (made / "consents.tsv").write_text(EVENTS)
        (made / "r.fai").write_text("chr1\t400\t0\t60\t61\nchrX\t200\t500\t60\t61\n")
        initialise(made / "ngd", Wanted(made / "vault", made / "consents.tsv", made / "r.fai"))
        yield made


@pytest.mark.timeout(7200, method="thread")
@pytest.mark.parametrize("name", READERS)
def test_every_input_is_taken_or_refused(name: str, folder: Path, tmp_path: Path, monkeypatch):
    reader = READERS[name]
    path = folder / f"input{reader.suffix}"
    monkeypatch.chdir(tmp_path)  # where a command within an input would be run

    @settings(
        max_examples=-(-INPUTS * reader.share // SHARES),
        deadline=None,
        database=None,
        derandomize=INPUTS < 10_000,
        suppress_health_check=list(HealthCheck),
    )
    @given(nearly(reader.examples))
    def attempt(content: bytes) -> None:
        path.write_bytes(content)
        tried[name] = tried.get(name, 0) + 1
        with in_time(), refusing():
            reader.read(path)

    for example in reader.examples:  # the examples themselves are good, or nothing is tried
        path.write_bytes(example)
        reader.read(path)
    before = sorted(each.name for each in folder.iterdir() if each.name != path.name)
    attempt()
    assert sorted(each.name for each in folder.iterdir() if each.name != path.name) == before
    assert list(tmp_path.iterdir()) == []
    sys.__stderr__.write(f"{name}: {tried[name]} inputs\n")


def test_as_many_were_tried_as_were_to_be() -> None:
    if len(tried) == len(READERS):
        assert sum(tried.values()) >= INPUTS
        sys.__stderr__.write(f"{json.dumps(tried)}: {sum(tried.values())} inputs\n")
