"""The configuration and the README of a toy project."""

from __future__ import annotations

from wgs_pipeline.toy.cohort import Cohort, Planted
from wgs_pipeline.toy.people import PEOPLE
from wgs_pipeline.toy.reference import AUTOSOMES, MITOCHONDRION, Reference, X, Y

#: The default threshold, for 30x of GRCh38 (3.1 Gb), as yield per base of the genome.
_YIELD_PER_BASE = 85e9 / 3.1e9
#: Autosomes shorter than this, in bp, give het/hom ratios beyond the default bound by chance.
_SHORTEST_JUDGED = 150_000


def config_yaml(reference: Reference) -> str:
    """The text of config.yaml."""
    yield_bp_q30 = round(_YIELD_PER_BASE * sequenced_length(reference), -4)
    truths = "".join(
        f"  {person.sample_id}:\n"
        f"    vcf: truth/{person.sample_id}.vcf.gz\n"
        "    bed: truth/confident.bed\n"
        for person in PEOPLE
        if person.analysed
    )
    return f"""\
# A toy genome project: every person in it is synthetic. README.md says what is planted where.
# Paths are relative to this file.
samples: samples.tsv
units: units.tsv
consents: consents.tsv
results: results

reference:
  build: toy
  fasta: reference/toy.fa
  par_bed: reference/par.bed
  mitochondrion: {MITOCHONDRION}

calling:
  scatter_count: 2

family:
  genes: truth/genes.bed

qc:
  thresholds:
    # 85 Gb is what 30x of a human genome (3.1 Gb) yields. This genome has {reference.length:,} bp,
    # and its chrX and chrY are larger beside the autosomes than those of people: they count
    # half here, as a man has one of each.
    yield_bp_q30:
      pass_min: {yield_bp_q30:.0f}
    # chrM is a circle of a few kb with a good part of all reads here: pairs that reach over its
    # ends look chimeric.
    chimeras:
      pass_max: 0.1
{_het_hom_threshold(reference)}
ngd:
  root: ngd
  vault: vault

# No truth for toy_withdrawn, who must not be analysed.
truth:
{truths}"""


def _het_hom_threshold(reference: Reference) -> str:
    if sum(reference.contigs[name].length for name in AUTOSOMES) >= _SHORTEST_JUDGED:
        return ""
    return """\
    # A person has too few SNVs on autosomes this short for their ratio to say anything.
    ratio_heterozygous_homzygous_snv: null
"""


def sequenced_length(reference: Reference) -> float:
    """Length in bp of what a man's autosomal depth applies to: chrX and chrY count half."""
    contigs = reference.contigs
    whole = sum(contigs[name].length for name in AUTOSOMES)
    return whole + (contigs[X].length + contigs[Y].length) / 2


def readme(cohort: Cohort, seed: int, coverage: float, scale: float) -> str:
    """The text of README.md."""
    reference = cohort.reference
    de_novo, paternal, maternal = cohort.planted
    contigs = "\n".join(f"| {c.name} | {c.length:,} |" for c in reference.contigs.values())
    return f"""\
# Toy genome project

Everything in this folder is synthetic: no base, name or identifier belongs to a person. Made by
`wgs toy --seed {seed} --coverage {coverage:g} --scale {scale:g}`, which gives the same bytes again.

## Files

| file | content |
|---|---|
| config.yaml, samples.tsv, units.tsv, consents.tsv | what a run reads first |
| reference/toy.fa, reference/par.bed | the genome; the pseudoautosomal region (PAR) |
| reads/ | paired 2x150 reads, one pair of files per library and lane |
| truth/truth.vcf.gz | genotypes of all five people, the father's copy first |
| truth/SAMPLE.vcf.gz | the same for each sample with analysis consent, its own variants only |
| truth/confident.bed | where the truth is complete: not within 150 bp of N or of a contig end |
| truth/genes.bed | the gene intervals |
| truth/planted.tsv | the planted variants, written as the queries take them |
| truth/mitochondrion.tsv | variants of chrM, and the share of each person's copies that have them |
| toy.json | seed, coverage, scale and version of this project |

## Genome

| contig | bp |
|---|---|
{contigs}

N runs stand at both ends and in the middle of every contig but chrM: there the people have bases
that the reference does not know, and their reads stay unmapped. chrX and chrY share the PAR,
{X}:{reference.par_start + 1:,}-{reference.par_end:,} and the same coordinates on {Y}. On {Y} the
reference masks it with N, as analysis references do: reads of a man's two copies align to {X}, and
the truth has his PAR genotypes there, diploid. Beyond the PAR men are haploid on {X} and {Y};
women have no {Y}; chrM is a ring at ten times the depth of the autosomes, with heteroplasmies. The
genome has homopolymers, STRs, an interspersed element, and three duplicates (1 kb at scale 1, 5 %
diverged) at 20 % and 70 % of the contigs' lengths.

## People

| sample | who | consent |
|---|---|---|
| toy_proband | affected son; two libraries, three lanes | analysis; nothing said on research |
| toy_father | his father | analysis; research refused, then given |
| toy_mother | his mother | analysis and research |
| toy_unrelated | a woman of another family | analysis; **refused research** |
| toy_withdrawn | a man of a third family | **analysis withdrawn**; his reads must not be read |

## Planted variants

- **De novo**: {_described(de_novo)} in the gene {de_novo.gene}. The proband is
  heterozygous and nobody else carries it. It is the only place where the trio breaks Mendel's laws.
- **Compound heterozygote** in the gene {paternal.gene}: {_described(paternal)} on the copy
  from the father, {_described(maternal)} on the copy from the mother. Each parent is
  heterozygous for one of them; nobody else carries either.

- **Heteroplasmies** on {MITOCHONDRION}: toy_proband, toy_mother and toy_unrelated have six SNVs,
  in 5 %, 20 % and all copies, three of them within 60 bp of where the ring is cut open. They are in
  truth/mitochondrion.tsv only: no genotype of one or two copies says them.

All other variants come from a dozen common ancestors, so that people share them: SNVs at about
one base in a thousand per person, and indels of 1 to 20 bp. By chance, common variants of both
parents meet in other genes too; only the planted ones are absent from everybody outside the trio.
"""


def _described(planted: Planted) -> str:
    return f"`{planted.contig}-{planted.position + 1}-{planted.ref}-{planted.alt}`"
