"""What an order's pages say of a day that is over, of a wish to cancel, and of what happened at the same moment."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.console.actions.answers import answer
from services.console.actions.orders import Known
from services.console.actions.telling import tell
from services.console.rendering import render
from services.console.schemas import (
    Amount,
    Cancellation,
    CancelledUnits,
    Explanation,
    Fact,
    Line,
    NextStep,
    Order,
    Promise,
    PromiseRevision,
    Trouble,
)
from shared.ids import new_id

NOW = datetime(2026, 11, 26, 10, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MUG, BOOK = new_id(), new_id()
STATUS_PAGE = "https://status.example.com/track?number=K7RMP2Q"
_NOWHERE = dict.fromkeys(
    ("open", "backordered", "picked", "packed", "in_transit", "delivered", "cancelled", "lost", "returned_to_sender",
     "written_off"), 0,
)  # fmt: skip


def line(identity: object, name: str, quantity: int) -> Line:
    """Units that lie in the warehouse."""
    price = Amount(amount=12_90, currency="EUR")
    return Line.model_validate(
        {**_NOWHERE, "id": identity, "sku": name.upper(), "name": name, "quantity": quantity, "total": price,
         "reserved": quantity, "expected_at": None}
    )  # fmt: skip


def known(promised: datetime, *wishes: Cancellation, **changes: object) -> Known:
    """An order of a mug and two books in the warehouse, as the services tell of it."""
    order = Order(
        id=new_id(), number="K7RMP2Q", reference="R-1", status="confirmed", fulfilment_status="allocated",
        payment_status="authorized", version=1, test=False, placed_at=NOW - 5 * DAY, service_level="standard",
        promise=Promise(revision=1, ship_by=promised - DAY, deliver_by_latest=promised, outcome=None), holds=[],
        lines=[line(MUG, "Mug", 1), line(BOOK, "Book", 2)], shipments=[], total=Amount(amount=38_70, currency="EUR"),
        next_step=NextStep(what="the warehouse picks the items", by=promised - DAY), cancellable=True, reship_of=None,
        notifications="doorstep", locale="", remedies=[], cancellations=list(wishes),
    )  # fmt: skip
    made = PromiseRevision(
        revision=1, deliver_by_latest=promised, made_at=NOW - 5 * DAY, source="order", reason="", attributed_to="",
        outcome=None,
    )  # fmt: skip
    plain = Known(order, Explanation(blocking=None, also=[]), [], [made], [], None, at=NOW)
    return replace(plain, **changes)  # type: ignore[arg-type]


def reply(about: Known) -> str:
    """Write the reply that an agent copies."""
    said = {"known": about, "order": about.order, "answer": answer(about), "agent": "Sofia", "status_page": STATUS_PAGE}
    return render("parts/order_reply.txt", said)


def wish(status: str, *units: tuple[object, int, str], reason: str = "customer") -> Cancellation:
    lines = [CancelledUnits.model_validate({"line_id": one, "quantity": n, "outcome": what}) for one, n, what in units]
    return Cancellation(status=status, reason=reason, lines=lines)


ALL = ((MUG, 1, "pending"), (BOOK, 2, "pending"))


def test_a_day_that_is_over_is_not_promised_again() -> None:
    late = known(NOW - HOUR)
    assert (answer(late).risk, answer(late).tone) == ("Late", "bad")
    assert "We promised it for Thu 26 November" in reply(late)
    assert "and are late. We tell you a new date as soon as we know it." in reply(late)
    assert "and are late. You hear a new date by" in reply(known(NOW - HOUR, heard_by=NOW + 4 * HOUR))
    assert "It should reach you by" not in reply(late)


def test_a_day_that_is_not_over_is_promised() -> None:
    early = known(NOW + HOUR)
    assert (answer(early).is_overdue, answer(early).risk) == (False, "On track")
    assert "It should reach you by Thu 26 November" in reply(early)


def test_a_reply_says_what_happens_next_and_where_to_see_it() -> None:
    told = reply(known(NOW + 3 * DAY))
    assert "What happens next: the warehouse picks the items, so that it leaves us by Sat 28 November." in told
    assert f"See at any time how it stands, with the postcode it goes to: {STATUS_PAGE}" in told
    troubled = Trouble(kind="stalled", level="suspected", detected_at=NOW, cleared_at=None)
    heard = reply(known(NOW + 3 * DAY, troubles=[troubled], heard_by=NOW + 4 * HOUR))
    assert "What happens next" not in heard, "somebody looks at it, and it does not go by itself"
    assert "You hear from us by " in heard
    assert "What happens next" not in reply(known(NOW - HOUR)), "it is late, and that is told"


def test_what_was_asked_to_be_cancelled_is_not_said_to_be_picked_next() -> None:
    said = answer(known(NOW + DAY, wish("pending", *ALL)))
    assert said.where == "The customer asked to cancel it; what becomes of each item is not known yet."
    assert said.told_where == "You asked to cancel it; we tell you here what becomes of it."
    assert (said.risk, said.tone) == ("Being cancelled", "warn")
    assert [(one.quantity, one.article, one.outcome) for one in said.cancelled] == [
        (1, "Mug", "asked for; not answered yet"),
        (2, "Book", "asked for; not answered yet"),
    ]


def test_of_a_part_the_rest_is_still_told() -> None:
    said = answer(known(NOW + DAY, wish("pending", (BOOK, 1, "pending"))))
    assert (said.where, said.risk) == ("It is in the warehouse, next to be picked.", "On track")
    assert [(one.quantity, one.article) for one in said.cancelled] == [(1, "Book")]


def test_what_we_cancel_ourselves_was_not_the_customers_wish() -> None:
    assert answer(known(NOW + DAY, wish("pending", *ALL, reason="no_consent"))).told_where.startswith("It is being")


def test_each_item_has_the_outcome_that_is_known_of_it() -> None:
    answered = wish("answered", (MUG, 1, "cancelled"), (BOOK, 1, "put_back_pending"), (BOOK, 1, "refused_shipped"))
    assert [(one.quantity, one.article, one.outcome) for one in answer(known(NOW + DAY, answered)).cancelled] == [
        (1, "Mug", "cancelled"),
        (1, "Book", "cancelled, and goes back to its shelf"),
        (1, "Book", "too late: it has left, and can be sent back"),
    ]


def test_who_has_not_received_it_is_not_told_that_it_is_there() -> None:
    trouble = Trouble(kind="not_received", level="confirmed", detected_at=NOW, cleared_at=None)
    about = known(NOW + DAY, troubles=[trouble])
    assert answer(about).told_where == "The carrier says it was delivered."
    assert answer(about).told_reason == "You told us that you did not receive it."


def fact(at: datetime, what: str, position: str = "", parcel: str = "p1") -> Fact:
    named = "shipment_progressed" if position else "order_placed"
    details: dict[str, object] = {"position": position, "parcel_id": parcel} if position else {}
    return Fact(at=at, source="shipping", fact=named, what=what, actor="", audience="public", details=details)


def test_of_the_same_moment_what_was_learnt_last_stands_first() -> None:
    facts = [fact(NOW, "placed"), fact(NOW, "accepted"), fact(NOW + HOUR, "released")]
    assert [entry.what for entry in tell(known(NOW, facts=facts))] == ["released", "accepted", "placed"]


@pytest.mark.parametrize("parcels", [("p1", "p1"), ("p1", "p2")])
def test_scans_that_repeat_each_other_are_one_key_fact_a_parcel(parcels: tuple[str, str]) -> None:
    scans = [
        fact(NOW + hour * HOUR, f"{parcel} {hour}", "in_transit", parcel) for hour in range(6) for parcel in parcels
    ]
    scans.append(fact(NOW + 9 * HOUR, "there", "delivered", "p1"))
    told = tell(known(NOW, facts=scans))
    newest = {f"{parcel} 5" for parcel in parcels}
    assert {entry.what for entry in told if "key" in entry.kinds} == {"there", *newest}
    assert len(told) == len(scans), "the carrier's list shows them all"
