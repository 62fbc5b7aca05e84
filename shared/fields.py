"""What the fields of requests may hold, so that nothing a caller sends fails deeper than at the door."""

import math
import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, TypeVar

import orjson
from pydantic import AfterValidator, AwareDatetime, Field

from shared import clock

MOST_BIGINT = 2**63 - 1
MOST_MINOR_UNITS = 10**15
_MOST_LEVELS = 32
_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(2200, 1, 1)
_REACH = timedelta(days=2 * 366)

T = TypeVar("T", datetime, date)

Serial = Annotated[int, Field(ge=0, le=MOST_BIGINT)]


def is_storable(text: str) -> bool:
    """Say whether PostgreSQL can keep a text: neither NUL nor half of a surrogate pair."""
    return "\x00" not in text and (text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text))


def plain(text: str) -> str:
    """Give letters and digits only, without accents, in one case: what is the same however it is typed."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(character for character in folded if character.isalnum())


def refuse_nul(value: object) -> object:
    """Refuse the one character that JSON has and PostgreSQL's text has not; raises ValueError."""
    if isinstance(value, str):
        if "\x00" in value:
            raise ValueError("may not contain the character NUL")
    elif isinstance(value, list):
        for item in value:
            refuse_nul(item)
    elif isinstance(value, dict):
        refuse_nul([*value, *value.values()])
    return value


def free_form(value: dict[str, object], most_bytes: int) -> dict[str, object]:
    """Refuse free content that cannot be stored and given back as it came; raises ValueError."""
    _refuse_unstorable(value, 1)
    if len(orjson.dumps(value)) > most_bytes:
        raise ValueError(f"may have at most {most_bytes // 1024} KB")
    return value


def _refuse_unstorable(value: object, level: int) -> None:
    if level > _MOST_LEVELS:
        raise ValueError(f"may have at most {_MOST_LEVELS} levels")
    if isinstance(value, dict):
        for name, item in value.items():
            _refuse_unstorable(name, level)
            _refuse_unstorable(item, level + 1)
    elif isinstance(value, list):
        for item in value:
            _refuse_unstorable(item, level + 1)
    elif not _is_plain(value):
        raise ValueError(f"cannot be stored: {str(value)[:40]!a}")


def _is_plain(value: object) -> bool:
    if isinstance(value, str):
        return is_storable(value)
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or -MOST_BIGINT <= value <= MOST_BIGINT


def known(moment: T) -> T:
    """Refuse a day that no sum or time zone may touch; raises ValueError."""
    day = moment.date() if isinstance(moment, datetime) else moment
    if not _FIRST_DAY <= day < _LAST_DAY:
        raise ValueError(f"must lie between {_FIRST_DAY} and {_LAST_DAY}")
    return moment


def _near(moment: datetime | date) -> datetime | date:
    known(moment)
    exact = moment if isinstance(moment, datetime) else datetime.combine(moment, time(), UTC)
    if exact - clock.now() > _REACH:
        raise ValueError("must not lie more than two years ahead")
    return moment


# Far from the ends of the calendar, where any sum or time zone would overflow.
Moment = Annotated[AwareDatetime, AfterValidator(known)]
Day = Annotated[date, AfterValidator(known)]
# What business plans by; now is business time.
NearMoment = Annotated[AwareDatetime, AfterValidator(_near)]
NearDayOrMoment = Annotated[date | AwareDatetime, AfterValidator(_near)]
