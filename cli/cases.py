"""The care queue: look, take, note, wait, resolve, and grant remedies."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

import typer
from pydantic import JsonValue

from cli import client, show
from cli.options import Cursor, Json, Limit, Reason, group, json_file
from shared.auth import Role

cases = group("Exceptions being worked until the customer is made whole.")
remedies = group("What is done to make a customer whole.")

Identity = Annotated[str, typer.Argument(help="The case's id.")]
Location = Annotated[str | None, typer.Option(help="Only of orders that this warehouse ships.")]
RemedyIdentity = Annotated[str, typer.Argument(help="The remedy's id.")]
_CASES = (
    ("case", "number"),
    ("id", "id"),
    ("order", "order_number"),
    ("kind", "kind"),
    ("level", "level"),
    ("state", "state"),
    ("priority", "priority"),
    ("assignee", "assignee"),
    ("next", "next_action"),
    ("clock", "clock"),
    ("due", "clock_due_at"),
)
_EXCEPTIONS = (
    ("order", "order_number"),
    ("kind", "kind"),
    ("level", "level"),
    ("rule", "rule"),
    ("detected", "detected_at"),
    ("cleared", "cleared_at"),
    ("disposition", "disposition"),
    ("reason", "disposition_reason"),
)
_REMEDIES = (
    ("remedy", "id"),
    ("case", "case_id"),
    ("kind", "kind"),
    ("state", "state"),
    ("cost", "cost"),
    ("currency", "currency"),
    ("asked by", "asked_by"),
    ("decided by", "decided_by"),
    ("refused", "refusal_code"),
)
_BULK = (
    ("case", "number"),
    ("state", "state"),
    ("becomes", "state_after"),
    ("assignee", "assignee_after"),
    ("refused", "refused"),
)


@cases.command("list")
def list_cases(  # noqa: PLR0913, PLR0917 - one option each
    state: Annotated[list[str] | None, typer.Option(help="In this state; may be repeated.")] = None,
    kind: Annotated[str | None, typer.Option(help="Of this kind of exception.")] = None,
    priority: Annotated[str | None, typer.Option(help="P1 to P4.")] = None,
    assignee: Annotated[str | None, typer.Option(help="Of this person.")] = None,
    order: Annotated[str | None, typer.Option(help="Of this order (its id).")] = None,
    location: Location = None,
    cursor: Cursor = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List cases, the nearest due clock first."""
    wanted = {
        "kind": kind, "priority": priority, "assignee": assignee, "order_id": order, "location": location,
        "cursor": cursor,
    }  # fmt: skip
    named = [(name, value) for name, value in wanted.items() if value is not None]
    asked = urlencode([*named, *(("state", name) for name in state or []), ("limit", limit)])
    show.rows(
        client.get("care", f"/staff/cases?{asked}", Role.CARE),
        _CASES,
        json=as_json,
        empty="the queue is empty",
    )


@cases.command("counts")
def count_cases(
    views: Annotated[list[str], typer.Argument(help="Which cases to count: 'state=open&kind=damage'; several.")],
    as_json: Json = False,
) -> None:
    """Count the cases of several views at once."""
    asked = urlencode([("view", view) for view in views])
    answer = client.get("care", f"/staff/cases/counts?{asked}", Role.CARE)
    counts = answer["data"] if isinstance(answer, dict) and isinstance(answer["data"], list) else []
    rows: list[JsonValue] = [{"view": view, "cases": count} for view, count in zip(views, counts, strict=False)]
    show.rows(rows, (("view", "view"), ("cases", "cases")), json=as_json)


@cases.command("show")
def show_case(identity: Identity, as_json: Json = False) -> None:
    """Show a case with exceptions, evidence, clocks, entries, remedies and suggestions."""
    show.facts(client.get("care", f"/staff/cases/{identity}", Role.CARE), json=as_json, title=f"case {identity}")


@cases.command("next")
def next_case(
    kind: Annotated[str | None, typer.Option(help="Only of this kind of exception.")] = None,
    location: Location = None,
    as_json: Json = False,
) -> None:
    """Be given the most urgent case nobody is on."""
    answer = client.post("care", "/staff/cases/next", Role.CARE, {"kind": kind, "location": location})
    show.facts(answer, json=as_json, title="next case")


@cases.command("take")
def take_case(identity: Identity, as_json: Json = False) -> None:
    """Take a case."""
    _act(identity, "take", None, as_json=as_json)


@cases.command("assign")
def assign_case(
    identity: Identity, assignee: Annotated[str, typer.Argument(help="Who shall work on it.")], as_json: Json = False
) -> None:
    """Put a person on a case."""
    _act(identity, "assign", {"assignee": assignee}, role=Role.CARE_LEAD, as_json=as_json)


@cases.command("skip")
def skip_case(identity: Identity, reason: Reason, as_json: Json = False) -> None:
    """Leave a case you were given to somebody else."""
    _act(identity, "skip", {"reason": reason}, as_json=as_json)


@cases.command("bulk")
def act_on_many(
    file: Annotated[
        Path, typer.Argument(help="The act and its cases as JSON; - reads standard input.", allow_dash=True)
    ],
    as_json: Json = False,
) -> None:
    """Do one act to many cases, or preview it; each case gets its own outcome."""
    answer = client.post("care", "/staff/cases/bulk", Role.CARE_LEAD, json_file(file))
    show.rows(answer, _BULK, json=as_json)


@cases.command("note")
def add_note(identity: Identity, text: Annotated[str, typer.Argument(help="The note.")], as_json: Json = False) -> None:
    """Add a note."""
    _act(identity, "notes", {"text": text}, as_json=as_json)


@cases.command("wait")
def wait(
    identity: Identity,
    state: Annotated[str, typer.Argument(help="waiting_customer, waiting_carrier or waiting_warehouse.")],
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Let a case wait for somebody."""
    _act(identity, "wait", {"state": state, "reason": reason}, as_json=as_json)


@cases.command("resolve")
def resolve_case(
    identity: Identity,
    reason: Reason,
    informed: Annotated[
        str | None, typer.Option(help="How the customer was told, if not by a message of ours.")
    ] = None,
    false_positive: Annotated[bool, typer.Option("--false-positive", help="Nothing was wrong.")] = False,
    as_json: Json = False,
) -> None:
    """End a case for a stated reason; the customer must know."""
    body = {"reason": reason, "customer_informed": informed, "false_positive": false_positive}
    _act(identity, "resolve", body, as_json=as_json)


@cases.command("reopen")
def reopen_case(identity: Identity, reason: Reason, as_json: Json = False) -> None:
    """Take up a resolved case again."""
    _act(identity, "reopen", {"reason": reason}, as_json=as_json)


@cases.command("close")
def close_case(identity: Identity, reason: Reason, as_json: Json = False) -> None:
    """Close a resolved case before its time."""
    _act(identity, "close", {"reason": reason}, as_json=as_json)


@cases.command("suggestions")
def list_suggestions(identity: Identity, as_json: Json = False) -> None:
    """List the ranked remedies with what they cost and who may grant them."""
    columns = (
        ("remedy", "remedy"),
        ("cost", "cost"),
        ("currency", "currency"),
        ("authority", "authority"),
        ("automatic", "automatic"),
        ("because", "because"),
    )
    answer = client.get("care", f"/staff/cases/{identity}/suggestions", Role.CARE)
    show.rows(answer, columns, json=as_json, empty="no remedy fits")


@cases.command("exceptions")
def list_exceptions(
    kind: Annotated[str | None, typer.Option(help="Of this kind.")] = None,
    only_open: Annotated[bool, typer.Option("--open", help="Not cleared yet.")] = False,
    cursor: Cursor = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List what the rules raised, with what became of it."""
    params = {"kind": kind, "open": only_open or None, "cursor": cursor, "limit": limit}
    show.rows(client.get("care", "/staff/exceptions", Role.CARE, params), _EXCEPTIONS, json=as_json)


@remedies.command("list")
def list_remedies(
    state: Annotated[str | None, typer.Option(help="In this state; waiting_approval are those to decide.")] = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List remedies."""
    answer = client.get("care", "/staff/remedies", Role.CARE, {"state": state, "limit": min(limit, 200)})
    show.rows(answer, _REMEDIES, json=as_json, empty="no remedy")


@remedies.command("grant")
def grant(
    identity: Identity,
    kind: Annotated[
        str, typer.Argument(help="reship, refund, shipping_refund, goodwill_credit, new_promise, cancel_line.")
    ],
    reason: Reason,
    amount: Annotated[int | None, typer.Option(min=1, help="In minor units of the order's currency.")] = None,
    deliver_by: Annotated[str | None, typer.Option(help="The new date, ISO 8601.")] = None,
    as_json: Json = False,
) -> None:
    """Grant a remedy within your authority; beyond it, it waits for another person's approval."""
    body: dict[str, JsonValue] = {"kind": kind, "reason": reason}
    body |= {"amount": amount} if amount is not None else {}
    body |= {"deliver_by": deliver_by} if deliver_by is not None else {}
    answer = client.post("care", f"/staff/cases/{identity}/remedies", Role.CARE, body)
    show.done(answer, f"{kind} {show.named(answer, 'id')} is {show.named(answer, 'state')}", json=as_json)


@remedies.command("approve")
def approve(identity: RemedyIdentity, as_json: Json = False) -> None:
    """Approve another person's remedy within your own limit."""
    answer = client.post("care", f"/staff/remedies/{identity}/approve", Role.CARE_LEAD)
    show.done(answer, f"remedy {identity} is {show.named(answer, 'state')}", json=as_json)


@remedies.command("deny")
def deny(identity: RemedyIdentity, reason: Reason, as_json: Json = False) -> None:
    """Deny another person's remedy."""
    answer = client.post("care", f"/staff/remedies/{identity}/deny", Role.CARE_LEAD, {"reason": reason})
    show.done(answer, f"remedy {identity} is {show.named(answer, 'state')}", json=as_json)


def report(
    since: Annotated[str | None, typer.Option(help="From this moment, ISO 8601.")] = None,
    until: Annotated[str | None, typer.Option(help="Up to this moment.")] = None,
    as_json: Json = False,
) -> None:
    """Care's measures, each beside its formula."""
    answer = client.get("care", "/staff/report", Role.SUPPORT, {"since": since, "until": until})
    show.facts(answer, json=as_json, title="measures")


def _act(
    identity: str, verb: str, body: Mapping[str, str | bool | None] | None, *, role: Role = Role.CARE, as_json: bool
) -> None:
    answer = client.post("care", f"/staff/cases/{identity}/{verb}", role, body)
    number, state, assignee = (show.named(answer, name) for name in ("number", "state", "assignee"))
    show.done(answer, f"case {number} is {state}, assigned to {assignee}", json=as_json)
