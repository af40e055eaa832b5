from pathlib import Path

import jsonschema
import pytest

from wgs_pipeline.config import load_config, parse_config
from wgs_pipeline.errors import ConfigError, ProblemsError
from wgs_pipeline.tables import load_schema

REQUIRED = """\
samples: s.tsv
units: sub/u.tsv
consents: /abs/c.tsv
results: ../results
reference:
  build: GRCh38
  fasta: ref.fa
ngd: {root: ngd, vault: vault}
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "project" / "config.yaml"
    path.parent.mkdir()

    def load(text, overrides=None):
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_config(path, overrides)

    return load


def problems(load, text, overrides=None):
    with pytest.raises(ProblemsError) as error:
        load(text, overrides)
    return [(problem.line, problem.found) for problem in error.value.problems]


def test_defaults_and_paths(config, tmp_path):
    read = config(REQUIRED)
    folder = tmp_path / "project"
    assert read.samples == folder / "s.tsv"
    assert read.units == folder / "sub/u.tsv"
    assert read.consents == Path("/abs/c.tsv")
    assert read.results == tmp_path / "results"
    assert read.reference.fasta == folder / "ref.fa"
    assert (read.reference.par_bed, read.reference.x) == (None, None)
    assert (read.ngd.root, read.ngd.vault) == (folder / "ngd", folder / "vault")
    assert (read.aligner.name, read.aligner.platform) == ("auto", "ILLUMINA")
    assert (read.calling.engine, read.calling.scatter_count) == ("bcftools", 4)
    assert read.calling.depth_bands == (0, 5, 10, 15, 20, 30)
    assert (read.ngd.callable.min_dp, read.ngd.callable.min_gq) == (10, 20)
    assert (read.policy.research_default, read.policy.on_withdrawal) == ("allowed", "erase")
    assert read.truth == {}


def test_thresholds_are_those_of_the_design(config):
    assert config(REQUIRED).qc.thresholds == {
        "mean_autosome_coverage": {"pass_min": 30, "warn_min": 25},
        "pct_autosomes_15x": {"pass_min": 95, "warn_min": 90},
        "yield_bp_q30": {"pass_min": 85e9, "warn_min": 0},
        "cross_contamination_rate": {"pass_max": 0.015, "warn_max": 0.03},
        "duplication": {"pass_max": 0.20, "warn_max": 0.30},
        "pct_reads_mapped": {"pass_min": 95},
        "chimeras": {"pass_max": 0.05, "warn_max": 0.15},
        "pct_adapter_bases": {"pass_max": 10, "warn_max": 30},  # not of the design: dimers
        "median_insert_size": {"pass_min": 250, "warn_min": 0},
        "ratio_heterozygous_homzygous_snv": {"warn_max": 3.3},
    }


def test_bounds_of_assays_and_materials(config):
    """The last rule wins; what no rule names stays as it is."""
    qc = config(REQUIRED).qc
    assert qc.bounds("wgs", "germline") == qc.thresholds
    assert qc.bounds("wgs", "tumour")["mean_autosome_coverage"] == {"pass_min": 60, "warn_min": 50}
    assert qc.bounds("exome", "germline")["mean_autosome_coverage"] is None
    assert qc.bounds("exome", "germline")["duplication"] == {"pass_max": 0.2, "warn_max": 0.3}
    rules = "{metric: duplication, pass_max: 0.1}, {metric: duplication, assay: panel, judged: no}"
    qc = config(f"{REQUIRED}qc: {{thresholds_for: [{rules}]}}\n").qc
    assert qc.bounds("wgs", "tumour")["duplication"] == {"pass_max": 0.1, "warn_max": 0.3}
    assert qc.bounds("panel", "tumour")["duplication"] is None


def test_one_bound_changed_one_metric_off(config):
    text = "qc: {thresholds: {duplication: {pass_max: 0.25}, chimeras: null}}\n"
    thresholds = config(REQUIRED + text).qc.thresholds
    assert thresholds["duplication"] == {"pass_max": 0.25, "warn_max": 0.30}
    assert thresholds["chimeras"] is None
    assert thresholds["pct_reads_mapped"] == {"pass_min": 95}


def test_an_empty_section_has_its_defaults(config):
    assert config(REQUIRED + "calling:\npolicy:\n").calling.min_depth == 5


def test_the_schema_is_one_and_the_filled_values_follow_it(config):
    schema = load_schema("config")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(config(REQUIRED).values)


def test_overrides_are_merged_before_validation(config, tmp_path):
    overrides = {"calling": {"engine": "freebayes"}, "results": "out", "truth": {}}
    read = config(REQUIRED + "calling: {min_depth: 7}\n", overrides)
    assert (read.calling.engine, read.calling.min_depth) == ("freebayes", 7)
    assert read.results == tmp_path / "project" / "out"
    assert read.line("results") == 0
    assert read.line("samples") == 1


def test_the_whole_configuration_as_override_changes_nothing(config):
    import yaml

    text = REQUIRED + "policy: {on_withdrawal: burn}\n"
    assert problems(config, text, yaml.safe_load(text)) == problems(config, text)


@pytest.mark.parametrize(
    ("old", "new", "line", "found"),
    [
        ("samples: s.tsv", "sample: s.tsv", 1, "unknown key sample"),
        ("samples: s.tsv", "samples: 7", 1, "samples is 7"),
        ("samples: s.tsv", "samples:", 1, "samples is null"),
        ("samples: s.tsv", "samples: ''", 1, "samples is ''"),
        ("samples: s.tsv", "samples: '$(touch x)'", 1, "samples is '$(touch x)'"),
        ("  fasta: ref.fa", "  fata: ref.fa", 7, "unknown key reference.fata"),
        ("  fasta: ref.fa", "  fasta: ref.fa\n  build: x", 8, "the key reference.build again"),
        ("  fasta: ref.fa", "  fasta: {a: b}", 7, "reference.fasta is a group of keys"),
        ("  fasta: ref.fa", "  12: x\n  fasta: y", 7, "the key '12' is not text"),
        ("build: GRCh38", "build: 38", 6, "reference.build is 38"),
        ("vault: vault", "vault: ngd/vault", 8, "the vault lies inside ngd.root"),
        ("vault: vault", "vault: ../results/vault", 8, "the vault lies inside results"),
        ("root: ngd", "root: vault/ngd", 8, "ngd.root lies inside the vault"),
        ("../results", "ngd/results", 4, "results lies inside ngd.root"),
    ],
)
def test_a_wrong_line(config, old, new, line, found):
    assert old in REQUIRED
    all_found = problems(config, REQUIRED.replace(old, new))
    assert any(at == line and text.startswith(found) for at, text in all_found), all_found


@pytest.mark.parametrize(
    ("section", "found"),
    [
        ("calling: {engine: strelka}", "calling.engine is 'strelka'"),
        ("calling: {scatter_count: 0}", "calling.scatter_count is 0"),
        ("calling: {scatter_count: 2.5}", "calling.scatter_count is 2.5"),
        ("calling: {min_qual: .nan}", "calling.min_qual is nan"),
        ("calling: {min_qual: .inf}", "calling.min_qual is inf"),
        ("calling: {depth_bands: [5, 10]}", "depth_bands is [5, 10]"),
        ("calling: {depth_bands: [0, 10, 10]}", "depth_bands is [0, 10, 10]"),
        ("calling: {depth_bands: []}", "calling.depth_bands is a list"),
        ("calling: {depth_bands: [0, x]}", "calling.depth_bands.1 is 'x'"),
        ("calling: [1]", "calling is a list"),
        ("policy: {research_default: yes}", "policy.research_default is True"),
        ("qc: {thresholds: {duplication: 0.2}}", "qc.thresholds.duplication is 0.2"),
        ("qc: {thresholds: {duplication: {pass_max: 20}}}", "qc.thresholds.duplication.pass_max"),
        ("qc: {thresholds: {duplication: {warn_max: 0.1}}}", "duplication warns inside its pass"),
        ("qc: {thresholds_for: [{metric: duplicaton}]}", "rule 1 is of duplicaton, which has no"),
        (
            "qc: {thresholds_for: [{metric: duplication, assay: exome, warn_max: 0.1}]}",
            "rule 1: duplication warns inside its pass range",
        ),
        (
            "qc: {thresholds_for: [{metric: duplication, asay: exome}]}",
            "unknown key qc.thresholds_for.0.asay",
        ),
        ("qc: {thresholds: {yield_bp_q30: {pass_min: 85e9}}}", "qc.thresholds.yield_bp_q30.pass"),
        ("truth: {'a b': {vcf: x, bed: y}}", "truth names 'a b'"),
        ("truth: {a: {vcf: x}}", "no truth.a.bed"),
        ("ngd_root: x", "unknown key ngd_root"),
        ("'0101901234': x", "unknown key [withheld]"),
    ],
)
def test_a_wrong_section(config, section, found):
    all_found = problems(config, REQUIRED + section + "\n")
    assert [at for at, _ in all_found] == [9]
    assert all_found[0][1].startswith(found)


def test_a_typo_is_met_with_the_nearest_key(config):
    with pytest.raises(ProblemsError, match="Did you mean scatter_count"):
        config(REQUIRED + "calling: {scater_count: 3}\n")


def test_missing_keys_are_all_named(config):
    text = "samples: s.tsv\nreference: {build: x}\n"
    assert problems(config, text) == [
        *[(0, f"no {key}") for key in ("consents", "ngd", "results", "units")],
        (2, "no reference.fasta"),
    ]


def test_what_is_wrong_gets_its_default_so_that_the_rest_can_be_checked(config, tmp_path):
    path = tmp_path / "project" / "config.yaml"
    path.write_text(REQUIRED + "callng: {}\ncalling: {engine: strelka, min_depth: 9}\n")
    read, found = parse_config(path)
    assert (read.calling.engine, read.calling.min_depth) == ("bcftools", 9)
    assert len(found) == 2
    path.write_text(REQUIRED.replace("samples", "sampls"))
    assert parse_config(path)[0] is None


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("", "no YAML mapping"),
        ("- a\n- b\n", "no YAML mapping"),
        ("just text", "no YAML mapping"),
        ("a: [1\nb: 2\n", ":2: not YAML"),
        ("a: 'x\n", "not YAML"),
        ("a:\tb: c\n", "not YAML"),
        (b"samples: \xff\n", "not YAML"),
        (b"samples: a\0b\n", "not YAML"),
        (bytes(range(256)), "not YAML"),
        ("a: !!python/object/apply:os.system [touch x]\n", "not YAML"),
        ("a: 1\n---\nb: 2\n", "not YAML"),
        ("a: *b\n", "the alias"),
        ("a: 2025-13-45\n", "not YAML"),
        ("a: " + "x" * 5_000_000, "more than"),
        ("a: " + "[" * 1_000_000, ""),
        ("a: " + "[" * 100 + "]" * 100, "nested deeper"),
        ("a: &x {b: 1}\nc: *x\n", ":2: the alias *x"),
    ],
)
def test_no_configuration(config, content, found):
    with pytest.raises((ConfigError, ProblemsError)) as error:
        config(content)
    assert found in str(error.value)
    assert len(str(error.value)) < 4000


def test_a_missing_file_and_a_folder(tmp_path):
    for path in (tmp_path / "absent.yaml", tmp_path):
        with pytest.raises(ConfigError, match="cannot be read"):
            load_config(path)
