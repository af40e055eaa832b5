"""A callset against known truth, allele by allele.

Both sides are reduced by bcftools to the alleles that the sample carries and that pass the filter,
left-aligned, trimmed, atomised and one a row, at positions inside the confident BED. Rows are equal
when contig, position, REF and ALT are. The same haplotype written as other variants counts as a
miss and a false call; ``docs/qc.md`` says when that happens.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from wgs_pipeline.errors import WgsError
from wgs_pipeline.metrics.pipes import read_pipe

_KEY = ["contig", "pos", "ref", "alt"]
_SCHEMA = pa.schema(
    [
        ("contig", pa.string()),
        ("pos", pa.int64()),
        ("ref", pa.string()),
        ("alt", pa.string()),
        ("gt", pa.string()),
    ]
)
KINDS = ("snv", "indel")


@dataclass(frozen=True)
class Calls:
    """One side of the comparison: a VCF or gVCF, and the sample in it."""

    vcf: Path
    sample: str


def truth_sample(truth: Path, sample: str) -> str:
    """Name of a sample in its truth: the same name, else the only one there.

    Raises:
        WgsError: bcftools refuses the file.
    """
    names = read_pipe([["bcftools", "query", "--list-samples", str(truth)]]).decode().split()
    if sample in names or len(names) != 1:
        return sample
    return names[0]


def only_sample(vcf: Path) -> str:
    """Name of the one sample of a VCF.

    Raises:
        WgsError: The file cannot be read, or has another number of samples.
    """
    names = read_pipe([["bcftools", "query", "-l", str(vcf)]]).decode().split()
    if len(names) != 1:
        raise WgsError(
            f"{vcf}: has {len(names)} samples; expected one. Say which with --truth-sample"
        )
    return names[0]


def read_alleles(calls: Calls, bed: Path, reference: Path) -> pa.Table:
    """Alleles that a sample carries inside a BED.

    Returns:
        Columns contig, pos (1-based, as VCF), ref, alt, gt, kind (snv or indel) and hom (whether
        every called allele is this one); each allele once, sorted.

    Raises:
        WgsError: bcftools refuses a file: no such sample, REF unlike the reference, cut short.
    """
    vcf = str(calls.vcf)
    carried = ["bcftools", "view", "-s", calls.sample, "-a", "-c", "1", "-f", "PASS,.", "-Ou", vcf]
    norm = ["bcftools", "norm", "-f", str(reference), "-Ou"]
    split = [*norm, "-m", "-any", "-"]
    # A pass of its own: bcftools 1.16 loses heterozygous insertions of two lengths (1/2) when it
    # atomises before it splits.
    atomised = [*norm, "-a", "--atom-overlaps", ".", "-"]
    rows = [
        "bcftools", "query", "-T", str(bed), "-i", 'GT="alt" && ALT!="*" && ALT!~"<"',
        "-f", "%CHROM\\t%POS\\t%REF\\t%ALT[\\t%GT]\\n", "-",
    ]  # fmt: skip
    text = read_pipe([carried, split, atomised, rows])
    if not text:
        return _described(_SCHEMA.empty_table())
    table = pa.csv.read_csv(
        io.BytesIO(text),
        pa.csv.ReadOptions(column_names=_SCHEMA.names),
        pa.csv.ParseOptions(delimiter="\t", quote_char=False),
        pa.csv.ConvertOptions(column_types=_SCHEMA, strings_can_be_null=False),
    )
    return _described(table)


def _described(table: pa.Table) -> pa.Table:
    table = table.group_by(_KEY, use_threads=False).aggregate([("gt", "first")])
    table = table.rename_columns([*_KEY, "gt"]).sort_by([(name, "ascending") for name in _KEY])
    short = pc.and_(
        pc.equal(pc.utf8_length(table["ref"]), 1), pc.equal(pc.utf8_length(table["alt"]), 1)
    )
    # Every allele is 1: 1, 1/1, 1|1. A missing or other allele makes it heterozygous.
    homozygous = pc.match_substring_regex(table["gt"], r"^1([/|]1)*$")
    table = table.append_column("kind", pc.if_else(short, "snv", "indel"))
    return table.append_column("hom", homozygous)


def compare(truth: pa.Table, query: pa.Table, most_listed: int = 1000) -> dict[str, Any]:
    """Recall, precision and genotype concordance for SNVs and indels.

    Args:
        truth: Alleles of the truth, as ``read_alleles`` gives them.
        query: Alleles of the callset.
        most_listed: How many misses and false calls are listed of each kind.

    Returns:
        Per kind: tp, fp, fn (alleles), recall, precision, f1 (None where undefined),
        genotypes_equal among tp, genotype_concordance, and lists false_positives and
        false_negatives of {contig, pos, ref, alt, gt}.
    """
    return {
        kind: _compare_kind(_of_kind(truth, kind), _of_kind(query, kind), most_listed)
        for kind in KINDS
    }


def _of_kind(table: pa.Table, kind: str) -> pa.Table:
    return table.filter(pc.equal(table["kind"], kind)).drop_columns(["kind"])


def _compare_kind(truth: pa.Table, query: pa.Table, most_listed: int) -> dict[str, Any]:
    both = truth.join(query, _KEY, join_type="inner", right_suffix="_query")
    missed = truth.join(query, _KEY, join_type="left anti")
    false = query.join(truth, _KEY, join_type="left anti")
    tp, fp, fn = both.num_rows, false.num_rows, missed.num_rows
    same = int(pc.sum(pc.equal(both["hom"], both["hom_query"])).as_py() or 0)
    return {
        "tp": tp,
        "fp": fp,
        "fn": fn,
        "recall": _share(tp, tp + fn),
        "precision": _share(tp, tp + fp),
        "f1": _share(2 * tp, 2 * tp + fp + fn),
        "genotypes_equal": same,
        "genotype_concordance": _share(same, tp),
        "false_positives": _listed(false, most_listed),
        "false_negatives": _listed(missed, most_listed),
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _listed(table: pa.Table, most: int) -> list[dict[str, Any]]:
    ordered = table.sort_by([(name, "ascending") for name in _KEY]).slice(0, most)
    rows: list[dict[str, Any]] = ordered.select([*_KEY, "gt"]).to_pylist()
    return rows


def concordance(truth: Calls, query: Calls, bed: Path, reference: Path) -> dict[str, Any]:
    """Compare a callset with truth: the content of ``concordance.json``."""
    result = compare(read_alleles(truth, bed, reference), read_alleles(query, bed, reference))
    return {
        "truth": {"vcf": truth.vcf.name, "sample": truth.sample},
        "query": {"vcf": query.vcf.name, "sample": query.sample},
        "confident_bed": bed.name,
        **result,
    }
