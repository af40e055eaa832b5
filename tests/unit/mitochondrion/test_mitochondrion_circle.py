import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from wgs_pipeline.mitochondrion.circle import Cut


@given(st.text(alphabet="ACGT", min_size=4, max_size=60))
def test_lifted_positions_have_their_base(reference: str) -> None:
    for cut in Cut.both(len(reference)):
        turned = cut.sequence(reference)
        assert sorted(turned) == sorted(reference)
        lifted = cut.lift(np.arange(len(reference)))
        assert "".join(reference[at] for at in lifted) == turned


@given(st.integers(4, 20_000))
def test_each_base_is_trusted_once_and_far_from_the_ends(length: int) -> None:
    trusted = []
    for cut in Cut.both(length):
        inside = np.flatnonzero(cut.trusts(np.arange(length)))
        trusted.append(cut.lift(inside))
        # A quarter of the circle, less a rounded base, lies beyond on both sides.
        assert inside.min() >= length // 4 - 1
        assert length - 1 - inside.max() >= length // 4 - 1
    assert sorted(np.concatenate(trusted).tolist()) == list(range(length))
