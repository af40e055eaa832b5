"""The analysis of one family: one pass over its callset, and the tables of what was found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from wgs_pipeline.family import callset, de_novo, upd
from wgs_pipeline.family.callset import Batch
from wgs_pipeline.family.de_novo import PASS, Candidate
from wgs_pipeline.family.genome import GeneIndex, Genome, index_genes
from wgs_pipeline.family.mendelian import Errors
from wgs_pipeline.family.roh import Homozygosity, find_runs
from wgs_pipeline.family.segregation import ContigCandidates
from wgs_pipeline.family.settings import FamilyConfig
from wgs_pipeline.family.structure import Family
from wgs_pipeline.files import replacing, write_json
from wgs_pipeline.reference import Role

MENDELIAN = (
    "child", "father", "mother", "part", "kind", "judged", "errors", "error_rate", "not_judged",
)  # fmt: skip
DE_NOVO = (
    "contig", "position", "ref", "alt", "child", "inherited_from", "child_gt", "father_gt",
    "mother_gt", "child_depth", "child_alt", "father_depth", "father_alt", "mother_depth",
    "mother_alt", "posterior", "filter", "carriers",
)  # fmt: skip
INHERITANCE = (
    "contig", "position", "ref", "alt", "gene", "pattern", "child", "origin", "certainty",
)  # fmt: skip
UPD = (
    "child", "father", "mother", "contig", "opposite_homozygous", "without_father",
    "without_mother", "p_without_father", "p_without_mother", "father_het", "child_het_of_father",
    "mother_het", "child_het_of_mother", "upd", "kind", "note",
)  # fmt: skip
ROH = ("sample", "runs", "total_bp", "longest_bp", "autosome_bp", "froh")
RUNS = ("sample", "contig", "start", "end", "length_bp", "sites", "quality")
#: Tables, by the name of their file.
COLUMNS = {
    "mendelian": MENDELIAN,
    "de_novo": DE_NOVO,
    "inheritance": INHERITANCE,
    "upd": UPD,
    "roh": ROH,
    "roh_runs": RUNS,
}


@dataclass
class _Found:
    """Counts that grow with the pass over a callset."""

    errors: list[Errors]
    upd: list[dict[str, upd.Chromosome]]
    de_novo: dict[str, dict[str, int]] = field(default_factory=dict)
    patterns: dict[str, int] = field(default_factory=dict)


def analyse(
    path: Path, family: Family, genome: Genome, rules: FamilyConfig, folder: Path
) -> dict[str, Any]:
    """Analyse a family and write its tables and ``summary.json`` into a folder.

    Every table is there in the end, with its header alone where it has nothing to say. The
    summary, written last, says of each analysis that was not made why.

    Args:
        path: Callset of the family.
        family: Who is in it.
        genome: The reference.
        rules: What is asked.
        folder: Where the tables go.

    Raises:
        GvcfError: The callset cannot be read.
        NgdError: The genes cannot be read.
        OutputError: The folder cannot be written.
    """
    genes = index_genes(rules.genes, genome.contigs) if rules.genes else None
    trios = [each for each in family.children if each.is_trio]
    found = _Found(
        [Errors(each) for each in family.children],
        [{each.name: upd.Chromosome() for each in genome.autosomes} for _ in trios],
        {each.name: {"candidates": 0, "passed": 0} for each in trios},
    )
    with ExitStack() as stack:
        tables = {name: _table(stack, folder / f"{name}.tsv", name) for name in COLUMNS}
        if len(family.members) > 1:
            _pass_over(path, family, genome, rules, genes, found, tables)
        _write(tables["mendelian"], _mendelian_rows(found.errors))
        _write(tables["upd"], _upd_rows(family, found.upd, rules))
        homozygosity = _homozygosity(path, family, genome, rules)
        _write(tables["roh"], _roh_rows(homozygosity))
        _write(tables["roh_runs"], _run_rows(homozygosity.values()))
    summary = _summary(family, rules, found)
    write_json(folder / "summary.json", summary)
    return summary


def _pass_over(
    path: Path,
    family: Family,
    genome: Genome,
    rules: FamilyConfig,
    genes: dict[str, GeneIndex] | None,
    found: _Found,
    tables: dict[str, IO[str]],
) -> None:
    roles = genome.roles
    contig, gathered = "", None
    for batch in callset.batches(path, family.names):
        if batch.contig not in roles:
            continue
        if gathered is None or batch.contig != contig:
            _write_hits(tables["inheritance"], contig, gathered, found)
            contig = batch.contig
            own = None if genes is None else genes.get(contig, GeneIndex.empty())
            gathered = ContigCandidates(family, own)
        new = _count(batch, roles[contig], family, genome, rules, found)
        _write(tables["de_novo"], (_de_novo_row(each) for each in new))
        x_linked = ~genome.in_par(contig, batch.positions) & (roles[contig] is Role.X)
        if roles[contig] in (Role.AUTOSOME, Role.X):
            gathered.add(batch, x_linked, new)
    _write_hits(tables["inheritance"], contig, gathered, found)


def _count(
    batch: Batch, role: Role, family: Family, genome: Genome, rules: FamilyConfig, found: _Found
) -> list[Candidate]:
    """Count a batch; give its de novo candidates."""
    column = {name: at for at, name in enumerate(family.names)}
    in_par = genome.in_par(batch.contig, batch.positions)
    for errors in found.errors:
        errors.add(batch, role, in_par, family)
    new: list[Candidate] = []
    trios = [each for each in family.children if each.is_trio]
    for child, chromosomes in zip(trios, found.upd, strict=True):
        assert child.father is not None
        assert child.mother is not None
        if batch.contig in chromosomes:
            three = column[child.name], column[child.father], column[child.mother]
            chromosomes[batch.contig].add(batch, *three)
        own = list(de_novo.candidates(batch, role, family, child, rules.de_novo))
        counts = found.de_novo[child.name]
        counts["candidates"] += len(own)
        counts["passed"] += sum(each.verdict == PASS for each in own)
        new += own
    return sorted(new, key=lambda each: (each.position, each.ref, each.alt, each.child))


def _write_hits(
    file: IO[str], contig: str, gathered: ContigCandidates | None, found: _Found
) -> None:
    if gathered is None:
        return
    for hit in gathered.hits():
        found.patterns[hit.pattern] = found.patterns.get(hit.pattern, 0) + 1
        place = (contig, hit.position, hit.ref, hit.alt, hit.gene)
        _write(file, [(*place, hit.pattern, hit.child, hit.origin, hit.certainty)])


def _table(stack: ExitStack, path: Path, name: str) -> IO[str]:
    """A table with its header, which takes its place once everything is written."""
    temporary = stack.enter_context(replacing(path))
    file = stack.enter_context(temporary.open("w", encoding="utf-8", newline="\n"))
    file.write("\t".join(COLUMNS[name]) + "\n")
    return file


def _write(file: IO[str], rows: Iterable[Sequence[object]]) -> None:
    file.writelines("\t".join(_text(each) for each in row) + "\n" for row in rows)


def _text(value: object) -> str:
    if value is None or value != value:  # NaN is not itself
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _mendelian_rows(errors: Iterable[Errors]) -> Iterator[tuple[object, ...]]:
    for each in errors:
        who = (each.child.name, each.child.father, each.child.mother)
        for part, kind, count in each.rows():
            yield *who, part, kind, count.judged, count.errors, count.rate, count.not_judged


def _de_novo_row(each: Candidate) -> tuple[object, ...]:
    genotypes = [reads.genotype for reads in each.reads]
    depths = [number for reads in each.reads for number in (reads.depth, reads.alt)]
    place = (each.contig, each.position, each.ref, each.alt, each.child)
    verdict = (each.posterior, each.verdict, ",".join(each.carriers))
    return *place, each.source.name.lower(), *genotypes, *depths, *verdict


def _upd_rows(
    family: Family, counts: Sequence[dict[str, upd.Chromosome]], rules: FamilyConfig
) -> Iterator[tuple[object, ...]]:
    trios = [each for each in family.children if each.is_trio]
    for child, chromosomes in zip(trios, counts, strict=True):
        judged = sum(each.opposite >= rules.upd.min_sites for each in chromosomes.values())
        for contig, each in chromosomes.items():
            finding = upd.judge(each, max(judged, 1), rules.upd)
            yield (
                *(child.name, child.father, child.mother, contig),
                *(each.opposite, each.without_father, each.without_mother),
                *(finding.p_without_father, finding.p_without_mother),
                *(each.father_het, each.child_het_of_father),
                *(each.mother_het, each.child_het_of_mother),
                *(finding.parent, finding.kind, finding.note),
            )


def _homozygosity(
    path: Path, family: Family, genome: Genome, rules: FamilyConfig
) -> dict[str, Homozygosity]:
    autosomes = genome.autosomes
    runs = find_runs(path, family.names, [each.name for each in autosomes], rules.roh)
    bases = sum(each.length for each in autosomes)
    return {
        name: Homozygosity(tuple(run for run in runs if run.sample == name), bases)
        for name in family.names
    }


def _roh_rows(found: dict[str, Homozygosity]) -> Iterator[tuple[object, ...]]:
    for name, each in found.items():
        longest = max((run.length for run in each.runs), default=0)
        yield name, len(each.runs), each.total_bp, longest, each.autosome_bp, each.froh


def _run_rows(found: Iterable[Homozygosity]) -> Iterator[tuple[object, ...]]:
    for each in found:
        for run in each.runs:
            place = (run.sample, run.contig, run.start, run.end)
            yield *place, run.length, run.markers, run.quality


def _summary(family: Family, rules: FamilyConfig, found: _Found) -> dict[str, Any]:
    return {
        "family": family.name,
        "kind": family.kind,
        "members": list(family.names),
        "absent": dict(family.absent),
        "children": [
            {
                "child": child.name,
                "father": child.father,
                "mother": child.mother,
                "absent": dict(child.absent),
                "mendelian": vars(errors.total),
                "de_novo": found.de_novo.get(child.name),
            }
            for child, errors in zip(family.children, found.errors, strict=True)
        ],
        "inheritance": found.patterns,
        "not_done": _not_done(family, rules),
    }


def _not_done(family: Family, rules: FamilyConfig) -> dict[str, str]:
    """Analyses that were not made, and why."""
    reasons = {}
    if not family.children:
        reasons["mendelian"] = "no child with a parent in the callset"
    if not any(each.is_trio for each in family.children):
        reasons["de_novo"] = reasons["upd"] = "no child with both parents in the callset"
    affected = any(each.affected == "yes" for each in family.members)
    if len(family.members) < 2 or not affected:
        why = "nobody is affected" if not affected else "one member only"
        reasons["inheritance"] = reasons["compound"] = why
    elif rules.genes is None:
        reasons["compound"] = "no genes are configured (family.genes)"
    return reasons
