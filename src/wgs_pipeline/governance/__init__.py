"""The governance report: is the programme on its way, the same for everyone, and within consent?

Stands between the command line and ``report``, ``ngd`` and ``consent``, which it reads.
``gather`` reads run reports, sheets, referrals and the database; ``publish`` turns what was read
into tables in which no small number can be worked out; ``page`` renders those tables, and nothing
else, as HTML. What is not in the tables is therefore not on the page. See ``docs/governance.md``.
"""

from __future__ import annotations

#: What stands for a value of all, and for a value that nobody stated.
ALL, NOT_STATED = "All", "not stated"
