"""Pages from templates: escaped by default, with money, times and words as people write them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.numbers import format_currency, get_currency_precision
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.console.settings import pages
from services.console.wording import language, say
from shared import clock
from shared.ids import new_id
from shared.languages import locale_of, write_moment

__all__ = ["say"]

_HERE = Path(__file__).parent
STATIC = _HERE / "static"
HTMX = "vendor/htmx-2.0.11.min.js"
_SOON = timedelta(minutes=1)
_MANY_DAYS = 2
_TODAY, _TOMORROW, _YESTERDAY = 0, 1, -1


def local(at: datetime) -> datetime:
    """Give a moment in the console's time zone."""
    return at.astimezone(ZoneInfo(pages().time_zone))


def day(at: datetime | None) -> str:
    """Write a day: Tue 3 March, with the year when it is another one."""
    if at is None:
        return "—"
    there = local(at)
    is_this_year = there.year == local(clock.now()).year
    return write_moment(language(), there, say("EEE d MMMM") if is_this_year else say("EEE d MMMM yyyy"))


def moment(at: datetime | None) -> str:
    """Write a moment: today 14:05, else Tue 3 Mar 14:05."""
    if at is None:
        return "—"
    there, now = local(at), local(clock.now())
    away = (there.date() - now.date()).days
    named = {_TODAY: say("today"), _TOMORROW: say("tomorrow"), _YESTERDAY: say("yesterday")}.get(away)
    pattern = say("EEE d MMM") if there.year == now.year else say("EEE d MMM yyyy")
    return say("{day} {hour}", day=named or write_moment(language(), there, pattern), hour=f"{there:%H:%M}")


def hour(at: datetime) -> str:
    """Write a time of today: 14:05."""
    return f"{local(at):%H:%M}"


def ago(at: datetime | None) -> str:
    """Write how far a moment is from now: 3 h ago, in 2 days."""
    if at is None:
        return "—"
    distance = at - clock.now()
    size = abs(distance)
    if size < _SOON:
        return say("now")
    for unit, length in (("days", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1))):
        if size >= (2 * length if unit == "days" else length):
            count = int(size / length)
            return say("in {count} {unit}" if distance > timedelta(0) else "{count} {unit} ago", count=count, unit=unit)
    return say("now")


def span(length: timedelta) -> str:
    """Write a length of time in its two largest units: 3 d 4 h, 5 h 03 min, 12 min."""
    minutes = int(abs(length).total_seconds() // 60)
    days, hours = minutes // (24 * 60), minutes // 60
    if days >= _MANY_DAYS:
        return say("{days} d {hours} h", days=days, hours=hours % 24)
    if hours:
        return say("{hours} h {minutes} min", hours=hours, minutes=f"{minutes % 60:02d}")
    return say("{minutes} min", minutes=minutes)


def countdown(at: datetime) -> str:
    """Write what is left until a moment, or by how much it has passed; the script of the care pages lets it tick."""
    left = at - clock.now()
    return span(left) if left >= timedelta(0) else say("{span} late", span=span(left))


def person(actor: str) -> str:
    """Write who acted: care:ann → ann, care:rules → rules."""
    return actor.partition(":")[2] or actor


def money(amount: int, currency: str) -> str:
    """Write an amount of minor units, never broken over two lines: € 12.90."""
    units = Decimal(amount).scaleb(-get_currency_precision(currency))
    return format_currency(units, currency, say("¤\N{NO-BREAK SPACE}#,##0.00"), locale=locale_of(language()))


def minor_units(amount: Decimal, currency: str) -> int:
    """Read an amount as people write it; raises ValueError for fractions of the smallest coin, and for no money."""
    minor = amount.scaleb(get_currency_precision(currency))
    if not minor.is_finite() or minor != minor.to_integral_value() or minor <= 0:
        raise ValueError(amount)
    return int(minor)


# Codes whose own words say little to who reads them.
_WORDS: Mapping[str, str] = {
    "voided_label_used": "void label in use",
    "no_consent": "no yes to the new date",
    "preship_risk": "may leave late",
    "transit_risk": "may arrive late",
    "carrier_hold": "held by the carrier",
    "unknown_code": "unknown code of the carrier",
    "feed_silent": "no news from a carrier",
    "stuck_flow": "a step is stuck",
    "packing": "being packed",
    "tried": "tried to sign in",
    "notify": "tell the customer",
    "update": "next update",
}


def plain(code: str) -> str:
    """Write a code of the services as words: out_for_delivery → out for delivery."""
    return say(_WORDS.get(code, code.replace("_", " ")))


@lru_cache(maxsize=64)
def static(name: str) -> str:
    """Give the address of a static file, changing with its content."""
    return f"/static/{name}?v={sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Make the templates' environment once."""
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals.update(_=say, language=language)
    made.globals.update(static=static, htmx=HTMX, new_key=lambda: str(new_id()), now=clock.now)
    made.filters.update(
        day=day, moment=moment, hour=hour, ago=ago, money=money, plain=plain, countdown=countdown, person=person
    )
    return made


def render(template: str, values: Mapping[str, object]) -> str:
    """Write a page or a part of one."""
    return environment().get_template(template).render(values)
