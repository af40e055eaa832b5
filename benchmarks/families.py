"""Speed of ``wgs family analyse``: ``make bench-families``.

A trio of a million sites of one chromosome, three in a thousand of the child's genotypes drawn
anew; beside it what it takes bcftools to write the same fields as text, and to count Mendelian
errors alone. The errors that both count are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np

LENGTH = 200_000_000
CELLS = np.array(["0/0:30:30,0:0,90,255", "0/1:30:15,15:255,0,255", "1/1:30:0,30:255,90,0"])
FORMATS = (("GT", "1", "String"), ("DP", "1", "Integer"), ("AD", "R", "Integer"))
PEOPLE = (("kid", "female", "dad", "mum", "yes"), ("dad", "male", "", "", "no"))
FAMILY = (*PEOPLE, ("mum", "female", "", "", "no"))


def write_callset(path: Path, sites: int) -> None:
    """Write the trio's callset and its index."""
    rng = np.random.default_rng(1)
    frequency = rng.uniform(0.05, 0.95, (sites, 1))
    father, mother = (rng.random((2, sites, 2)) < frequency).astype(np.int8)
    passed = rng.integers(0, 2, (2, sites))
    child = father[np.arange(sites), passed[0]] + mother[np.arange(sites), passed[1]]
    child = np.where(rng.random(sites) < 0.003, rng.integers(0, 3, sites), child)
    dosages = np.stack([child, father.sum(axis=1), mother.sum(axis=1)])
    kept = dosages.any(axis=0)
    positions = np.sort(rng.choice(LENGTH, sites, replace=False))[kept] + 1
    cells = CELLS[dosages[:, kept]]
    head = [f"##fileformat=VCFv4.2\n##contig=<ID=chr1,length={LENGTH}>\n"]
    head += [
        f'##FORMAT=<ID={key},Number={number},Type={kind},Description="{key}">\n'
        for key, number, kind in (*FORMATS, ("PL", "G", "Integer"))
    ]
    names = "\t".join(each[0] for each in FAMILY)
    head.append(f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}\n")
    with path.with_suffix("").open("w") as file:
        file.writelines(head)
        file.writelines(
            f"chr1\t{at}\t.\tA\tC\t100\tPASS\t.\tGT:DP:AD:PL\t{a}\t{b}\t{c}\n"
            for at, a, b, c in zip(positions.tolist(), *cells.tolist(), strict=True)
        )
    subprocess.run(["bgzip", "--force", str(path.with_suffix(""))], check=True)
    subprocess.run(["tabix", "--preset", "vcf", str(path)], check=True)


def write_project(folder: Path) -> Path:
    """Write a project of the trio; give its configuration."""
    moment = "2024-01-01T00:00:00Z"
    sheet = ["sample_id\tpatient_id\tsex\tfamily_id\tfather_id\tmother_id\taffected"]
    sheet += [f"{n}\tSYN-{n}\t{sex}\tF\t{f}\t{m}\t{ill}" for n, sex, f, m, ill in FAMILY]
    consents = ["patient_id\tscope\tdecision\teffective_from\trecorded_at\tsource"]
    consents += [f"SYN-{each[0]}\tanalysis\tgiven\t{moment}\t{moment}\tform" for each in FAMILY]
    units = ["sample_id\tgvcf", *(f"{each[0]}\t{each[0]}.g.vcf.gz" for each in FAMILY)]
    for name, lines in (("samples", sheet), ("consents", consents), ("units", units)):
        (folder / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    (folder / "genome.fa.fai").write_text(f"chr1\t{LENGTH}\t6\t60\t61\n")
    path = folder / "config.yaml"
    path.write_text(
        "samples: samples.tsv\nunits: units.tsv\nconsents: consents.tsv\nresults: results\n"
        "reference: {build: bench, fasta: genome.fa}\nngd: {root: ngd, vault: vault}\n"
    )
    return path


def timed(name: str, command: list[str], records: int) -> str:
    """Run a command, print its time and memory, and give what it says."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"{command[0]} exited with {process.returncode}")
    cpu, memory = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
    print(f"{name}\t{wall:.1f}\t{cpu:.1f}\t{memory:.0f}\t{records / wall:,.0f}", flush=True)
    return said


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=1_000_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        vcf, out = folder / "trio.vcf.gz", folder / "out"
        # Apart, as a process that is started counts the memory of the one that starts it.
        writer = get_context("spawn").Process(target=write_callset, args=(vcf, asked.sites))
        writer.start()
        writer.join()
        listed = ["bcftools", "index", "--nrecords", str(vcf)]
        records = int(subprocess.run(listed, check=True, capture_output=True, text=True).stdout)
        config = write_project(folder)
        print(f"{records:,} records\nwhat\twall_s\tcpu_s\tmemory_mb\trecords_per_s")
        analyse = ["wgs", "family", "analyse", str(vcf), "--family", "F", "--config", str(config)]
        analyse += ["--reference-fai", str(folder / "genome.fa.fai"), "-o", str(out)]
        timed("wgs family analyse", analyse, records)
        fields = r"%CHROM\t%POS\t%REF\t%ALT[\t%GT\t%DP\t%AD\t%PL]\n"
        query = [
            "bcftools",
            "query",
            "--format",
            fields,
            "--output",
            str(folder / "text"),
            str(vcf),
        ]
        timed("bcftools query", query, records)
        mendelian = ["bcftools", "+mendelian", "-t", "mum,dad,kid", "-m", "c", str(vcf)]
        counted = timed("bcftools +mendelian", mendelian, records).splitlines()[-1].split("\t")
        summary = json.loads((out / "summary.json").read_text())
        ours = summary["children"][0]["mendelian"]["errors"]
        print(f"Mendelian errors: {ours:,} ours, {int(counted[1]):,} of bcftools")


if __name__ == "__main__":
    main()
