"""What an operator may do about each finding: verbs to look and to correct, proposed and never run."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from cli.check.findings import Finding

_WHY = "--reason 'doorstep check'"
_LOOK = ("orders explain {order}", "orders timeline {order}")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_NOTHING = "No verb corrects this: find out who changed the row; docs/runbook/backup-and-restore.md if many did."


@dataclass(frozen=True, slots=True)
class Repair:
    """A proposal: what it rests on, and the commands in their order; the last ones change something."""

    finding: Finding
    advice: str
    commands: Sequence[str]

    def as_json(self) -> dict[str, object]:
        """Give it as JSON values."""
        return {"subject": self.finding.subject, "advice": self.advice, "commands": list(self.commands)}


@dataclass(frozen=True, slots=True)
class _Rule:
    """The findings of an invariant whose subject and detail match, and what is proposed for them."""

    invariant: int
    says: str
    advice: str
    commands: tuple[str, ...]


_RULES = (
    _Rule(1, r": answered \(", "The storefront has an answer for an order that is gone: it must post it again.",
          ("orders find {id}", "orders list")),
    _Rule(1, r"an act was answered", "The storefront was told what is not so: it asks again under a new key.", _LOOK),
    _Rule(1, r"nothing was ever published", "Look at it once more; that publishes what can be.",
          ("orders explain {order}", f"orders release {{order}} {_WHY}")),
    _Rule(1, r"orders have it", "Keep the one the customer knows, cancel the others.",
          ("orders find {last}", "orders cancel {order} --reason other --note 'doorstep check: placed twice'")),
    _Rule(1, r"(?P<service>\w+) does not know it", "Its row is lost there: cancel what cannot be fulfilled any more.",
          (*_LOOK, "replay --since 1970-01-01 --service orders --key {key} " + _WHY,
           "orders cancel {order} --reason other --note 'doorstep check: its row is lost'")),
    _Rule(1, r"knows it, orders does not", "Give back what is held for an order that does not exist.",
          ("stock reservations {id}", f"stock release RESERVATION {_WHY}")),
    _Rule(2, r"live reservations hold", "Compare the order's reservations with its ledger, then give back what is held "
          "for nothing.", ("stock show --sku {sku} --location {place}", "stock ledger --sku {sku} --location {place}",
                           f"stock release RESERVATION {_WHY}")),
    _Rule(2, r"", "Count the shelf, and book what lies there.",
          ("stock ledger --sku {sku} --location {place}", f"stock count {{sku}} {{place}} COUNTED {_WHY}")),
    _Rule(3, r"are nowhere", "Look at the order once more; what nobody can deliver is written off.",
          (*_LOOK, f"orders release {{order}} {_WHY}", f"orders write-off {{order}} {{id}} UNITS {_WHY}")),
    _Rule(3, r"(shipping|delivered|lost|returned)", "Shipping's record is the source: set where the parcel really is.",
          (*_LOOK, "shipments find --order {key}", f"shipments set-status SHIPMENT STATUS {_WHY}")),
    _Rule(3, r"", "Inventory's record is the source: publish it again, then look at the order once more.",
          (*_LOOK, "replay --since 1970-01-01 --service inventory --key {key} " + _WHY,
           f"orders release {{order}} {_WHY}")),
    _Rule(4, r"labels are live", "Give back every label but that of the parcel in the house.",
          ("shipments find --order {key}", f"shipments void SHIPMENT {_WHY}")),
    _Rule(4, r"(unknown to inventory|its parcel|it carries)", "Parcel and shipment part: give the label back.",
          ("shipments show {id}", f"shipments void {{id}} {_WHY}")),
    _Rule(4, r"", "Count what lies in totes and parcels, then book the difference.",
          (*_LOOK, "stock reservations {key}", f"orders write-off {{order}} LINE UNITS {_WHY}")),
    _Rule(5, r"open cases of family", "Work in one, close the others.",
          ("cases list --order {key}", f"cases close CASE {_WHY}")),
    _Rule(5, r"orders (still shows|does not show) it", "Care's record is the source: have orders show it.",
          (*_LOOK, f"orders exceptions {{order}} {_WHY}")),
    _Rule(5, r"", "Look at the exception and its case; resolve the case by hand.",
          ("cases exceptions", "cases list --order {key}", f"cases close CASE {_WHY}")),
    _Rule(6, r"(care says|with \d+ refunds|reshipment)", "Publish the grant again: orders answers it once.",
          ("remedies list", "replay --since 1970-01-01 --service care,orders --key {key} " + _WHY)),
    _Rule(6, r"", "Compare with the storefront's payments before anything more is paid back: hold automatic remedies.",
          ("orders get {order}", "remedies list", f"pause automatic_remedies {_WHY}")),
    _Rule(7, r"(?P<service>\w+) holds it", "Mend the cause, then let the event be tried again; or give it up.",
          ("parked list", f"parked replay {{service}} EVENT {_WHY}", f"parked discard {{service}} EVENT {_WHY}")),
    _Rule(7, r"\[\d+\]@", "Read it and find its sender; after a fix let it be read again, else close it.",
          ("dead-letters show {of} {number}", f"dead-letters replay {{of}} {{number}} {_WHY}",
           f"dead-letters discard {{of}} {{number}} {_WHY}")),
    _Rule(7, r"(never applied it|has read|under way)", "Publish the stream again: who has it drops it.",
          ("topics list", "replay --since 1970-01-01 --key {key} " + _WHY)),
    _Rule(7, r"", "Events are gone at their producer: compare with a backup.",
          ("topics list", "orders timeline {order}")),
    _Rule(8, r"", "Do what unblocks it; the verb is named beside its holder.",
          ("overdue", "orders explain {order}", f"orders release {{order}} {_WHY}")),
)  # fmt: skip


def propose(finding: Finding) -> Repair:
    """Propose what may correct a finding; words in capitals are for the operator to fill in."""
    said = f"{finding.subject}: {finding.detail}"
    for rule in _RULES:
        found = re.search(rule.says, said)
        if finding.invariant == rule.invariant and found is not None:
            known = {**_names(finding), **{name: text for name, text in found.groupdict().items() if text}}
            commands = [f"doorstep {command.format_map(_Placeholders(known))}" for command in rule.commands]
            return Repair(finding, rule.advice, commands)
    return Repair(finding, _NOTHING, [])


class _Placeholders(dict[str, str]):
    """What is not known stays a word in capitals."""

    def __missing__(self, name: str) -> str:
        return name.upper()


def _names(finding: Finding) -> dict[str, str]:
    """Give what a finding names: its order, stream, ids, article and place."""
    order = re.search(r"order ([\w-]+)", f"{finding.subject} {finding.first_fact.stream}")
    ids = _UUID.findall(finding.subject) or _UUID.findall(finding.first_fact.key)
    stock = re.fullmatch(r"(\S+) at (\S+)", finding.subject)
    letter = re.fullmatch(r"dead letter (\d+) of (\w+)", finding.subject)
    names = {"last": finding.subject.split()[-1], "key": finding.first_fact.key}
    if order is not None:
        names["order"] = order[1]
    if ids:
        names["id"] = ids[0]
    if stock is not None:
        names |= {"sku": stock[1], "place": stock[2]}
    if letter is not None:
        names |= {"number": letter[1], "of": letter[2]}
    return {name: shlex.quote(text) for name, text in names.items() if text}
