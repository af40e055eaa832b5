import hashlib
import json
import subprocess

import pytest

from wgs_pipeline.cli import main

RECORD = b"chr1\t5\t.\tA\t.\t.\tPASS\tEND=9;MinDP=7\tGT:DP\t0/0:7\n"


@pytest.fixture
def wgs(capsys):
    def run(*arguments):
        with pytest.raises(SystemExit) as stop:
            main(["gvcf", *map(str, arguments)])
        return stop.value.code or 0, capsys.readouterr().err

    return run


def test_gather(wgs, vcf, text_of, tmp_path):
    second = RECORD.replace(b"\t5\t", b"\t10\t").replace(b"END=9", b"END=12")
    pieces = [vcf("0.vcf.gz", RECORD), vcf("1.vcf.gz", second)]
    output = tmp_path / "all.vcf.gz"
    assert wgs("gather", *pieces, "--depth-bands", "0,5,10", "-o", output) == (0, "")
    assert text_of(output) == RECORD.replace(b"END=9", b"END=12")


@pytest.mark.parametrize("bands", ["", "x", "5,5", "10,5", "0;5"])
def test_wrong_bands(wgs, vcf, tmp_path, bands):
    piece, output = vcf("0.vcf.gz", RECORD), tmp_path / "all.vcf.gz"
    code, said = wgs("gather", piece, "--depth-bands", bands, "-o", output)
    assert code == 2
    assert "is not ascending numbers" in said
    assert not output.exists()


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_verify(wgs, vcf, bed, tmp_path):
    gvcf, output = vcf("S1.g.vcf.gz", RECORD), tmp_path / "S1.json"
    depth = bed("depth.bed.gz", "chr1\t0\t4\t0:1\nchr1\t4\t9\t5:10\nchr1\t9\t1000\t0:1\n")
    last, called = (
        bed("last.bed.gz", "chr1\t999\t1000\t0.00\n"),
        bed("called.bed", "chr1\t0\t1000\n"),
    )
    given = ("--depth", depth, "--last-bases", last, "--intervals", called)
    assert wgs("verify", gvcf, *given, "-o", output) == (0, "")
    assert json.loads(output.read_text()) == {
        **{"gvcf": "S1.g.vcf.gz", "bases_in_records": 5, "sha256": sha256(gvcf)}
    }
    source = vcf("source.vcf.gz", RECORD)
    assert wgs("verify", gvcf, "--source", source, "-o", output) == (0, "")
    assert json.loads(output.read_text()) == {
        **{"gvcf": "S1.g.vcf.gz", "bases_in_records": None, "sha256": sha256(gvcf)},
        "source_sha256": sha256(source),
    }
    output.unlink()
    bed("depth.bed.gz", "chr1\t0\t10\t5:10\nchr1\t10\t1000\t0:1\n")
    code, said = wgs("verify", gvcf, *given, "-o", output)
    assert code == 1
    assert said.startswith(f"wgs: {gvcf}: chr1:1 has reads but lies in no record")
    for some in (given[:2], given[2:], given[:4]):
        assert wgs("verify", gvcf, *some, "-o", output)[0] == 2
    gvcf.write_bytes(gvcf.read_bytes()[:-1])
    assert wgs("verify", gvcf, "-o", output)[0] == 1
    assert not output.exists()


@pytest.mark.parametrize("size", [1, 2, 3])
def test_verify_sees_a_last_line_that_is_cut(wgs, vcf, tmp_path, size):
    """bgzip closed its file, but what wrote into it had been killed; bcftools reads on."""
    output = tmp_path / "S1.json"
    cut, whole = vcf("cut.g.vcf.gz", RECORD[:-size]), vcf("S1.g.vcf.gz", RECORD)
    bcftools = subprocess.run(["bcftools", "view", "-H", cut], capture_output=True, check=True)
    assert bcftools.stdout.startswith(b"chr1\t5\t.\tA")
    for arguments in ((cut,), (whole, "--source", cut)):
        code, said = wgs("verify", *arguments, "-o", output)
        assert (code, said) == (
            1, f"wgs: {cut}: its last line is cut off. Remove it and make it again\n",
        )  # fmt: skip
        assert not output.exists()


def test_verify_looks_at_the_last_block_with_text(wgs, vcf, header, tmp_path):
    """Of many blocks, with empty ones at the end, as bgzip files that are joined have them."""
    rows = [b"chr1\t%d\t.\tA\tT\t.\tPASS\t.\tGT:DP\t0/0:7\n" % at for at in range(1, 9000)]
    gvcf, output = vcf("S1.g.vcf.gz", b"".join(rows)), tmp_path / "S1.json"
    empty = gvcf.read_bytes()[-28:]
    gvcf.write_bytes(gvcf.read_bytes() + empty * 2)
    assert wgs("verify", gvcf, "-o", output) == (0, "")
    gvcf = vcf("S1.g.vcf.gz", b"".join(rows)[:-1])
    gvcf.write_bytes(gvcf.read_bytes() + empty * 2)
    assert "its last line is cut off" in wgs("verify", gvcf, "-o", output)[1]
    gvcf.write_bytes(b"\0" * 100 + empty)
    assert "its last bgzip block is broken" in wgs("verify", gvcf, "-o", output)[1]
