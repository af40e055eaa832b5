"""Genes by place, against looking at every gene."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from wgs_pipeline.family.genome import GeneIndex, index_genes
from wgs_pipeline.reference import Contig, Role

spans = st.tuples(st.integers(0, 60), st.integers(1, 30)).map(lambda s: (s[0], sum(s)))


@given(st.lists(spans, max_size=12), st.lists(spans, max_size=12))
def test_hits(genes, intervals):
    genes = sorted(genes)
    starts, ends = np.array(genes, np.int64).reshape(-1, 2).T
    index = GeneIndex([str(each) for each in range(len(genes))], starts, ends)
    first, last = np.array(intervals, np.int64).reshape(-1, 2).T
    found = list(zip(*(each.tolist() for each in index.hits(first, last)), strict=True))
    expected = [
        (row, at)
        for row, (low, high) in enumerate(intervals)
        for at, (start, end) in enumerate(genes)
        if start < high and low < end
    ]
    assert found == expected


def test_genes_of_a_gff3(tmp_path):
    path = tmp_path / "genes.gff3"
    path.write_text(
        "##gff-version 3\n"
        "chr1\tx\tgene\t101\t200\t.\t+\t.\tID=gene:ENSG2;Name=TWO\n"
        "chr1\tx\texon\t101\t150\t.\t+\t.\tParent=t\n"
        "chr1\tx\tgene\t11\t120\t.\t-\t.\tID=gene:ENSG1;Name=ONE\n"
        "chrUn\tx\tgene\t1\t20\t.\t-\t.\tID=gene:ENSG3;Name=ELSEWHERE\n"
    )
    found = index_genes(path, [Contig("chr1", 1000, Role.AUTOSOME), Contig("chr2", 9, Role.X)])
    assert list(found) == ["chr1"]
    assert found["chr1"].names == ["ONE", "TWO"]
    assert found["chr1"].starts.tolist() == [10, 100]
    assert found["chr1"].ends.tolist() == [120, 200]
