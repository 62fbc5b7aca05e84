"""Pages from templates: escaped by default, with money, times and words as people write them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.console.settings import settings
from services.console.wording import translate
from shared import clock
from shared.ids import new_id

_HERE = Path(__file__).parent
STATIC = _HERE / "static"
HTMX = "vendor/htmx-2.0.11.min.js"
_SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$", "BRL": "R$"}
_MINOR_DIGITS = {"JPY": 0, "KRW": 0}
_SOON = timedelta(minutes=1)
_TODAY, _TOMORROW, _YESTERDAY = 0, 1, -1


def say(text: str, **values: object) -> str:
    """Say a sentence in the console's language."""
    return translate(settings().language, text, **values)


def local(at: datetime) -> datetime:
    """Give a moment in the console's time zone."""
    return at.astimezone(ZoneInfo(settings().time_zone))


def day(at: datetime | None) -> str:
    """Write a day: Tue 3 March, with the year when it is another one."""
    if at is None:
        return "—"
    there, now = local(at), local(clock.now())
    year = "" if there.year == now.year else f" {there.year}"
    return f"{there:%a} {there.day} {there:%B}{year}"


def moment(at: datetime | None) -> str:
    """Write a moment: today 14:05, else Tue 3 Mar 14:05."""
    if at is None:
        return "—"
    there, now = local(at), local(clock.now())
    away = (there.date() - now.date()).days
    named = {_TODAY: say("today"), _TOMORROW: say("tomorrow"), _YESTERDAY: say("yesterday")}.get(away)
    year = "" if there.year == now.year else f" {there.year}"
    return f"{named or f'{there:%a} {there.day} {there:%b}{year}'} {there:%H:%M}"


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


def money(amount: int, currency: str) -> str:
    """Write an amount of minor units, never broken over two lines: € 12.90."""
    digits = _MINOR_DIGITS.get(currency, 2)
    return f"{_SYMBOLS.get(currency, currency)}\N{NO-BREAK SPACE}{amount / 10**digits:,.{digits}f}"


def plain(code: str) -> str:
    """Write a code of the services as words: out_for_delivery → out for delivery."""
    return code.replace("_", " ")


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
    made.globals.update(_=say, static=static, htmx=HTMX, new_key=lambda: str(new_id()), now=clock.now)
    made.filters.update(day=day, moment=moment, ago=ago, money=money, plain=plain)
    return made


def render(template: str, values: Mapping[str, object]) -> str:
    """Write a page or a part of one."""
    return environment().get_template(template).render(values)
