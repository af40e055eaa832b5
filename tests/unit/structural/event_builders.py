"""Calls and callers' files with the fields that a test cares about."""

from wgs_pipeline.structural.calls import Call

HEAD = """\
##fileformat=VCFv4.2
##contig=<ID=chr1,length=100000>
##contig=<ID=chr2,length=100000>
##contig=<ID=chrX,length=100000>
##FILTER=<ID=LowQual,Description="x">
##FILTER=<ID=lowProb,Description="x">
##ALT=<ID=DEL,Description="x">
##ALT=<ID=DUP,Description="x">
##ALT=<ID=INS,Description="x">
##ALT=<ID=TRA,Description="x">
##INFO=<ID=SVTYPE,Number=1,Type=String,Description="x">
##INFO=<ID=END,Number=1,Type=Integer,Description="x">
##INFO=<ID=SVLEN,Number=1,Type=Integer,Description="x">
##INFO=<ID=CHR2,Number=1,Type=String,Description="x">
##INFO=<ID=POS2,Number=1,Type=Integer,Description="x">
##INFO=<ID=CHR2_POS,Number=1,Type=Integer,Description="x">
##INFO=<ID=CT,Number=1,Type=String,Description="x">
##INFO=<ID=PRECISE,Number=0,Type=Flag,Description="x">
##INFO=<ID=LPREC,Number=1,Type=Integer,Description="x">
##FORMAT=<ID=GT,Number=1,Type=String,Description="x">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="x">
##FORMAT=<ID=RDCN,Number=1,Type=Integer,Description="x">
##FORMAT=<ID=DV,Number=1,Type=Integer,Description="x">
##FORMAT=<ID=RV,Number=1,Type=Integer,Description="x">
##FORMAT=<ID=PE,Number=1,Type=Integer,Description="x">
##FORMAT=<ID=SU,Number=1,Type=Integer,Description="x">
"""
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n"
FORMATS = {"delly": "GT:GQ:DV:RV:RDCN", "dysgu": "GT:GQ:PE:SU"}


def caller_file(path, caller, *rows):
    """What a caller would write: rows are (contig, POS, REF, ALT, FILTER, INFO, sample)."""
    lines = [
        "\t".join([contig, str(at), ".", ref, alt, "100", passed, info, FORMATS[caller], cells])
        for contig, at, ref, alt, passed, info, cells in rows
    ]
    path.write_text(HEAD + COLUMNS + "".join(f"{line}\n" for line in lines))
    return path


def call(start, end=None, kind="DEL", **fields):
    """A call on chr1, by delly, that passes."""
    end = start if end is None else end
    usual = {
        "caller": "delly",
        "contig": "chr1",
        "length": None if kind == "BND" else end - start,
        "mate": None,
        "joined": None,
        "inserted": None,
        "genotype": (0, 1),
        "genotype_quality": 50,
        "passed": True,
        "quality": 100.0,
        "pairs": 5,
        "split_reads": 5,
        "precise": True,
    }
    return Call(start=start, end=end, kind=kind, **{**usual, **fields})
