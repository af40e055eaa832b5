"""The examples of docs/ngd.md, section Exchange, are run as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
import pytest
from export_builders import Study, lines_of
from ngd_builders import write_gvcf
from ngd_random import CONTIGS

DOCS = Path(__file__).parents[3] / "docs" / "ngd.md"


def _examples() -> dict[str, tuple[str, str]]:
    """Name of each example (its first comment) to its language and text."""
    section = re.split(r"^## ", DOCS.read_text(encoding="utf-8"), flags=re.M)
    (exchange,) = [each for each in section if each.startswith("Exchange\n")]
    found = {}
    for language, text in re.findall(r"^```(python|sh)\n(.*?)^```", exchange, flags=re.M | re.S):
        name = text.splitlines()[0].removeprefix("# ")
        found[name] = (language, text)
    return found


EXAMPLES = _examples()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an export, as the examples expect it."""
    rng = Random(5)
    study = Study(tmp_path_factory.mktemp("exchange"))
    bases = "ACGT"
    for number in range(12):
        lines = []
        for pos in range(2, 58, 4):
            genotype = rng.choice(["0/0", "0/0", "0/1", "1/1"])
            dp = rng.randint(8, 30)
            alt = bases[pos // 4 % 3 + 1]
            lines.append(f"chr1 {pos} A {alt},<*> . . GT:DP:GQ {genotype}:{dp}:50")
        study.add(number, lines)
    study.publish()
    study.export("export", formats=("parquet", "vcf", "vcf-zarr"))
    mine = write_gvcf(
        study.folder / "cases.vcf", "case",
        [f"chr1 {pos} A {bases[pos // 4 % 3 + 1]} . . GT:DP:GQ 0/1:9:9" for pos in (2, 6, 10)],
        CONTIGS,
    )  # fmt: skip
    lines_of("bgzip", mine)
    lines_of("bcftools", "index", study.folder / "cases.vcf.gz")
    return study.folder


def _expected(folder: Path) -> list[tuple]:
    """Women who carry each variant, by plain Python."""
    samples = pq.read_table(folder / "export" / "samples.parquet").to_pylist()
    women = {each["sample"] for each in samples if each["karyotype"] == "XX"}
    count: dict[tuple, int] = {}
    for row in pq.read_table(folder / "export" / "genotypes").to_pylist():
        if row["sample"] in women:
            variant = (row["contig"], row["pos"], row["ref"], row["alt"])
            count[variant] = count.get(variant, 0) + 1
    return sorted((*variant, carriers) for variant, carriers in count.items())


def _run(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict:
    monkeypatch.chdir(folder)
    _, text = EXAMPLES[name]
    namespace: dict = {}
    exec(compile(text, f"docs/ngd.md ({name})", "exec"), namespace)
    return namespace


def test_every_example_is_tested():
    assert set(EXAMPLES) == {
        "DuckDB", "DuckDB: no call or homozygous reference", "pandas", "polars", "Spark",
        "VCF-Zarr", "bcftools",
    }  # fmt: skip


#: Spark's Python side leaves sockets to its Java side open until the process ends.
_SPARK = pytest.param(
    "Spark",
    marks=pytest.mark.filterwarnings(
        "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
    ),
)


@pytest.mark.parametrize("name", ["DuckDB", "pandas", "polars", _SPARK])
def test_all_readers_find_the_same(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch):
    module = {"DuckDB": "duckdb", "Spark": "pyspark"}.get(name, name)
    if find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    answer = _run(name, folder, monkeypatch)["carriers"]
    rows = {
        "DuckDB": lambda: answer.fetchall(),
        "pandas": lambda: answer.itertuples(index=False, name=None),
        "polars": lambda: answer.rows(),
        "Spark": lambda: answer.collect(),
    }
    plain = [tuple(each) for each in rows[name]()]
    assert plain == _expected(folder)
    assert len(plain) > 5


def test_no_call_and_homozygous_reference_are_told_apart(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    rows = _run("DuckDB: no call or homozygous reference", folder, monkeypatch)["state"].fetchall()
    file = folder / "export" / "genotypes.vcf.gz"
    query = ["bcftools", "query", "-i", "POS=22", "-f", r"[%SAMPLE %GT\n]", str(file)]
    names = {"het": "0/1", "hom": "1/1", "reference": "0/0", "no call": "./."}
    assert sorted(f"{sample} {names[kind]}" for sample, kind in rows) == sorted(lines_of(*query))
    assert {kind for _, kind in rows} >= {"reference", "no call"}


def test_vcf_zarr_gives_the_allele_counts(folder: Path, monkeypatch: pytest.MonkeyPatch):
    if find_spec("bio2zarr") is None:
        pytest.skip("bio2zarr is not installed")
    counts = _run("VCF-Zarr", folder, monkeypatch)["allele_count"].tolist()
    file = folder / "export" / "genotypes.vcf.gz"
    assert [str(each) for each in counts] == lines_of("bcftools", "query", "-f", r"%AC\n", file)


def test_bcftools_annotates_as_documented(folder: Path):
    language, text = EXAMPLES["bcftools"]
    assert language == "sh"
    subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=folder, check=True, env=os.environ)
    form = r"%POS %NGC_AC %NGC_AN %NGC_AF %NGC_SUPPRESSED\n"
    told = lines_of("bcftools", "query", "-f", form, folder / "annotated.vcf.gz")
    table = pq.read_table(folder / "export" / "frequencies.parquet").to_pylist()
    rows = {each["pos"]: each for each in table}
    for line in told:
        pos, *values = line.split(" ")
        row = rows[int(pos)]
        shown = ["." if row[name] is None else f"{row[name]:.6g}" for name in ("AC", "AN", "AF")]
        assert values == [*shown, "1" if row["suppressed"] else "."]
    assert len(told) == 3
