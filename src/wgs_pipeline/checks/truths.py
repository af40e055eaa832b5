"""Truth files of reference samples: present, and in the coordinates of the reference."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from wgs_pipeline.checks import intervals
from wgs_pipeline.checks.compression import access_problem
from wgs_pipeline.checks.gvcfs import read_header, vcf_trouble
from wgs_pipeline.checks.headers import header_problem, vcf_header_lines
from wgs_pipeline.config import Config
from wgs_pipeline.errors import Problem


def check_truths(
    config: Config, analysed: Collection[str], lengths: Mapping[str, int]
) -> list[Problem]:
    """Problems of the truth files of the samples that will be analysed."""
    problems: list[Problem] = []
    where = str(config.path)
    for sample, truth in config.truth.items():
        if sample not in analysed:
            continue
        role, line = f"truth.{sample}.vcf", config.line("truth", sample, "vcf")
        missing = access_problem(truth.vcf, where, line, role)
        if missing:
            problems.append(missing)
        else:
            problems += _vcf_problems(config, sample, lengths)
        role, line = f"truth.{sample}.bed", config.line("truth", sample, "bed")
        problems += intervals.check_bed(truth.bed, where, line, role, lengths)
    return problems


def _vcf_problems(config: Config, sample: str, lengths: Mapping[str, int]) -> list[Problem]:
    path = config.truth[sample].vcf
    role = f"truth.{sample}.vcf, {path.name},"
    where, line = str(config.path), config.line("truth", sample, "vcf")
    found, remedy = vcf_trouble(path), f"Compress it with bgzip, or copy it again: {path}."
    identifying = None
    if not found:
        try:
            contig = read_header(path).first_contig
            identifying = header_problem(where, line, role, list(vcf_header_lines(path)))
        except (OSError, ValueError) as error:
            found = f"cannot be read ({error})"
        else:
            if lengths and contig is not None and contig not in lengths:
                found = f"has records on contig {contig!r}, which the reference lacks"
                remedy = "Name the truth in the coordinates of this reference."
    if not found:
        return [identifying] if identifying else []
    expected = "a complete VCF, compressed with bgzip, on contigs of the reference"
    return [Problem(where, line, f"{role} {found}", expected, remedy)]
