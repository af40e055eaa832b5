"""Peers that store genotypes: bcftools on a merged BCF, VCF-Zarr, TileDB.

Each imports the same genotypes and answers the same questions where it can. Command-line tools
are timed from start to end of their process, libraries within this process after the store was
opened; the first time of each question is left out.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.ngd.cohort import CONTIG
from benchmarks.ngd.measure import Meter, bytes_below, quantiles_ms
from benchmarks.ngd.project import Place, sample_id
from benchmarks.ngd.questions import Places

from wgs_pipeline import ngd

#: Times that each question is asked of a peer.
TIMES = 8


@dataclass
class Peer:
    """What one peer did.

    Attributes:
        name: The peer and its version.
        import_cpu_s: CPU seconds from the merged VCF (TileDB: from Arrow) to a store.
        bytes: Of the store.
        answers: Latencies by question, as questions.py names them.
        notes: What is not like ours.
    """

    name: str
    import_cpu_s: float = 0.0
    bytes: int = 0
    answers: dict[str, dict[str, float]] = field(default_factory=dict)
    notes: str = ""

    def time(self, question: str, asks: Sequence[Callable[[], Any]]) -> None:
        """Ask one question at all its places; the first time of all is not counted."""
        seconds = []
        for ask in (asks[0], *asks):
            started = time.perf_counter()
            ask()
            seconds.append(time.perf_counter() - started)
        self.answers[question] = quantiles_ms(seconds[1:])


def split(name: str) -> tuple[int, str, str]:
    """pos, ref, alt of a variant's name."""
    _, pos, ref, alt = name.split("-")
    return int(pos), ref, alt


def bounds(region: str) -> tuple[int, int]:
    """First and last base of a region, 1-based."""
    low, high = region.partition(":")[2].split("-")
    return int(low), int(high)


def run(command: str) -> str:
    """Standard output of a shell command."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{command}\n{done.stderr}")
    return done.stdout


def equal_counts(bcf: Path, place: Place, region: str) -> tuple[bool, int]:
    """Whether ours and bcftools have the same variants, AC and AN; and how many variants."""
    text = run(f"bcftools query -f '%POS %REF %ALT %AC %AN\\n' {shlex.quote(str(bcf))}")
    theirs = {tuple(line.split()[:3]): tuple(line.split()[3:]) for line in text.splitlines()}
    with ngd.open(place.root, "care") as database:
        rows = database.region(region).to_pylist()
    ours = {
        (str(row["pos"]), row["ref"], row["alt"]): (str(row["AC"]), str(row["AN"])) for row in rows
    }
    return ours == theirs, len(theirs)


def bcftools(vcf: Path, folder: Path, places: Places, refusing: Sequence[int]) -> Peer:
    """A merged BCF with its index; AC and AN stored in INFO as well."""
    peer = Peer("bcftools " + run("bcftools --version").split()[1])
    bcf, meter = folder / "merged.bcf", Meter()
    quoted = shlex.quote(str(bcf))
    with meter.step("import"):
        run(f"bcftools +fill-tags {shlex.quote(str(vcf))} -Ob -o {quoted} -- -t AC,AN,AF")
        run(f"bcftools index {quoted}")
    peer.import_cpu_s = meter.cpu["import"]
    peer.bytes = bcf.stat().st_size + Path(f"{bcf}.csi").stat().st_size
    counts = "'%POS %REF %ALT %AC %AN %AF\\n'"
    filled = f"bcftools +fill-tags -Ou -- -t AC,AN,AF | bcftools query -f {counts}"
    keep = folder / "refusing.txt"
    keep.write_text("".join(f"{sample_id(each)}\n" for each in refusing))

    def ask(question: str, commands: list[str]) -> None:
        peer.time(question, [lambda each=each: run(each) for each in commands[:TIMES]])

    at = [_position(name) for name in places.variants]
    ask("variant", [f"bcftools query -r {each} -f {counts} {quoted}" for each in at])
    genes = places.genes
    ask("50 kb AC, AN, AF", [f"bcftools query -r {each} -f {counts} {quoted}" for each in genes])
    ask(
        "50 kb AC, AN, AF without 5 %",
        [f"bcftools view -Ou -r {each} -S ^{keep} {quoted} | {filled}" for each in genes],
    )
    alt = "-i 'GT=\"alt\"' -f '[%POS %REF %ALT %SAMPLE %GT\\n]'"
    ask("10 kb, all carriers", [f"bcftools query -r {r} {alt} {quoted}" for r in places.regions])
    person = [each.replace("SIM-", "SIMS-") for each in places.persons]
    shown = "-i 'GT=\"alt\"' -f '[%POS %REF %ALT %GT %DP %GQ\\n]'"
    ask(
        "one person's gene",
        [
            f"bcftools query -r {gene} -s {who} {shown} {quoted}"
            for gene, who in zip(genes, person, strict=True)
        ],
    )
    lists = []
    for number, names in enumerate(places.lists[:3]):
        file = folder / f"list{number}.txt"
        file.write_text("".join(f"{CONTIG}\t{split(name)[0]}\n" for name in names))
        lists.append(f"bcftools query -T {file} {alt} {quoted}")
    ask("1,000 rare variants, carriers", lists)
    peer.notes = "whole processes; AC and AN of everyone are stored in INFO"
    return peer


def vcf_zarr(bcf: Path, folder: Path, places: Places, refusing: Sequence[int]) -> Peer:
    """VCF-Zarr by bio2zarr, read with zarr and NumPy; AN from the genotypes."""
    import bio2zarr
    import zarr

    peer = Peer(f"VCF-Zarr, bio2zarr {bio2zarr.__version__}")
    store, icf, meter = folder / "merged.vcz", folder / "merged.icf", Meter()
    tool = shlex.quote(str(Path(sys.executable).with_name("vcf2zarr")))
    with meter.step("import"):
        run(f"{tool} explode -Q -p 1 {shlex.quote(str(bcf))} {shlex.quote(str(icf))}")
        run(f"{tool} encode -Q -p 1 {shlex.quote(str(icf))} {shlex.quote(str(store))}")
    peer.import_cpu_s, peer.bytes = meter.cpu["import"], bytes_below(store)
    group = zarr.open_group(str(store), mode="r")
    pos = group["variant_position"][:]
    persons = group["sample_id"].shape[0]
    kept = np.setdiff1d(np.arange(persons), np.array(refusing))

    def genotypes(low: int, high: int) -> Any:
        first, last = np.searchsorted(pos, low), np.searchsorted(pos, high, side="right")
        return group["call_genotype"][first:last]

    def counts(low: int, high: int, who: Any = slice(None)) -> tuple[Any, Any]:
        calls = genotypes(low, high)[:, who]
        return (calls > 0).sum(axis=(1, 2)), (calls >= 0).sum(axis=(1, 2))

    def listed(names: list[str]) -> Any:
        rows = np.searchsorted(pos, [split(name)[0] for name in names])
        return np.nonzero((group["call_genotype"].oindex[rows] > 0).any(axis=2))

    at = [split(name)[0] for name in places.variants[:TIMES]]
    genes = [bounds(each) for each in places.genes[:TIMES]]
    regions = [bounds(each) for each in places.regions[:TIMES]]
    who = [int(each.removeprefix("SIM-")) - 1 for each in places.persons[:TIMES]]
    peer.time("variant", [lambda p=p: counts(p, p) for p in at])
    peer.time("50 kb AC, AN, AF", [lambda r=r: counts(*r) for r in genes])
    peer.time("50 kb AC, AN, AF without 5 %", [lambda r=r: counts(*r, kept) for r in genes])
    peer.time(
        "10 kb, all carriers",
        [lambda r=r: np.nonzero((genotypes(*r) > 0).any(axis=2)) for r in regions],
    )
    arrays = ("call_genotype", "call_DP", "call_GQ", "call_AD")

    def of_one(low: int, high: int, person: int) -> list[Any]:
        first, last = np.searchsorted(pos, low), np.searchsorted(pos, high, side="right")
        return [group[name][first:last, person] for name in arrays]

    pairs = list(zip(genes, who, strict=True))
    peer.time("one person's gene", [lambda r=r, p=p: of_one(*r, p) for r, p in pairs])
    lists = [lambda each=each: listed(each) for each in places.lists[:3]]
    peer.time("1,000 rare variants, carriers", lists)
    peer.notes = "zarr and NumPy in an open process, positions in memory"
    return peer


def vcztools(store: Path, places: Places) -> Peer:
    """Vcztools on the VCF-Zarr of ``vcf_zarr``: text out, as bcftools gives."""
    import importlib.metadata

    peer = Peer("vcztools " + importlib.metadata.version("vcztools"))
    tool = shlex.quote(str(Path(sys.executable).with_name("vcztools")))
    quoted = shlex.quote(str(store))
    counts = "'%POS %REF %ALT %AC %AN\\n'"

    def ask(question: str, commands: list[str]) -> None:
        peer.time(question, [lambda each=each: run(each) for each in commands[:4]])

    at = [_position(name) for name in places.variants]
    ask("variant", [f"{tool} query -r {each} -f {counts} {quoted}" for each in at])
    genes = [f"{tool} query -r {each} -f {counts} {quoted}" for each in places.genes]
    ask("50 kb AC, AN, AF", genes)
    peer.notes = "whole processes; AC and AN as stored in INFO"
    return peer


def _position(name: str) -> str:
    pos = split(name)[0]
    return f"{CONTIG}:{pos}-{pos}"
