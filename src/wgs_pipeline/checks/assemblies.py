"""Known human assemblies, told by the lengths of their chromosomes.

Lengths in base pairs from the assembly reports of GRCh37 (GCA_000001405.1), GRCh38
(GCA_000001405.15) and T2T-CHM13v2.0 (GCA_009914755.4).
"""

from __future__ import annotations

from collections.abc import Mapping

_CHROMOSOMES = [*map(str, range(1, 23)), "X", "Y"]
_LENGTHS = {
    "GRCh37": [
        *(249250621, 243199373, 198022430, 191154276, 180915260, 171115067, 159138663, 146364022),
        *(141213431, 135534747, 135006516, 133851895, 115169878, 107349540, 102531392, 90354753),
        *(81195210, 78077248, 59128983, 63025520, 48129895, 51304566, 155270560, 59373566),
    ],
    "GRCh38": [
        *(248956422, 242193529, 198295559, 190214555, 181538259, 170805979, 159345973, 145138636),
        *(138394717, 133797422, 135086622, 133275309, 114364328, 107043718, 101991189, 90338345),
        *(83257441, 80373285, 58617616, 64444167, 46709983, 50818468, 156040895, 57227415),
    ],
    "T2T-CHM13v2.0": [
        *(248387328, 242696752, 201105948, 193574945, 182045439, 172126628, 160567428, 146259331),
        *(150617247, 134758134, 135127769, 133324548, 113566686, 101161492, 99753195, 96330374),
        *(84276897, 80542538, 61707364, 66210255, 45090682, 51324926, 154259566, 62460029),
    ],
}
_LENGTH_OF = {name: dict(zip(_CHROMOSOMES, of, strict=True)) for name, of in _LENGTHS.items()}
_ALIASES = {
    **dict.fromkeys(("grch37", "b37", "g1k_v37", "hs37d5", "hs37", "hg19"), "GRCh37"),
    **dict.fromkeys(("grch38", "b38", "hs38", "hs38dh", "hg38"), "GRCh38"),
    **dict.fromkeys(("t2t-chm13v2.0", "t2t-chm13", "chm13", "chm13v2.0", "hs1"), "T2T-CHM13v2.0"),
}


def known_assembly(build: str) -> str | None:
    """The assembly that a build is named after, None for a build not known here."""
    name = build.lower()
    for alias, assembly in _ALIASES.items():
        # GRCh38.p14, hg38_analysis_set; but not hg190
        if name.startswith(alias) and not name[len(alias) : len(alias) + 1].isalnum():
            return assembly
    return None


def chromosome_length(assembly: str, contig: str) -> int | None:
    """Length of a chromosome (base pairs), None where the assembly has none of that name."""
    return _LENGTH_OF[assembly].get(contig.removeprefix("chr"))


def assembly_of(lengths: Mapping[str, int]) -> str | None:
    """The assembly that contigs belong to: the one with most chromosomes of equal length.

    Args:
        lengths: Length of each contig in base pairs, named with or without ``chr``.
    """
    shared = {
        assembly: sum(chromosome_length(assembly, name) == size for name, size in lengths.items())
        for assembly in _LENGTH_OF
    }
    best = max(shared, key=lambda assembly: shared[assembly])
    return best if shared[best] else None
