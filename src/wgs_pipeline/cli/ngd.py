"""``wgs ngd``: make, load, compact, ask and verify a National Genome Database."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wgs_pipeline.cli.lazy import LazyGroup
from wgs_pipeline.errors import ConfigError, NgdError

if TYPE_CHECKING:
    from wgs_pipeline.ngd.load import SignedOff

_path = click.Path(path_type=Path)
_root = click.argument("root", type=_path)


#: Commands of other modules.
_ELSEWHERE = {
    "commit": ("ngd_commit", "commit"),
    "compact": ("ngd_maintenance", "compact"),
    "erase": ("ngd_erase", "erase"),
    "export": ("ngd_export", "command"),
    "release": ("ngd_maintenance", "release"),
    "verify": ("ngd_maintenance", "verify"),
    **{
        name: ("ngd_query", name)
        for name in ("carriers", "genes", "genome", "info", "region", "variant")
    },
}


@click.group(cls=LazyGroup, elsewhere=_ELSEWHERE)
def command() -> None:
    """Load and query the National Genome Database."""


@command.command()
@_root
@click.option("--vault", type=_path, help="Folder outside ROOT for who is who; made if missing.")
@click.option("--consents", type=_path, help="Consent register (consents.tsv).")
@click.option("--optouts", type=_path, help="Opt-out list of a national register.")
@click.option("--reference", type=_path, help="FASTA with its index beside it, or a .fai.")
@click.option("--par-bed", type=_path, help="Pseudoautosomal regions of X and Y.")
@click.option("--config", "configfile", type=_path, help="Take what is not given from here.")
def init(
    root: Path,
    vault: Path | None,
    consents: Path | None,
    optouts: Path | None,
    reference: Path | None,
    par_bed: Path | None,
    configfile: Path | None,
) -> None:
    """Make an empty database; with the same arguments again it changes nothing."""
    from wgs_pipeline.ngd.init import Wanted, initialise

    given: dict[str, Any] = {
        "vault": vault,
        "consents": consents,
        "optouts": optouts,
        "reference": reference,
        "par_bed": par_bed,
    }
    wanted = (_configured(configfile) if configfile else {}) | {
        name: value for name, value in given.items() if value is not None
    }
    for name in ("vault", "consents"):
        if name not in wanted:
            raise click.UsageError(f"give --{name}, or --config")
    made = initialise(root, Wanted(**wanted))
    click.echo(f"{root}: {'made' if made else 'is there already'}", err=True)


@command.command()
@_root
@click.option("--sample", help="sample_id.")
@click.option("--gvcf", type=_path, help="Its gVCF: plain, gzip or bgzip.")
@click.option("--callset", type=_path, help="VCF or BCF of many samples, instead of both.")
@click.option("--samples", type=_path, help="Sample sheet: says whose sample it is, and the sex.")
@click.option("--patient-id", help="The person instead of a sheet; '-' reads standard input.")
@click.option("--sex", help="female, male or unknown; with --patient-id.")
@click.option("--karyotype", help="XX, XY, X0, XXY, XYY or XXX, whatever the sex says.")
@click.option("--ploidy", type=_path, help="JSON of wgs reference ploidy: gives --karyotype.")
@click.option("--assay", default="wgs", show_default=True, help="wgs, or a targeted assay.")
@click.option("--target", type=_path, help="BED of the bases that the assay aims at.")
@click.option("--reference", type=_path, help="FASTA for left-alignment; default as at init.")
@click.option("--replace", is_flag=True, help="Replace another gVCF of this sample and assay.")
@click.option("--verdict", type=_path, help="QC verdict; only pass and warn are loaded.")
@click.option("--receipt", type=_path, help="JSON file that says what was done.")
@click.option(
    "--registration",
    type=_path,
    help="Leave the genome to the next wgs ngd commit; needs no vault. FILE says what waits.",
)
def load(
    root: Path,
    sample: str | None,
    gvcf: Path | None,
    callset: Path | None,
    samples: Path | None,
    patient_id: str | None,
    sex: str | None,
    karyotype: str | None,
    ploidy: Path | None,
    assay: str,
    target: Path | None,
    reference: Path | None,
    replace: bool,
    verdict: Path | None,
    receipt: Path | None,
    registration: Path | None,
) -> None:
    """Load one genome, or all of a callset; one that is loaded already changes nothing."""
    if callset is not None:
        from wgs_pipeline.cli import ngd_callset

        single = {
            "sample": sample, "gvcf": gvcf, "patient-id": patient_id, "sex": sex,
            "karyotype": karyotype, "ploidy": ploidy, "verdict": verdict,
            "registration": registration,
        }  # fmt: skip
        options = {
            "assay": assay, "target_bed": target, "reference": reference, "replace": replace
        }  # fmt: skip
        ngd_callset.load(root, callset, samples, options, receipt, single)
        return
    if sample is None or gvcf is None:
        raise click.UsageError("give --sample and --gvcf, or --callset")
    from wgs_pipeline.cli.ngd_commit import write_registration
    from wgs_pipeline.cli.ngd_query import import_arrow_alone
    from wgs_pipeline.files import write_json

    import_arrow_alone()
    from wgs_pipeline.ngd.load import Request, load, register_only

    if registration is not None and receipt is not None:
        raise click.UsageError("--receipt is written by wgs ngd commit where --registration is")
    level, signed_off = _judged(sample, verdict) if verdict else ("pass", [])
    if level not in ("pass", "warn"):
        reason = f"QC verdict {level}"
        if registration is not None:
            write_registration(registration, sample, None, reason)
        if receipt is not None:
            write_json(receipt, {"sample": sample, "loaded": False, "reason": reason})
        click.echo(f"{sample}: not loaded ({reason})", err=True)
        return
    if ploidy is not None:
        from wgs_pipeline.ploidy import read_karyotype

        karyotype = karyotype or read_karyotype(ploidy, sample)
    person, sex = _person(sample, samples, patient_id, sex)
    request = Request(sample, gvcf, person, sex, assay, target, reference, replace, karyotype)
    if registration is not None:
        waiting = register_only(root, request).id
        write_registration(registration, sample, waiting, signed_off=signed_off)
        click.echo(f"{sample}: registered, and waits for wgs ngd commit", err=True)
        return
    done = load(root, request, signed_off)
    if receipt is not None:
        write_json(receipt, {**asdict(done), "loaded": True})
    said = "is loaded already" if done.already_loaded else "loaded"
    click.echo(f"{sample}: {said} (slot {done.slot}, generation {done.generation})", err=True)


def _judged(sample: str, path: Path) -> tuple[str, list[SignedOff]]:
    """The verdict on a sample, and the findings that it passes in spite of.

    Raises:
        NgdError: The file is no verdict, or is of another sample.
    """
    import json

    from wgs_pipeline.ngd.load import SignedOff

    try:
        verdict = json.loads(path.read_text(encoding="utf-8"))
        found, level = verdict["sample"], str(verdict["verdict"])
        signed_off = [
            SignedOff(
                " ".join(filter(None, (each["metric"], each["other"]))),
                *(str(each[name]) for name in ("signed_by", "signed_at", "reason")),
            )
            for each in verdict.get("overrides", [])
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NgdError(f"{path}: is no verdict ({error}). Make it with wgs qc verdict") from error
    if found != sample:
        raise NgdError(f"{path}: is of sample {found}; expected {sample}. Give its own verdict")
    return level, signed_off


@command.command()
@_root
def adopt(root: Path) -> None:
    """Let the vault of ROOT belong to the folder where ROOT lies now, as after a move."""
    from wgs_pipeline.ngd.home import adopt
    from wgs_pipeline.ngd.layout import Root
    from wgs_pipeline.vault import Vault

    opened = Root.open(root)
    with Vault(opened.vault) as vault:
        adopt(opened, vault)
    click.echo(f"{root}: is the database of {opened.vault} now", err=True)


def _configured(configfile: Path) -> dict[str, Any]:
    from wgs_pipeline.config import load_config

    config = load_config(configfile)
    reference = config.reference
    return {
        "vault": config.ngd.vault,
        "consents": config.consents,
        "reference": reference.fasta,
        "par_bed": reference.par_bed,
        "names": {
            "x": reference.x, "y": reference.y, "mitochondrion": reference.mitochondrion
        },
        "min_dp": config.ngd.callable.min_dp,
        "min_gq": config.ngd.callable.min_gq,
        "research_default": config.policy.research_default,
        "on_withdrawal": config.policy.on_withdrawal,
        "optouts": config.policy.optout_list,
        "register_max_age": config.policy.register_max_age,
        "register_max_shrink": config.policy.register_max_shrink,
    }  # fmt: skip


def _person(
    sample: str, samples: Path | None, patient_id: str | None, sex: str | None
) -> tuple[str, str]:
    """Whose sample it is, and the sex: from the sheet, or as given."""
    if (samples is None) == (patient_id is None):
        raise click.UsageError("give either --samples, or --patient-id with --sex")
    if samples is None:
        if sex is None:
            raise click.UsageError("--patient-id needs --sex")
        return _read_identifier(patient_id or ""), sex
    from wgs_pipeline.sheets import read_samples

    for row in read_samples(samples):
        if row.sample_id == sample:
            return row.patient_id, row.sex
    raise ConfigError(f"{samples}: no row for sample {sample!r}; expected one. Add it to the sheet")


def _read_identifier(given: str) -> str:
    """An identifier, from standard input where ``-`` is given."""
    from wgs_pipeline.cli.identifier import read_identifier

    identifier = read_identifier(given)
    if not identifier:
        raise click.UsageError("the patient identifier is empty")
    return identifier
