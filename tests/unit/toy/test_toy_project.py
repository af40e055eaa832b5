import hashlib
import json
import subprocess
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from wgs_pipeline.cli.toy import command
from wgs_pipeline.consent.decisions import decide
from wgs_pipeline.consent.purposes import Purpose
from wgs_pipeline.consent.register import ConsentRegister
from wgs_pipeline.errors import ConfigError, OutputError
from wgs_pipeline.identifiers import has_cpr_shape
from wgs_pipeline.project import Project
from wgs_pipeline.toy import make_project
from wgs_pipeline.toy.people import PEOPLE

NOW = datetime(2025, 1, 1, tzinfo=UTC)


def contents(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def times(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    one, same, other = (
        contents(make_project(tmp_path / name, seed, 2, 0.1).folder)
        for name, seed in (("one", 1), ("same", 1), ("other", 2))
    )
    assert one == same
    # These do not depend on what is drawn.
    fixed = {"samples.tsv", "consents.tsv", "config.yaml", "reference/par.bed"}
    fixed |= {"truth/confident.bed", "truth/genes.bed"}
    assert {name for name in one if one[name] == other[name]} == fixed


def test_a_complete_project_is_left_alone(tiny_project):
    before = times(tiny_project.folder)
    again = make_project(tiny_project.folder, 7, 1, 0.1)
    assert again.written == ()
    assert times(tiny_project.folder) == before


def test_missing_files_come_back_and_edited_ones_stay(tiny_project):
    folder = tiny_project.folder
    before = contents(folder)
    (folder / "truth" / "genes.bed").unlink()
    (folder / "config.yaml").write_text("edited\n")
    (folder / "results").mkdir()
    again = make_project(folder, 7, 1, 0.1)
    assert again.written == ("truth/genes.bed",)
    assert (folder / "config.yaml").read_text() == "edited\n"
    after = contents(folder)
    assert {name for name in before if before[name] != after[name]} == {"config.yaml"}


def test_an_interrupted_completion_is_continued(tiny_project):
    folder = tiny_project.folder
    before = contents(folder)
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "toy.json":
            path.unlink()
    make_project(folder, 7, 1, 0.1)
    assert contents(folder) == before


def test_an_empty_folder_is_used(tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    make_project(folder, 1, 1, 0.1)
    assert (folder / "config.yaml").is_file()


def test_a_folder_that_is_something_else_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(OutputError, match="not a toy project and not an empty folder"):
        make_project(tmp_path, 1, 1, 0.1)
    assert contents(tmp_path) == {"mine.txt": hashlib.sha256(b"precious").hexdigest()}


@pytest.mark.parametrize("stamp", ["{", "[]", "{}", '{"version": 1}', '{"files": 3}'])
def test_a_folder_with_a_strange_stamp_is_refused(tmp_path, stamp):
    (tmp_path / "toy.json").write_text(stamp)
    with pytest.raises(OutputError, match="not a toy project"):
        make_project(tmp_path, 1, 1, 0.1)


def test_a_toy_with_other_parameters_is_refused(tiny_project):
    before = contents(tiny_project.folder)
    with pytest.raises(OutputError, match=r"seed 7, .* asked for .* seed 8"):
        make_project(tiny_project.folder, 8, 1, 0.1)
    assert contents(tiny_project.folder) == before


def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        make_project(tmp_path / "file" / "project", 1, 1, 0.1)


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("wgs_pipeline.toy.project.readme", fail)
    with pytest.raises(OutputError, match="No space left on device"):
        make_project(tmp_path / "project", 1, 1, 0.1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("seed", "coverage", "scale", "named"),
    [
        (-1, 30, 1, "seed"),
        (1, 0, 1, "coverage"),
        (1, float("nan"), 1, "coverage"),
        (1, 30, 0.01, "scale"),
        (1, 30, 1e9, "scale"),
    ],
)
def test_parameters_out_of_range_are_refused(tmp_path, seed, coverage, scale, named):
    with pytest.raises(ConfigError, match=named):
        make_project(tmp_path / "project", seed, coverage, scale)
    assert list(tmp_path.iterdir()) == []


def test_smallest_genomes_of_many_seeds_have_room_for_what_is_planted():
    from wgs_pipeline.toy import make_cohort

    for seed in range(40):
        assert len(make_cohort(seed, 0.1).planted) == 3


def test_the_pipeline_reads_the_project_and_leaves_out_who_withdrew(project):
    loaded = Project.load(project.config, as_of=NOW)
    assert set(loaded.excluded) == {"toy_withdrawn"}
    assert set(loaded.analysed) == {"toy_proband", "toy_father", "toy_mother", "toy_unrelated"}
    assert set(loaded.config.truth) == set(loaded.analysed)
    assert set(loaded.families["toy_trio"]) == {"toy_proband", "toy_father", "toy_mother"}


def test_reads_are_there_with_their_md5_also_of_who_withdrew(project):
    units = Project.load(project.config, as_of=NOW).units
    assert set(units) == {person.sample_id for person in PEOPLE}
    for unit in (unit for of_sample in units.values() for unit in of_sample):
        for path, md5 in ((unit.fastq_1, unit.md5_1), (unit.fastq_2, unit.md5_2)):
            assert hashlib.md5(path.read_bytes()).hexdigest() == md5
    proband = {(u.library_id, u.lane) for u in units["toy_proband"]}
    assert proband == {
        ("toy_proband_A", "L001"),
        ("toy_proband_A", "L002"),
        ("toy_proband_B", "L001"),
    }


@pytest.mark.parametrize(
    ("sample_id", "analysis", "research"),
    [
        ("toy_proband", True, True),
        ("toy_father", True, True),
        ("toy_mother", True, True),
        ("toy_unrelated", True, False),
        ("toy_withdrawn", False, False),
    ],
)
def test_consents(project, sample_id, analysis, research):
    register = ConsentRegister.read(project.folder / "consents.tsv")
    patient = next(p.patient_id for p in PEOPLE if p.sample_id == sample_id)
    assert decide(register, patient, Purpose.CARE, NOW).allowed is analysis
    assert decide(register, patient, Purpose.RESEARCH, NOW).allowed is research


def test_before_the_superseding_events_the_answers_were_others(project):
    register = ConsentRegister.read(project.folder / "consents.tsv")
    before = datetime(2024, 5, 1, tzinfo=UTC)
    for row, purpose in ((3, Purpose.RESEARCH), (4, Purpose.CARE)):
        assert decide(register, PEOPLE[row].patient_id, purpose, before).allowed
    february = datetime(2024, 2, 15, tzinfo=UTC)
    assert not decide(register, PEOPLE[1].patient_id, Purpose.RESEARCH, february).allowed


def test_nobody_has_a_number_of_a_real_person_shape(project):
    for name in ("samples.tsv", "units.tsv", "consents.tsv", "README.md"):
        assert not has_cpr_shape((project.folder / name).read_text())


def test_the_stamp_says_how_it_was_made(project):
    stamp = json.loads((project.folder / "toy.json").read_text())
    assert (stamp["seed"], stamp["coverage"], stamp["scale"], stamp["version"]) == (7, 30, 0.2, 3)
    assert set(stamp["files"]) | {"toy.json"} == set(project.written)


def test_the_readme_names_what_is_planted(project):
    readme = (project.folder / "README.md").read_text()
    for line in (project.folder / "truth" / "planted.tsv").read_text().splitlines()[1:]:
        assert f"`{line.split()[0]}`" in readme


def test_command_says_what_it_did(tmp_path):
    arguments = [str(tmp_path / "p"), "--scale", "0.1", "--coverage", "1"]
    first, second = (CliRunner().invoke(command, arguments) for _ in range(2))
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.stdout == second.stdout == f"{tmp_path / 'p' / 'config.yaml'}\n"
    assert "wrote" in first.stderr
    assert "nothing changed" in second.stderr
    assert CliRunner().invoke(command, [*arguments, "--seed", "-1"]).exit_code == 2


@pytest.fixture(scope="module")
def depths(project, tool, tmp_path_factory):
    """Mean depth of each contig over known bases, of a woman and a man, without duplicates."""
    folder = tmp_path_factory.mktemp("aligned")
    fasta = folder / "toy.fa"
    fasta.write_bytes((project.folder / "reference" / "toy.fa").read_bytes())
    bwa, samtools = tool("bwa"), tool("samtools")
    subprocess.run([bwa, "index", fasta], check=True, capture_output=True)
    known = {
        name: len(text) - text.count("N")
        for name, text in (
            (record.split("\n")[0], "".join(record.split("\n")[1:]))
            for record in fasta.read_text().split(">")[1:]
        )
    }
    return {
        sample: align(project.folder / "reads", fasta, sample, folder, bwa, samtools, known)
        for sample in ("toy_unrelated", "toy_father")
    }


def align(reads, fasta, sample, folder, bwa, samtools, known):
    files = [sorted(reads.glob(f"{sample}_*_R{mate}.fastq.gz")) for mate in (1, 2)]
    merged = [folder / f"{sample}_{mate}.fastq.gz" for mate in (1, 2)]
    for paths, path in zip(files, merged, strict=True):
        path.write_bytes(b"".join(p.read_bytes() for p in paths))
    bam = folder / f"{sample}.bam"
    script = (
        '"$1" mem "$3" "$4" "$5" | "$2" fixmate -u -m - - | "$2" sort -u - '
        '| "$2" markdup - "$6" && "$2" depth -q 20 -Q 20 -s "$6"'
    )
    command = ["bash", "-o", "pipefail", "-c", script, "align", bwa, samtools, fasta, *merged, bam]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    totals = dict.fromkeys(known, 0)
    for line in run.stdout.splitlines():
        contig, _, depth = line.split("\t")
        totals[contig] += int(depth)
    return {contig: total / known[contig] for contig, total in totals.items()}


def test_every_sample_reaches_the_asked_coverage(depths):
    for sample in depths.values():
        for contig in ("chr1", "chr2"):
            assert 30 <= sample[contig] < 33


def test_sex_chromosomes_and_mitochondrion_have_their_share(depths):
    woman, man = depths["toy_unrelated"], depths["toy_father"]
    assert 30 <= woman["chrX"] < 33
    assert woman["chrY"] < 0.1
    # A man's PAR, 14 % of chrX, is as deep as an autosome.
    assert 15 < man["chrX"] < 20
    assert 13 < man["chrY"] < 18
    for sample in (woman, man):
        assert 290 < sample["chrM"] < 330
