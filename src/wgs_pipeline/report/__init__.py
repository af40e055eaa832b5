"""The run report: what happened to each sample, why, and what it cost.

Stands between the command line and ``metrics`` and ``ngd``, which it reads and which never import
it. ``collect`` turns a results folder into one document (``report/run.json``); ``page`` renders the
document, and nothing else, as HTML; ``summary`` prints the end of a run as text.

The document, ``format`` "wgs run report", ``version`` 1:

    generated_at, project, run, software, stages, states, summary, samples, shared, rules,
    database, unreadable

Times are ISO 8601 in UTC, paths are relative to the results folder, durations end in ``_s``
(seconds), memory in ``_mb``. A patient_id stands nowhere in it.
"""

from __future__ import annotations

FORMAT = "wgs run report"
VERSION = 1
