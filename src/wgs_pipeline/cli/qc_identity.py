"""``wgs qc fingerprint``, ``wgs qc identity``: whose genome it is, by comparison with others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from wgs_pipeline.errors import WgsError
from wgs_pipeline.files import write_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wgs_pipeline.config import Config
    from wgs_pipeline.fingerprints import Fingerprint, Panel
    from wgs_pipeline.metrics.identity import Pair
    from wgs_pipeline.project import Project

_PATH = click.Path(path_type=Path)
_config = click.option("--config", "configfile", type=_PATH, required=True, help="config.yaml.")
_fai = click.option("--reference-fai", type=_PATH, required=True, help="FASTA index.")
_output = click.option("-o", "--output", type=_PATH, required=True, help="File to write.")


@click.command()
@click.option("--sample", required=True, help="sample_id.")
@click.option("--gvcf", type=_PATH, required=True, help="Its gVCF.")
@click.option("--stopped", is_flag=True, help="The sample was not called: nothing was examined.")
@_config
@_fai
@_output
def fingerprint(
    sample: str, gvcf: Path, stopped: bool, configfile: Path, reference_fai: Path, output: Path
) -> None:
    """Write what a genome carries at the places where genomes are compared."""
    from wgs_pipeline.config import load_config
    from wgs_pipeline.fingerprints import nothing_examined
    from wgs_pipeline.ngd.lookalikes import fingerprint_of_gvcf
    from wgs_pipeline.ngd.records import Rule
    from wgs_pipeline.reference import read_contigs

    config = load_config(configfile)
    rule = Rule(config.ngd.callable.min_dp, config.ngd.callable.min_gq)
    lengths = {each.name: each.length for each in read_contigs(reference_fai)}
    panel = _panel(config, reference_fai)
    if stopped:
        nothing_examined(sample, panel).write(output)
        return
    fingerprint_of_gvcf(gvcf, sample, panel, lengths, rule).write(output)


@click.command()
@click.option("--sample", required=True, help="sample_id.")
@click.option(
    "--qc-dir", type=_PATH, required=True, help="Folder that holds {sample}/fingerprint.npz."
)
@_config
@_fai
@_output
def identity(
    sample: str, qc_dir: Path, configfile: Path, reference_fai: Path, output: Path
) -> None:
    """Compare a genome with those of the run that are there, and with the whole database."""
    from wgs_pipeline.metrics.identity import (
        DATABASE,
        RELATEDNESS,
        exchanges,
        judge_identity,
        too_few,
    )
    from wgs_pipeline.project import Project

    project = Project.load(configfile)
    panel = _panel(project.config, reference_fai)
    prints = _fingerprints(project, panel, qc_dir)
    if sample not in prints:
        raise WgsError(
            f"{qc_dir / sample / 'fingerprint.npz'}: missing, or of other sites than those of the "
            "configuration; make it again with wgs qc fingerprint"
        )
    one, minimum = prints[sample], project.config.qc.identity.min_sites
    why = too_few(one, minimum)
    absent = {RELATEDNESS: why, DATABASE: why}
    in_run: list[Pair] = []
    in_database: list[Pair] = []
    if not why:
        in_run = _in_run(project, one, prints)
        absent[RELATEDNESS] = "" if in_run else "no other genome of the run was there"
        in_database, absent[DATABASE] = _in_database(project, one, panel)
    judged = judge_identity(sample, [*in_run, *in_database], minimum, absent)
    enough = [pair for pair in in_run if pair.found.sites >= minimum]
    judged.findings.reasons += exchanges(project.samples[sample], enough, project.samples, prints)
    write_json(output, judged.as_json())


def _panel(config: Config, fai: Path) -> Panel:
    from wgs_pipeline.metrics.places import panel_of
    from wgs_pipeline.reference import read_contigs

    named = config.reference
    contigs = read_contigs(fai, named.x, named.y, named.mitochondrion)
    return panel_of(contigs, config.qc.identity.sites)


def _fingerprints(project: Project, panel: Panel, qc_dir: Path) -> dict[str, Fingerprint]:
    """Those of the samples with consent that are there by now."""
    from wgs_pipeline.fingerprints import read_fingerprint

    paths = {name: qc_dir / name / "fingerprint.npz" for name in project.analysed}
    read = {name: read_fingerprint(path) for name, path in paths.items() if path.is_file()}
    return {name: each for name, each in read.items() if each.panel == panel.digest}


def _in_run(project: Project, one: Fingerprint, prints: Mapping[str, Fingerprint]) -> list[Pair]:
    from wgs_pipeline.metrics.identity import RELATEDNESS, compare, expected_relation

    me = project.samples[one.sample]
    return [
        compare(one, other, RELATEDNESS, expected_relation(me, project.samples[name]))
        for name, other in prints.items()
        if name != one.sample and len(other.keys) and len(one.keys)
    ]


def _in_database(project: Project, one: Fingerprint, panel: Panel) -> tuple[list[Pair], str]:
    """Pairs with genomes of the database, or why there are none."""
    from wgs_pipeline.metrics.identity import DATABASE, compare
    from wgs_pipeline.metrics.relatedness import Relation
    from wgs_pipeline.ngd.lookalikes import lookalikes

    patient = project.samples[one.sample].patient_id
    found = lookalikes(project.config.ngd.root, one, panel, one.sample, patient)
    if not found.genomes:
        return [], "the database holds no whole genome to compare with"
    pairs = []
    for each in found.candidates:
        expected = Relation.SAME if each.own else None
        pairs.append(compare(one, each.fingerprint, DATABASE, expected))
    return pairs, ""


@click.command()
@click.option("--sample", required=True, help="sample_id.")
@click.option("--cram", type=_PATH, required=True, help="Its indexed alignment.")
@click.option("--reference", type=_PATH, required=True, help="Indexed FASTA.")
@_config
@_output
def lanes(sample: str, cram: Path, reference: Path, configfile: Path, output: Path) -> None:
    """Compare the lanes of a sample with one another: are their reads of one person?"""
    from wgs_pipeline.config import load_config
    from wgs_pipeline.metrics import lane_identity

    config = load_config(configfile)
    groups = lane_identity.read_groups(cram, reference)
    found: list[lane_identity.Lane] = []
    if len(groups) > 1:
        panel = _panel(config, Path(f"{reference}.fai"))
        qualities = config.calling.min_mapping_quality, config.calling.min_base_quality
        counts = lane_identity.count_alleles(cram, reference, groups, panel, qualities)
        found = lane_identity.compare_lanes(groups, *counts)
    write_json(output, lane_identity.judge_lanes(sample, found))
