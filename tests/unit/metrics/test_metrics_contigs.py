import pytest

from wgs_pipeline.errors import WgsError
from wgs_pipeline.metrics.contigs import Part, contig_parts, interval_part, measured_intervals
from wgs_pipeline.reference import Contig, Interval, contig_role


def contigs(*names: str) -> list[Contig]:
    return [Contig(name, 1000, contig_role(name)) for name in names]


def test_decoys_and_alternatives_are_no_autosomes() -> None:
    parts = contig_parts(
        contigs(
            "chr1", "chr22", "chrX", "chrY", "chrM", "chrUn_KI270302v1", "HLA-A*01:01", "hs37d5"
        )
    )
    assert [name for name, part in parts.items() if part is Part.AUTOSOME] == ["chr1", "chr22"]
    assert parts["chrUn_KI270302v1"] is parts["HLA-A*01:01"] is parts["hs37d5"] is Part.OTHER
    assert (parts["chrX"], parts["chrY"], parts["chrM"]) == (Part.X, Part.Y, Part.MITOCHONDRION)


def test_windows_are_autosomes() -> None:
    parts = contig_parts(contigs("20_9999841_10099980", "20_19999626_20300468", "X"))
    assert list(parts.values()) == [Part.AUTOSOME, Part.AUTOSOME, Part.X]


def test_intervals_are_cut_at_par_on_x_and_y_only() -> None:
    parts = contig_parts(contigs("chr1", "chrX"))
    known = [Interval("chr1", 0, 1000), Interval("chrX", 50, 1000)]
    par = [Interval("chrX", 0, 100), Interval("chrX", 900, 1000), Interval("chr1", 0, 10)]
    assert measured_intervals(known, parts, par) == (
        Interval("chr1", 0, 1000),
        Interval("chrX", 50, 100),
        Interval("chrX", 100, 900),
        Interval("chrX", 900, 1000),
    )


def test_interval_parts() -> None:
    parts, par = contig_parts(contigs("chr1", "chrX")), [Interval("chrX", 0, 100)]
    assert interval_part(Interval("chrX", 0, 100), parts, par) is Part.PAR
    assert interval_part(Interval("chrX", 100, 200), parts, par) is Part.X
    assert interval_part(Interval("chr1", 0, 200), parts, par) is Part.AUTOSOME
    assert interval_part(Interval("chr9", 0, 200), parts, par) is Part.OTHER
    with pytest.raises(WgsError, match=r"chrX:51-150 .* partly inside PAR"):
        interval_part(Interval("chrX", 50, 150), parts, par)
