"""Weeks of the plan: ISO 8601 weeks, which begin on Monday, counted from the plan's first."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

_WEEK = re.compile(r"([0-9]{4})-W([0-9]{2})")


@dataclass(frozen=True)
class Calendar:
    """The weeks of a plan.

    Attributes:
        first: Monday of week 0.
        count: Number of weeks, the horizon.
    """

    first: date
    count: int

    def index(self, day: date) -> int:
        """The week of a day: negative before the plan, ``count`` or more after it."""
        return (day - self.first).days // 7

    def name(self, week: int) -> str:
        """The ISO name of a week, as 2026-W05."""
        year, number, _ = self.monday(week).isocalendar()
        return f"{year}-W{number:02d}"

    def monday(self, week: int) -> date:
        """First day of a week."""
        return self.first + timedelta(weeks=week)

    def last_completed(self, day: date) -> int:
        """The last week that is over by the end of ``day``."""
        return self.index(day + timedelta(days=1)) - 1


def calendar(moment: datetime, count: int) -> Calendar:
    """The calendar of ``count`` weeks whose first is the week of ``moment``, in UTC."""
    day = moment.astimezone(UTC).date()
    return Calendar(day - timedelta(days=day.weekday()), count)


def parse_week(text: str) -> date | None:
    """The Monday of an ISO week such as 2026-W05; None where there is no such week."""
    match = _WEEK.fullmatch(text)
    if match is None:
        return None
    try:
        return date.fromisocalendar(int(match[1]), int(match[2]), 1)
    except ValueError:
        return None


def parse_day(text: str) -> date | None:
    """The day of an ISO 8601 date or moment, in UTC where it has a zone; None where it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo is None else moment.astimezone(UTC)).date()
