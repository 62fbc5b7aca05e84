"""What customers said and were told: contacts, reports, photos, messages; and what explains many cases at once."""

import re
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue

from cli import client, show
from cli.options import Json, Limit, Reason, group
from shared.auth import Role

consents = group("Whether a customer waits for a later date.")
contacts = group("What customers asked and told, by any channel.")
evidence = group("Photos that customers sent.")
incidents = group("What explains many exceptions at once: a carrier, a hub, a SKU.")
told = group("Messages to customers.")

Order = Annotated[str, typer.Argument(help="The order's id.")]
OnlyOrder = Annotated[str | None, typer.Option(help="Of this order (its id).")]
_CONTACTS = (
    ("at", "at"),
    ("channel", "channel"),
    ("direction", "direction"),
    ("why", "reason"),
    ("note", "note"),
    ("agent", "agent"),
    ("order", "order_id"),
)
_EVIDENCE = (("photo", "id"), ("kind", "kind"), ("comment", "comment"), ("at", "at"))
_INCIDENTS = (
    ("incident", "id"),
    ("kind", "kind"),
    ("where", "scope"),
    ("state", "state"),
    ("since", "opened_at"),
    ("ended", "ended_at"),
    ("cases", "cases"),
)
_MESSAGE_ID = re.compile(r"<([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@care\.doorstep>")
_KEYS_AT_ONCE = 1000
_MESSAGES = (
    ("message", "id"),
    ("order", "order_id"),
    ("about", "topic"),
    ("channel", "channel"),
    ("state", "state"),
    ("why not", "silence"),
    ("sent", "sent_at"),
)


@consents.command("show")
def show_consent(order: Order, as_json: Json = False) -> None:
    """Say whether the customer must agree to the date in force, has done so, and until when."""
    answer = client.get("care", "/staff/consents", Role.SUPPORT, {"order_id": order})
    show.done(answer, f"{show.named(answer, 'consent')}, answer by {show.named(answer, 'answer_by')}", json=as_json)


@consents.command("agree")
def agree(
    order: Order,
    note: Annotated[str, typer.Option(help="What they said.")] = "",
    as_json: Json = False,
) -> None:
    """Keep that the customer waits for the date in force."""
    answer = client.post("care", "/staff/consents", Role.SUPPORT, {"order_id": order, "note": note})
    show.done(answer, f"the customer's consent is {show.named(answer, 'consent')}", json=as_json)


@contacts.command("list")
def list_contacts(order: OnlyOrder = None, limit: Limit = 50, as_json: Json = False) -> None:
    """List contacts, newest first."""
    answer = client.get("care", "/staff/contacts", Role.SUPPORT, {"order_id": order, "limit": limit})
    show.rows(answer, _CONTACTS, json=as_json, empty="nobody asked")


@contacts.command("add")
def add_contact(  # noqa: PLR0913, PLR0917 - one argument each
    order: Order,
    reason: Annotated[str, typer.Option(help="Why they wrote or called, such as where_is_my_order.")],
    channel: Annotated[str, typer.Option(help="phone, email, chat, ...")] = "phone",
    direction: Annotated[str, typer.Option(help="inbound or outbound.")] = "inbound",
    note: Annotated[str, typer.Option(help="What was said.")] = "",
    ticket: Annotated[str, typer.Option(help="Its number elsewhere.")] = "",
    as_json: Json = False,
) -> None:
    """Note that a customer was in touch."""
    said = {"reason": reason, "channel": channel, "direction": direction, "note": note, "ticket": ticket}
    answer = client.post("care", "/staff/contacts", Role.SUPPORT, {"order_id": order, **said})
    show.done(answer, f"contact {show.named(answer, 'id')} is noted", json=as_json)


@contacts.command("report")
def report_problem(
    order: Order,
    kind: Annotated[str, typer.Option(help="What the customer reports, such as damage or not_received.")],
    comment: Annotated[str, typer.Option(help="In the customer's words.")] = "",
    parcel: Annotated[str | None, typer.Option(help="Which parcel (its id).")] = None,
    as_json: Json = False,
) -> None:
    """Report for a customer what is wrong with an order: a case opens."""
    body = {"order_id": order, "kind": kind, "comment": comment, "parcel_id": parcel}
    show.done(client.act("care", "/staff/reports", Role.SUPPORT, body), f"{kind} is reported", json=as_json)


@evidence.command("list")
def list_evidence(order: Order, as_json: Json = False) -> None:
    """List the photos of an order."""
    answer = client.get("care", "/staff/evidence", Role.CARE, {"order_id": order})
    show.rows(answer, _EVIDENCE, json=as_json, empty="no photo")


@evidence.command("save")
def save_evidence(
    identity: Annotated[str, typer.Argument(help="The photo's id.")],
    file: Annotated[Path, typer.Argument(help="Where to write it.")],
    as_json: Json = False,
) -> None:
    """Save a photo."""
    answer = client.call("care", f"GET /staff/evidence/{identity}", Role.CARE)
    file.write_bytes(answer.content)
    written: dict[str, JsonValue] = {"file": str(file), "bytes": len(answer.content)}
    show.done(written, f"{file}: {written['bytes']} bytes", json=as_json)


@incidents.command("list")
def list_incidents(
    every: Annotated[bool, typer.Option("--all", help="Ended ones too.")] = False, as_json: Json = False
) -> None:
    """List incidents."""
    answer = client.get("care", "/staff/incidents", Role.CARE, {"open": not every})
    show.rows(answer, _INCIDENTS, json=as_json, empty="no incident")


@incidents.command("end")
def end_incident(
    identity: Annotated[str, typer.Argument(help="The incident's id.")], reason: Reason, as_json: Json = False
) -> None:
    """End an incident: what follows is looked at one by one again."""
    answer = client.act("care", f"/staff/incidents/{identity}/end", Role.CARE_LEAD, {"reason": reason})
    show.done(answer, f"incident {identity} is ended", json=as_json)


@told.command("list")
def list_messages(
    order: OnlyOrder = None,
    state: Annotated[str | None, typer.Option(help="planned, sent, suppressed, failed, ...")] = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List messages to customers, those that were not sent with the reason."""
    answer = client.get("care", "/staff/messages", Role.CARE, {"order_id": order, "state": state, "limit": limit})
    show.rows(answer, _MESSAGES, json=as_json, empty="no message")


@told.command("resend")
def send_again(identity: Annotated[str, typer.Argument(help="The message's id.")], as_json: Json = False) -> None:
    """Send a message once more."""
    answer = client.post("care", f"/staff/messages/{identity}/resend", Role.CARE, {})
    show.done(answer, f"message {show.named(answer, 'id')} is {show.named(answer, 'state')}", json=as_json)


def mails_named(text: str) -> list[str]:
    """Give the ids of our mails that a text names, each once."""
    return sorted(set(_MESSAGE_ID.findall(text)))


@told.command("left")
def note_left(
    log: Annotated[Path, typer.Argument(help="The mail log, or any text that names the mails' Message-IDs.")],
    reason: Reason,
    as_json: Json = False,
) -> None:
    """After a restore: take what a mail log shows for sent, not to send it again."""
    try:
        keys = mails_named(log.read_text(errors="replace"))
    except OSError as error:
        raise typer.BadParameter(f"{log} cannot be read: {error.strerror}") from error
    noted = 0
    for at in range(0, len(keys), _KEYS_AT_ONCE):
        body: JsonValue = {"keys": [*keys[at : at + _KEYS_AT_ONCE]], "reason": reason}
        answer = client.post("care", "/staff/messages/left", Role.OPERATOR, body)
        noted += int(str(show.at(answer, "count"))) if isinstance(answer, dict) else 0
    counted: dict[str, JsonValue] = {"named": len(keys), "noted": noted}
    show.done(counted, f"{len(keys)} mails of ours in the log, {noted} newly known to have left", json=as_json)


def overview(
    since: Annotated[str | None, typer.Option(help="From, ISO 8601 with a zone.")] = None,
    until: Annotated[str | None, typer.Option(help="To, ISO 8601 with a zone.")] = None,
    as_json: Json = False,
) -> None:
    """How promises were kept, by day, warehouse and carrier, each number beside its formula."""
    answer = client.get("care", "/staff/overview", Role.CARE_LEAD, {"since": since, "until": until})
    show.facts(answer, json=as_json, title="overview")
