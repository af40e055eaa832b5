from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from wgs_pipeline.ngd.batches import contig_batches

LENGTHS = st.lists(st.integers(1, 300), min_size=1, max_size=60).map(
    lambda sizes: {f"contig{number}": size for number, size in enumerate(sizes)}
)


@settings(derandomize=True, deadline=None)
@given(LENGTHS)
def test_batches_hold_every_contig_once_and_none_is_longer_than_the_longest(lengths):
    batches = contig_batches(lengths)
    assert [contig for batch in batches for contig in batch] == list(lengths)
    sums = [sum(lengths[contig] for contig in batch) for batch in batches]
    assert max(sums) == max(lengths.values())
    # Two neighbours never fit together, or they would be one.
    for low, high in pairwise(batches):
        assert sum(lengths[each] for each in [*low, high[0]]) > max(lengths.values())


def test_thousands_of_small_contigs_are_one_batch():
    lengths = {"chr1": 1_000_000} | {f"chrUn_{number}": 200 for number in range(3_000)}
    assert [len(batch) for batch in contig_batches(lengths)] == [1, 3_000]
