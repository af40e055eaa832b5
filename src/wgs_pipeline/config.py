"""The configuration: config.yaml against its schema, with defaults, as typed records.

Defaults live in ``config.schema.yaml`` and nowhere else. Relative paths are relative to the
configuration file, those of overrides too.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wgs_pipeline import configfile
from wgs_pipeline.errors import Problem, ProblemsError
from wgs_pipeline.family.settings import FamilyConfig, family_config
from wgs_pipeline.identifiers import has_cpr_shape
from wgs_pipeline.tables import load_schema


@dataclass(frozen=True)
class ReferenceConfig:
    """The reference genome; ``x``, ``y`` and ``mitochondrion`` are None where to be found."""

    build: str
    fasta: Path
    par_bed: Path | None
    x: str | None
    y: str | None
    mitochondrion: str | None


@dataclass(frozen=True)
class AlignerConfig:
    """How reads are aligned."""

    name: str
    platform: str
    optical_distance: int


@dataclass(frozen=True)
class CallingConfig:
    """How variants are called; qualities are Phred, depths are reads."""

    engine: str
    scatter_count: int
    interval_padding: int
    min_mapping_quality: int
    min_base_quality: int
    depth_bands: tuple[int, ...]
    min_qual: float
    min_depth: int
    min_allele_balance: float


@dataclass(frozen=True)
class MitochondrionConfig:
    """How heteroplasmies are called; ``docs/mitochondrion.md`` explains the bounds.

    Attributes:
        min_heteroplasmy: Least share of the reads with an allele, 0.001 to 1.
        min_depth: Least reads at a site that passes.
        min_qual: Least QUAL that passes, Phred.
        homoplasmy: Share of the reads from which on an allele is in all copies.
    """

    min_heteroplasmy: float
    min_depth: int
    min_qual: float
    homoplasmy: float


@dataclass(frozen=True)
class CopyNumberConfig:
    """How copy number is told from depth.

    Attributes:
        bin_size: Length of a bin, bp.
        min_mapping_quality: Least mapping quality of a read that counts, Phred.
        penalty: Of a change, times the logarithm of the number of bins.
        min_bins: Fewest bins of a segment.
        max_gap: Most bases between two bins of a segment.
        min_known: Least share of bases of a bin that are known and not excluded, 0 to 1.
        min_quality: Least quality of a change that passes, Phred.
    """

    bin_size: int
    min_mapping_quality: int
    penalty: float
    min_bins: int
    max_gap: int
    min_known: float
    min_quality: float


@dataclass(frozen=True)
class StructuralConfig:
    """How structural variants are called; ``docs/structural.md`` explains the bounds.

    Attributes:
        enabled: Whether they are called at all.
        callers: The callers, the one whose genotypes are most trusted first.
        exclude_bed: Where nothing is looked for, beside long runs of N; None: nowhere else.
        min_size: Least length, bp.
        min_support: Least supporting reads and pairs that pass.
        min_mapping_quality: Least mapping quality of a read that counts, Phred.
        min_probability: Least probability that passes in dysgu, 0 to 1.
        merge_distance: Most bases between the ends of calls of one event.
        merge_overlap: Least reciprocal overlap of calls of one event, 0 to 1.
        copy_number: Copy number from depth.
    """

    enabled: bool
    callers: tuple[str, ...]
    exclude_bed: Path | None
    min_size: int
    min_support: int
    min_mapping_quality: int
    min_probability: float
    merge_distance: int
    merge_overlap: float
    copy_number: CopyNumberConfig


@dataclass(frozen=True)
class IdentityConfig:
    """How genomes are compared with one another.

    Attributes:
        sites: VCF or BED of sites; None: windows spread over the autosomes.
        min_sites: Pairs with fewer sites are not judged.
        wait_for_family: Whether a sample is judged only once all of its family can be.
    """

    sites: Path | None = None
    min_sites: int = 500
    wait_for_family: bool = False


@dataclass(frozen=True)
class QcConfig:
    """How quality is judged.

    Attributes:
        thresholds: Bounds per metric: pass_min, pass_max, warn_min, warn_max; None is a metric
            that is not judged.
        thresholds_for: Rules that replace bounds for an assay or a material.
        overrides: Sheet of findings that were signed off; None: there is none.
        identity: How genomes are compared.
        panel: Gene panel whose coverage is reported (BED or GFF3); None: there is none.
        contamination_sites: VCF of common SNVs with AF; None: contamination is estimated without.
        early_stop: Whether a sample that is certain to fail is not called.
    """

    thresholds: Mapping[str, Mapping[str, float] | None]
    thresholds_for: Sequence[Mapping[str, Any]] = ()
    overrides: Path | None = None
    identity: IdentityConfig = IdentityConfig()
    panel: Path | None = None
    contamination_sites: Path | None = None
    early_stop: bool = True

    def bounds(self, assay: str, material: str) -> dict[str, Mapping[str, float] | None]:
        """Bounds per metric of one assay and material."""
        bounds = dict(self.thresholds)
        for rule in self.thresholds_for:
            if rule.get("assay", assay) != assay or rule.get("material", material) != material:
                continue
            changed = {key: value for key, value in rule.items() if key in _BOUNDS}
            before = bounds.get(rule["metric"]) or {}
            judged = rule.get("judged", True)
            bounds[rule["metric"]] = {**before, **changed} if judged else None
        return bounds


_RULES = ("qc", "thresholds_for")
#: Keys of the bounds of a metric.
_BOUNDS = ("pass_min", "pass_max", "warn_min", "warn_max")


@dataclass(frozen=True)
class CallableConfig:
    """When a base counts as examined: depth in reads, genotype quality in Phred."""

    min_dp: int
    min_gq: int


@dataclass(frozen=True)
class NgdConfig:
    """The National Genome Database."""

    root: Path
    vault: Path
    callable: CallableConfig


@dataclass(frozen=True)
class PolicyConfig:
    """What holds where the patient has not decided, and when the register may be relied on.

    Attributes:
        research_default: ``allowed`` or ``refused``.
        on_withdrawal: ``erase`` or ``seal``.
        optout_list: Opt-out list of a national register; None: there is none.
        register_max_age: Days since register and list were written; None: any.
        register_max_shrink: Share by which they may have shrunk, 0 to 1.
    """

    research_default: str
    on_withdrawal: str
    optout_list: Path | None
    register_max_age: float | None
    register_max_shrink: float


@dataclass(frozen=True)
class ArchiveConfig:
    """Archive copies; ``recipients`` are files of public keys, none where no copies are made."""

    recipients: tuple[Path, ...]


@dataclass(frozen=True)
class TruthConfig:
    """Known calls of one sample, complete inside ``bed``."""

    vcf: Path
    bed: Path


@dataclass(frozen=True)
class PlanningConfig:
    """What ``wgs plan`` reads; None where it is given on the command line."""

    referrals: Path | None
    capacity: Path | None


@dataclass(frozen=True)
class ResourcesConfig:
    """The table of what rules need; None: the one that is shipped."""

    table: Path | None


@dataclass(frozen=True)
class ClusterConfig:
    """How a run on SLURM is watched.

    Attributes:
        stall_minutes: Minutes without a job after which it is stopped.
        longest_pause_seconds: Seconds between two looks at its jobs, at most.
    """

    stall_minutes: float
    longest_pause_seconds: float


@dataclass(frozen=True)
class CostsConfig:
    """Prices of a core and a GB reserved for an hour, and power in W; None is not reported."""

    currency: str
    core_hour: float | None
    gb_hour: float
    intensity_g_per_kwh: float | None
    pue: float
    watts_per_core: float
    watts_per_gb: float


@dataclass(frozen=True)
class Config:
    """A valid configuration; every path is absolute.

    Attributes:
        path: The configuration file.
        values: All keys with defaults filled in, as nested plain values with paths as text.
        lines: Line of every key that stands in the file.
    """

    path: Path
    samples: Path
    units: Path
    consents: Path
    results: Path
    reference: ReferenceConfig
    aligner: AlignerConfig
    calling: CallingConfig
    mitochondrion: MitochondrionConfig
    structural: StructuralConfig
    family: FamilyConfig
    qc: QcConfig
    ngd: NgdConfig
    policy: PolicyConfig
    archive: ArchiveConfig
    truth: Mapping[str, TruthConfig]
    planning: PlanningConfig
    resources: ResourcesConfig
    cluster: ClusterConfig
    costs: CostsConfig
    values: Mapping[str, Any]
    lines: Mapping[configfile.Keys, int] = field(default_factory=dict, repr=False, compare=False)

    def line(self, *keys: str) -> int:
        """Line of a key in the file, 0 where it is a default or an override."""
        return self.lines.get(keys, 0)


def load_config(path: Path | str, overrides: Mapping[str, Any] | None = None) -> Config:
    """Read, complete and check a configuration.

    Args:
        path: The YAML file.
        overrides: Nested keys that replace those of the file, as Snakemake's ``--config`` does.

    Raises:
        ConfigError: The file is missing, unreadable or no YAML mapping.
        ProblemsError: Everything wrong with its keys and values.
    """
    config, problems = parse_config(path, overrides)
    if config is None or problems:
        raise ProblemsError(problems)
    return config


def parse_config(
    path: Path | str, overrides: Mapping[str, Any] | None = None
) -> tuple[Config | None, list[Problem]]:
    """Read a configuration as far as possible, and everything wrong with it.

    Where only keys with a default are wrong, the configuration has their defaults, so that what
    it names can still be checked; otherwise it is None.

    Raises:
        ConfigError: The file is missing, unreadable or no YAML mapping.
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100 (resolve would follow links)
    document = configfile.read(path, overrides or {})
    problems = [*document.problems, *configfile.validate(document)]
    values = configfile.usable_values(document) if problems else document.values
    if values is None:
        return None, problems
    config = _config(document, values)
    return config, [*problems, *_across_keys(config, document)]


def _config(document: configfile.Document, values: dict[str, Any]) -> Config:
    path = document.path
    values = _absolute(values, path.parent)
    reference, ngd, calling = values["reference"], values["ngd"], values["calling"]
    return Config(
        path=path,
        samples=Path(values["samples"]),
        units=Path(values["units"]),
        consents=Path(values["consents"]),
        results=Path(values["results"]),
        reference=ReferenceConfig(
            reference["build"],
            Path(reference["fasta"]),
            Path(reference["par_bed"]) if reference["par_bed"] else None,
            reference["x"],
            reference["y"],
            reference["mitochondrion"],
        ),
        aligner=AlignerConfig(**values["aligner"]),
        calling=CallingConfig(**{**calling, "depth_bands": tuple(calling["depth_bands"])}),
        mitochondrion=MitochondrionConfig(**values["mitochondrion"]),
        structural=_structural(values["structural"]),
        family=family_config(values["family"]),
        qc=_qc(values["qc"]),
        ngd=NgdConfig(Path(ngd["root"]), Path(ngd["vault"]), CallableConfig(**ngd["callable"])),
        policy=_policy(values["policy"]),
        archive=ArchiveConfig(tuple(map(Path, values["archive"]["recipients"]))),
        truth={
            sample: TruthConfig(Path(truth["vcf"]), Path(truth["bed"]))
            for sample, truth in values["truth"].items()
        },
        planning=PlanningConfig(
            **{key: Path(path) if path else None for key, path in values["planning"].items()}
        ),
        resources=ResourcesConfig(_optional_path(values["resources"]["table"])),
        cluster=ClusterConfig(**values["cluster"]),
        costs=CostsConfig(**values["costs"]),
        values=values,
        lines={keys: n for keys, n in document.lines.items() if not document.is_overridden(keys)},
    )


def _structural(values: dict[str, Any]) -> StructuralConfig:
    callers, exclude_bed = tuple(values["callers"]), _optional_path(values["exclude_bed"])
    depth = CopyNumberConfig(**values["copy_number"])
    special = {"callers": callers, "exclude_bed": exclude_bed, "copy_number": depth}
    return StructuralConfig(**{**values, **special})


def _qc(values: dict[str, Any]) -> QcConfig:
    paths = ("overrides", "panel", "contamination_sites")
    files = {key: _optional_path(values[key]) for key in paths}
    identity = values["identity"]
    return QcConfig(
        values["thresholds"],
        values["thresholds_for"],
        **files,
        identity=IdentityConfig(**{**identity, "sites": _optional_path(identity["sites"])}),
        early_stop=values["early_stop"],
    )


def _optional_path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _policy(values: dict[str, Any]) -> PolicyConfig:
    optouts = values["optout_list"]
    return PolicyConfig(**{**values, "optout_list": Path(optouts) if optouts else None})


#: Where paths stand among the keys; ``*`` is any key.
_PATHS = (
    ("samples",),
    ("units",),
    ("consents",),
    ("results",),
    ("reference", "fasta"),
    ("reference", "par_bed"),
    ("ngd", "root"),
    ("ngd", "vault"),
    ("policy", "optout_list"),
    ("family", "genes"),
    ("family", "roh", "allele_frequencies"),
    ("qc", "overrides"),
    ("qc", "identity", "sites"),
    ("archive", "recipients", "*"),
    ("qc", "panel"),
    ("qc", "contamination_sites"),
    ("structural", "exclude_bed"),
    ("truth", "*", "vcf"),
    ("truth", "*", "bed"),
    ("planning", "referrals"),
    ("planning", "capacity"),
    ("resources", "table"),
)


def _absolute(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A copy of ``values`` whose paths are absolute."""

    def rebuild(value: Any, keys: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            return {key: rebuild(inner, (*keys, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [rebuild(inner, (*keys, str(at))) for at, inner in enumerate(value)]
        if isinstance(value, str) and _is_path(keys):
            return os.path.normpath(folder / value)
        return value

    absolute: dict[str, Any] = rebuild(values, ())
    return absolute


def _is_path(keys: Sequence[str]) -> bool:
    return any(
        len(keys) == len(path) and all(p in ("*", k) for p, k in zip(path, keys, strict=True))
        for path in _PATHS
    )


def _across_keys(config: Config, document: configfile.Document) -> list[Problem]:
    problems = []

    def add(keys: tuple[str, ...], found: str, expected: str, remedy: str) -> None:
        problems.append(document.problem(keys, found, expected, remedy))

    bands = config.calling.depth_bands
    if bands[0] != 0 or any(a >= b for a, b in itertools.pairwise(bands)):
        expected = "rising depths of which the first is 0"
        add(("calling", "depth_bands"), f"depth_bands is {list(bands)}", expected, "Sort them.")
    for metric, bounds in config.qc.thresholds.items():
        if bounds and not _ordered(bounds):
            expected = "warn_min at most pass_min, and warn_max at least pass_max"
            found = f"{metric} warns inside its pass range: {dict(bounds)}"
            add(("qc", "thresholds", metric), found, expected, "Correct the bounds.")
    for number, rule in enumerate(config.qc.thresholds_for, 1):
        metric = rule["metric"]
        if metric not in config.qc.thresholds:
            found = f"rule {number} is of {metric}, which has no bounds"
            add(_RULES, found, f"one of {', '.join(config.qc.thresholds)}", "Correct the metric.")
            continue
        of = rule.get("assay", "wgs"), rule.get("material", "germline")
        merged = config.qc.bounds(*of)[metric]
        if merged and not _ordered(merged):
            expected = "warn_min at most pass_min, and warn_max at least pass_max"
            found = f"rule {number}: {metric} warns inside its pass range: {dict(merged)}"
            add(_RULES, found, expected, "Correct the bounds.")
    places = {("results",): config.results, ("ngd", "root"): config.ngd.root}
    vault = ("ngd", "vault")
    for keys, place in {(): config.path, **places, vault: config.ngd.vault}.items():
        trouble = _folder_trouble(place)
        if trouble:
            name = ".".join(keys) or "the configuration"
            remedy = "Rename the folder, or move its content to another."
            add(keys, f"the folder of {name} {trouble[0]}", trouble[1], remedy)
    for keys, place in places.items():
        name = ".".join(keys)
        if _inside(config.ngd.vault, place):
            found = f"the vault lies inside {name}"
            expected = "the vault apart from what it protects"
            add(vault, found, expected, "Give the vault a folder of its own, on another disk.")
        elif _inside(place, config.ngd.vault):
            found = f"{name} lies inside the vault"
            add(keys, found, "a folder outside the vault", "Give it a folder of its own.")
    if _inside(config.results, config.ngd.root):
        found = "results lies inside ngd.root"
        expected = "a database folder that holds no names of samples"
        add(("results",), found, expected, "Give the results a folder of their own.")
    return problems


def _folder_trouble(path: Path) -> tuple[str, str] | None:
    """What is wrong with the names of the folders above a path, and what they should be like.

    They stand in every path of a log, a command and a report, as names in the configuration do.
    """
    if has_cpr_shape(f"{path} {path.resolve()}"):
        found = "holds what looks like a civil registration number"
        return found, "folders whose names name no person"
    if not re.fullmatch(load_schema("config")["$defs"]["path"]["pattern"], str(path)):
        found = "holds a character that a shell or a template could take for its own"
        return found, "a path without quotes, braces, wildcards and shell characters"
    return None


def _ordered(bounds: Mapping[str, float]) -> bool:
    return bounds.get("warn_min", float("-inf")) <= bounds.get("pass_min", float("inf")) and (
        bounds.get("pass_max", float("-inf")) <= bounds.get("warn_max", float("inf"))
    )


def _inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())
