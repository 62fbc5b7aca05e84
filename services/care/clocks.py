"""Business-time arithmetic: calendars with several intervals a day, and clocks that pause, resume and reopen."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from typing import Self
from zoneinfo import ZoneInfo

_MINUTES_PER_DAY = 24 * 60
_DAYS_PER_WEEK = 7
_HORIZON_DAYS = 3 * 366
_ZERO = timedelta(0)
_DAY = timedelta(days=1)

Window = tuple[datetime, datetime]


class CalendarError(ValueError):
    """A calendar that cannot answer: malformed, or closed for longer than it may look ahead."""


def _minute_of_day(clock_time: str) -> int:
    hours, minutes = clock_time.split(":")
    minute = int(hours) * 60 + int(minutes)
    if not 0 <= minute <= _MINUTES_PER_DAY:
        raise CalendarError(f"{clock_time} is no time of day between 00:00 and 24:00")
    return minute


@dataclass(frozen=True, slots=True)
class Interval:
    """One stretch of opening on a local day, in minutes after midnight; 1440 is the day's end."""

    opens: int
    closes: int

    def __post_init__(self) -> None:
        if not 0 <= self.opens < self.closes <= _MINUTES_PER_DAY:
            raise CalendarError(f"an interval opens before it closes within a day, not {self.opens} to {self.closes}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "09:00-17:00"."""
        opens, closes = text.split("-")
        return cls(_minute_of_day(opens), _minute_of_day(closes))


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """When somebody works: intervals per weekday (Monday first), local holidays, an IANA time zone."""

    zone: str
    week: tuple[tuple[Interval, ...], ...]
    holidays: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if len(self.week) != _DAYS_PER_WEEK:
            raise CalendarError("a week has seven days, Monday first")
        for intervals in self.week:
            if any(later.opens < earlier.closes for earlier, later in pairwise(intervals)):
                raise CalendarError("a day's intervals stand in order and do not overlap")

    @classmethod
    def weekly(cls, zone: str, hours: str, *, days: Iterable[int] = range(5), holidays: Iterable[date] = ()) -> Self:
        """Build the calendar that keeps the same `hours` ("09:00-12:00,13:00-17:00") on each of `days`."""
        intervals = tuple(Interval.parse(part) for part in hours.split(","))
        working = frozenset(days)
        week = tuple(intervals if day in working else () for day in range(_DAYS_PER_WEEK))
        return cls(zone, week, frozenset(holidays))

    def is_business_day(self, day: date) -> bool:
        """Say whether anybody works on this local day."""
        return bool(self.week[day.weekday()]) and day not in self.holidays

    def local_date(self, moment: datetime) -> date:
        """Give the local day in which `moment` falls."""
        return moment.astimezone(ZoneInfo(self.zone)).date()


@lru_cache(maxsize=16_384)
def _windows_of(calendar: BusinessCalendar, day: date) -> tuple[Window, ...]:
    """Give the day's opening windows as instants; a time skipped by DST never makes two windows overlap."""
    if not calendar.is_business_day(day):
        return ()
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(calendar.zone))
    windows: list[Window] = []
    for interval in calendar.week[day.weekday()]:
        # Adding to a zoned datetime is wall-clock arithmetic; only the conversion to UTC applies the offset.
        opens = (midnight + timedelta(minutes=interval.opens)).astimezone(UTC)
        closes = (midnight + timedelta(minutes=interval.closes)).astimezone(UTC)
        if windows:
            opens = max(opens, windows[-1][1])
        if opens < closes:
            windows.append((opens, closes))
    return tuple(windows)


def _windows_from(calendar: BusinessCalendar, moment: datetime) -> Iterator[Window]:
    """Yield the open windows that end after `moment`, the first one cut to begin no earlier than it."""
    day, closed_days = calendar.local_date(moment), 0
    while closed_days < _HORIZON_DAYS:
        windows = _windows_of(calendar, day)
        closed_days = 0 if windows else closed_days + 1
        for opens, closes in windows:
            if closes > moment:
                yield max(opens, moment), closes
        day += _DAY
    raise CalendarError(f"nothing opens in {calendar.zone} for {_HORIZON_DAYS} days after {moment.isoformat()}")


def next_open(calendar: BusinessCalendar, moment: datetime) -> datetime:
    """Give `moment` itself when open, else the next opening."""
    return next(_windows_from(calendar, moment))[0]


def add_business(calendar: BusinessCalendar, start: datetime, duration: timedelta) -> datetime:
    """Give the earliest instant at which `duration` of open time has passed since `start`."""
    if duration < _ZERO:
        raise CalendarError("business time only runs forward")
    if duration == _ZERO:
        return start
    remaining = duration
    for opens, closes in _windows_from(calendar, start):
        if remaining <= closes - opens:
            return opens + remaining
        remaining -= closes - opens
    raise AssertionError("the windows never end without an error")


def business_between(calendar: BusinessCalendar, start: datetime, end: datetime) -> timedelta:
    """Give the open time between two instants; zero when `end` is not after `start`."""
    total = _ZERO
    day, last = calendar.local_date(start), calendar.local_date(end)
    while day <= last:
        for opens, closes in _windows_of(calendar, day):
            total += max(_ZERO, min(closes, end) - max(opens, start))
        day += _DAY
    return total


def add_business_days(calendar: BusinessCalendar, start: datetime, days: int) -> datetime:
    """Give the same wall time `days` business days after `start`, kept within that day's opening hours."""
    begin = next_open(calendar, start)
    if days == 0:
        return begin
    local = begin.astimezone(ZoneInfo(calendar.zone))
    day = local.date()
    for _ in range(days):
        day = _next_business_day(calendar, day)
    windows = _windows_of(calendar, day)
    wall = local.replace(year=day.year, month=day.month, day=day.day).astimezone(UTC)
    return min(max(wall, windows[0][0]), windows[-1][1])


def _next_business_day(calendar: BusinessCalendar, day: date) -> date:
    for offset in range(1, _HORIZON_DAYS):
        if _windows_of(calendar, day + offset * _DAY):
            return day + offset * _DAY
    raise CalendarError(f"no business day in {calendar.zone} within {_HORIZON_DAYS} days of {day.isoformat()}")


@dataclass(frozen=True, slots=True)
class Target:
    """How long a clock may run: open time, or whole business days."""

    time: timedelta = _ZERO
    days: int = 0

    def open_time(self, calendar: BusinessCalendar, start: datetime) -> timedelta:
        """Give the open time this target allows when its clock starts at `start`."""
        if not self.days:
            return self.time
        return business_between(calendar, start, add_business_days(calendar, start, self.days)) + self.time


class ClockMove(StrEnum):
    """What can happen to a clock."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    FULFIL = "fulfil"
    REOPEN = "reopen"


@dataclass(frozen=True, slots=True)
class Clock:
    """One promise of care to itself: started once, perhaps paused, fulfilled, reopened; never restarted."""

    target: Target
    started_at: datetime | None = None
    paused: timedelta = field(default=_ZERO)
    """Open time it stood still in pauses already over."""
    paused_at: datetime | None = None
    fulfilled_at: datetime | None = None

    @property
    def running(self) -> bool:
        """Say whether time counts against it now."""
        return self.started_at is not None and self.paused_at is None and self.fulfilled_at is None

    def move(self, calendar: BusinessCalendar, move: ClockMove, at: datetime) -> "Clock":
        """Apply one move; a move that changes nothing (a second pause, a resume of a running clock) is harmless."""
        return _MOVES[move](self, calendar, at)

    def hastened(self, calendar: BusinessCalendar, target: Target, at: datetime) -> "Clock":
        """Give the time that is left a shorter target, counted from now; it is never due later than before."""
        if self.started_at is None or self.fulfilled_at is not None:
            return self
        spent = business_between(calendar, self.started_at, self.paused_at or at) - self.paused
        allowed = spent + target.open_time(calendar, at)
        if allowed >= self.target.open_time(calendar, self.started_at):
            return self
        return replace(self, target=Target(time=allowed))

    def due_at(self, calendar: BusinessCalendar, *, share: float = 1.0) -> datetime | None:
        """Give when `share` of the target has run out; nothing while it stands still or before it starts."""
        if self.started_at is None or not self.running:
            return None
        allowed = self.target.open_time(calendar, self.started_at) * share
        return add_business(calendar, self.started_at, allowed + self.paused)


def _start(clock: Clock, _calendar: BusinessCalendar, at: datetime) -> Clock:
    return clock if clock.started_at is not None else replace(clock, started_at=at)


def _pause(clock: Clock, _calendar: BusinessCalendar, at: datetime) -> Clock:
    return replace(clock, paused_at=at) if clock.running else clock


def _resume(clock: Clock, calendar: BusinessCalendar, at: datetime) -> Clock:
    if clock.paused_at is None or clock.fulfilled_at is not None:
        return clock
    return replace(clock, paused=clock.paused + business_between(calendar, clock.paused_at, at), paused_at=None)


def _fulfil(clock: Clock, calendar: BusinessCalendar, at: datetime) -> Clock:
    if clock.started_at is None or clock.fulfilled_at is not None:
        return clock
    return replace(_resume(clock, calendar, at), fulfilled_at=at)


def _reopen(clock: Clock, calendar: BusinessCalendar, at: datetime) -> Clock:
    """Resume where the clock stood when it was fulfilled: the time in between counts as a pause."""
    if clock.fulfilled_at is None:
        return clock
    stood_still = business_between(calendar, clock.fulfilled_at, at)
    return replace(clock, paused=clock.paused + stood_still, fulfilled_at=None)


_MOVES = {
    ClockMove.START: _start,
    ClockMove.PAUSE: _pause,
    ClockMove.RESUME: _resume,
    ClockMove.FULFIL: _fulfil,
    ClockMove.REOPEN: _reopen,
}
