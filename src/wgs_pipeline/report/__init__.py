"""The run report: what happened to each sample, why, and what it cost.

Stands between the command line and ``metrics`` and ``ngd``, which it reads and which never import
it. ``collect`` turns a results folder into one document (``report/run.json``); ``page`` renders the
document, and nothing else, as HTML; ``summary`` prints the end of a run as text.

The document, ``format`` "wgs run report", ``version`` 1:

    generated_at   when it was made
    project        name, digest of the configuration as used, reference, engines, when consent
                   was looked up
    run            status (complete, incomplete, failed), last start, sums of time
    software       versions of the tools found here; null is not found
    stages, states titles of what the samples' entries name
    summary        numbers of samples
    samples        in the order of the sheet: stages, causes (where a job stopped, with the end
                   of its log), verdict, metrics, histograms, truth, database, cost, disk; or
                   left_out: why nothing of the sample was opened
    shared         jobs that serve several samples, and where they stopped
    rules          jobs, time, CPU and memory of each rule that has benchmarks, of how many jobs
                   the kernel counted CPU, and how much of what they reserved the jobs used
    costs          core-hours, GB-hours, energy, emission and cost of each sample, and of jobs
                   that serve several
    database       what the National Genome Database holds
    pages          other reports
    unreadable     files that count as missing because they could not be read

Times are ISO 8601 in UTC, paths are relative to the results folder, durations end in ``_s``
(seconds), memory in ``_mb``. A patient_id stands nowhere in it.
"""

from __future__ import annotations

FORMAT = "wgs run report"
VERSION = 1
