"""The tables of docs/privacy.md, made of the code; `python -m tests.privacy.page` writes them."""

from importlib import import_module
from itertools import chain
from pathlib import Path

from shared import privacy, retention
from shared.privacy import Table
from shared.retention import Kept
from shared.settings import DoorSettings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "privacy.md"
_BEGIN, _END = "<!-- {0}: made of the code -->\n", "<!-- end of {0} -->\n"
_SERVICES = ("orders", "care", "shipping", "inventory", "console")


def tables_of(service: str) -> tuple[Table, ...]:
    """Give what a service says of its own tables."""
    found: tuple[Table, ...] = import_module(f"services.{service}.queries.personal").TABLES
    return found


def kept_by(service: str) -> tuple[Kept, ...]:
    """Give what a service drops by age."""
    where = {"console": "queries.personal", "inventory": ""}.get(service, "jobs")
    found: tuple[Kept, ...] = import_module(f"services.{service}.{where}").KEPT if where else ()
    return found


def settings_of(service: str) -> type[DoorSettings]:
    """Give a service's class of settings."""
    module = import_module(f"services.{service}.settings")
    found: type[DoorSettings] = getattr(module, f"{service.capitalize()}Settings")
    return found


def personal_data() -> str:
    """Write the table of columns that tell of customers, and what an erasure leaves of each."""
    lines = ["| service | table | column | what it tells | after an erasure |", "| --- | --- | --- | --- | --- |"]
    for service in _SERVICES:
        for table in tables_of(service):
            for name, column in table.personal.items():
                left = "the row is gone" if table.goes else _left(column.left)
                lines.append(f"| {service} | {table.name} | {name} | {column.kind} | {left} |")
    for table in privacy.PLUMBING:
        left = "only ids" if table.name == "idempotency" else "empty"
        lines += [
            f"| every service | {table.name} | {name} | {column.kind} | {left} |"
            for name, column in table.personal.items()
        ]
    return "\n".join(lines) + "\n"


def _left(expression: str) -> str:
    known = {"''": "empty", "null": "empty", "'{}'": "empty"}
    if expression in known:
        return known[expression]
    kept = [word for word in ("locale", "country_code", "told") if f"'{word}'" in expression]
    return f"only {', '.join(f'`{word}`' for word in kept)}"


def retention_periods() -> str:
    """Write the table of how long each kind of data is kept, with the setting that says otherwise."""
    lines = ["| service | what | table | how long | setting | then |", "| --- | --- | --- | --- | --- | --- |"]
    every = [("every service", "ORDERS_ and so on", kept) for kept in retention.PLUMBING]
    for service, prefix, kept in chain(
        ((name, f"{name.upper()}_", kept) for name in _SERVICES for kept in kept_by(name)), every
    ):
        settings = settings_of("orders" if service == "every service" else service)
        default = settings.model_fields[kept.setting].default
        unit = kept.setting.rsplit("_", 1)[1]
        variable = f"`{kept.setting.upper()}`" if "and" in prefix else f"`{prefix}{kept.setting.upper()}`"
        then = "an erasure is asked for" if kept.act else "its words go" if kept.emptied else "the row goes"
        lines.append(f"| {service} | {kept.what} | {kept.table} | {default:g} {unit} | {variable} | {then} |")
    return "\n".join(lines) + "\n"


SECTIONS = {"personal data": personal_data, "retention": retention_periods}


def filled(text: str) -> str:
    """Put the tables of today into a page."""
    for name, write in SECTIONS.items():
        begin, end = _BEGIN.format(name), _END.format(name)
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}{write()}{end}{after}"
    return text


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
