"""The grid on which a replay steps: what falls into a slot is done at its end, slots without anything are skipped."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BEFORE_THE_HOUR = timedelta(seconds=2)
"""A slot ends a moment before the full hour, so that what happened on a day is known before its promises end."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Slots:
    """Slots of one length, aligned with the day."""

    step: timedelta

    def __post_init__(self) -> None:
        """Refuse a step that time cannot be cut into."""
        if not timedelta(minutes=1) <= self.step <= _DAY:
            raise ValueError("a step is at least a minute and at most a day")

    def end_of(self, moment: datetime) -> datetime:
        """Give the end of the slot in which `moment` lies; ends belong to their slot."""
        into = (moment + _BEFORE_THE_HOUR - _EPOCH) % self.step
        return moment + (self.step - into if into else timedelta(0))

    def next_end(self, now: datetime, *moments: datetime | None) -> datetime | None:
        """Give the end of the first slot after `now` in which one of the moments lies; None when there is none."""
        ahead = [max(moment, now + timedelta(microseconds=1)) for moment in moments if moment is not None]
        return self.end_of(min(ahead)) if ahead else None


def parse_step(text: str) -> timedelta:
    """Read `90m`, `1h` or `1d`; raises ValueError."""
    units = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": _DAY}
    number, unit = text[:-1], text[-1:]
    if unit not in units or not number.isdigit():
        raise ValueError(f"{text!r} is no step: write it as 30m, 1h or 1d")
    return int(number) * units[unit]
