"""TileDB: a sparse array of non-reference genotypes by position and person, our own schema.

A call names its variant by the row of a list of sites, which a reader keeps in memory; that is
cheaper than REF and ALT as text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from benchmarks.ngd.genomes import make_batch
from benchmarks.ngd.loading import Source
from benchmarks.ngd.measure import Meter, bytes_below
from benchmarks.ngd.peers import TIMES, Peer, bounds, split
from benchmarks.ngd.questions import Places

_VALUES = ("variant", "kind", "dp", "gq", "ad_ref", "ad_alt")


def tiledb(source: Source, folder: Path, places: Places, length: int) -> tuple[Peer, int]:
    """Import the passed calls of a slice in fragments of 1,000 persons, consolidate, ask.

    The array has no reference blocks: it gives AC and carriers, and no AN.

    Args:
        source: Where the calls come from.
        folder: Where the store is made.
        places: What is asked.
        length: Of the slice, in bp from the beginning of the region.

    Returns:
        The peer, and how many calls it has imported.
    """
    import tiledb as library

    peer = Peer(f"TileDB {library.__version__}")
    store, meter = str(folder / "tiledb"), Meter()
    _create(library, store, source)
    cohort, count = source.cohort(), 0
    for low, high in source.batches():
        batch = make_batch(cohort, source.model, low, high, source.seed)
        person = np.repeat(np.arange(low, high, dtype=np.uint32), np.diff(batch.offsets))
        row = cohort.rows[int(cohort.offsets[low]) : int(cohort.offsets[high])]
        calls = batch.calls.append_column("person", pa.array(person))
        calls = calls.append_column("variant", pa.array(np.asarray(row)))
        calls = calls.filter(pc.and_(calls["passed"], pc.less_equal(calls["pos"], length)))
        count += calls.num_rows
        with meter.step("import"):
            _write(library, store, calls)
    with meter.step("import"):
        library.consolidate(store)
        library.vacuum(store)
    peer.import_cpu_s, peer.bytes = meter.cpu["import"], bytes_below(Path(store))
    with library.open(store) as array:
        _ask(peer, array, places)
    peer.notes = "AC and carriers only, no AN; import from Arrow"
    return peer, count


def _create(library: Any, store: str, source: Source) -> None:
    zstd = library.FilterList([library.ZstdFilter(level=3)])
    delta = library.FilterList([library.DoubleDeltaFilter(), library.ZstdFilter(level=3)])
    length = source.cohort().length
    dimensions = [
        library.Dim("pos", domain=(0, length), tile=10_000, dtype=np.uint32, filters=delta),
        library.Dim("person", domain=(0, 999_999), tile=1_000, dtype=np.uint32, filters=delta),
    ]
    types = {"variant": np.uint32, "kind": np.uint8} | dict.fromkeys(_VALUES[2:], np.int16)
    attributes = [library.Attr(name, dtype=types[name], filters=zstd) for name in _VALUES]
    schema = library.ArraySchema(
        domain=library.Domain(*dimensions),
        attrs=attributes,
        sparse=True,
        allows_duplicates=True,
        capacity=100_000,
    )
    library.Array.create(store, schema)


def _write(library: Any, store: str, calls: pa.Table) -> None:
    values = {name: calls[name].to_numpy() for name in _VALUES}
    with library.open(store, "w") as array:
        array[calls["pos"].to_numpy().astype(np.uint32), calls["person"].to_numpy()] = values


def _ask(peer: Peer, array: Any, places: Places) -> None:
    frequencies = array.query(attrs=["variant", "kind"], dims=[])
    carriers = array.query(attrs=["variant", "kind"], dims=["person"])
    everything = array.query(attrs=list(_VALUES), dims=["pos"])

    def counted(low: int, high: int) -> Any:
        found = frequencies.multi_index[low:high, :]
        if not len(found["variant"]):
            return found
        first = found["variant"].min()
        return np.bincount(found["variant"] - first, weights=found["kind"])

    def listed(names: list[str]) -> Any:
        return carriers.multi_index[[split(name)[0] for name in names], :]

    at = [split(name)[0] for name in places.variants[:TIMES]]
    genes = [bounds(each) for each in places.genes[:TIMES]]
    regions = [bounds(each) for each in places.regions[:TIMES]]
    who = [int(each.removeprefix("SIM-")) - 1 for each in places.persons[:TIMES]]
    peer.time("variant", [lambda p=p: counted(p, p) for p in at])
    peer.time("50 kb AC, AN, AF", [lambda r=r: counted(*r) for r in genes])
    asks = [lambda r=r: carriers.multi_index[r[0] : r[1], :] for r in regions]
    peer.time("10 kb, all carriers", asks)
    pairs = list(zip(genes, who, strict=True))
    asks = [lambda r=r, p=p: everything.multi_index[r[0] : r[1], p] for r, p in pairs]
    peer.time("one person's gene", asks)
    lists = [lambda each=each: listed(each) for each in places.lists[:3]]
    peer.time("1,000 rare variants, carriers", lists)
