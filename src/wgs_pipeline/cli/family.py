"""``wgs family``: what the genomes of relatives say together."""

from __future__ import annotations

from pathlib import Path

import click

_PATH = click.Path(path_type=Path)


@click.group()
def command() -> None:
    """Analyse families."""


@command.command()
@click.argument("callset", type=_PATH)
@click.option("--family", "name", required=True, help="family_id, as in the sheet of samples.")
@click.option("--config", "configfile", type=_PATH, required=True, help="config.yaml.")
@click.option("--reference-fai", type=_PATH, required=True, help="FASTA index.")
@click.option("-o", "--outdir", type=_PATH, required=True, help="Folder for the tables.")
def analyse(callset: Path, name: str, configfile: Path, reference_fai: Path, outdir: Path) -> None:
    """Analyse the CALLSET of one family.

    Writes mendelian.tsv, de_novo.tsv, inheritance.tsv, upd.tsv, roh.tsv, roh_runs.tsv and
    summary.json. Members without consent to analysis are left out, even if the callset has them,
    and so are tumours.
    """
    from wgs_pipeline.errors import GvcfError
    from wgs_pipeline.family.analysis import analyse as analyse_family
    from wgs_pipeline.family.callset import samples_of
    from wgs_pipeline.family.genome import Genome
    from wgs_pipeline.family.structure import family_of
    from wgs_pipeline.project import Project

    project = Project.load(configfile)
    if name not in project.families:
        raise GvcfError(
            f"{callset}: family {name!r} has no member with consent to analysis in the sheet of "
            "samples; expected one of its family_ids. Correct --family"
        )
    known = {each for each, sample in project.samples.items() if sample.family_id == name}
    called = samples_of(callset)
    strangers = [each for each in called if each not in known]
    if strangers:
        raise GvcfError(
            f"{callset}: sample {strangers[0]!r} is not of family {name!r}; expected its members. "
            "Give the family's own callset"
        )
    # What a tumour acquired was inherited from nobody.
    germline = [each for each in project.samples.values() if each.material == "germline"]
    analysed = set(project.families[name]) & {each.sample_id for each in germline}
    family = family_of(name, germline, project.excluded, [s for s in called if s in analysed])
    genome = Genome.read(reference_fai, project.config.reference)
    analyse_family(callset, family, genome, project.config.family, outdir)
