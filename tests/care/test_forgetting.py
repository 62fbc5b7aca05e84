"""Care follows when a customer is forgotten: it stays known that something was said, not what."""

from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from deploy.local.stack import LocalStack
from services.care.jobs import KEPT
from services.care.settings import settings
from shared import retention
from shared.auth import Role
from shared.events.orders import CustomerErased
from shared.ids import new_id
from tests.care.conftest import Order
from tests.care.rig import CareRig

DAY = timedelta(days=1)
WORDS = ("Zimt wants a call", "HD-Zimt", "Zimt's mug in pieces", "Zimt has a dog", "Hello Zimt", "Zimt, digested")


async def spoken(care: CareRig) -> tuple[Order, str]:
    """An order with a damage report, a photo, a case with a note, a contact and a message; gives it and its case."""
    order = await Order(care, customer=WORDS[5]).placed()
    await order.handed_over()
    await order.delivered()
    order_id = str(order.order_id)
    await care.act("/reports", {"order_id": order_id, "comment": WORDS[2]}, role=Role.SUPPORT)
    case = str((await care.case(order.order_id, kind="damage"))["id"])
    await care.act(f"/cases/{case}/take")
    await care.act(f"/cases/{case}/notes", {"text": WORDS[3]})
    contact = {"order_id": order_id, "reason": "damaged", "note": WORDS[0], "ticket": WORDS[1]}
    await care.act("/contacts", contact, role=Role.SUPPORT)
    async with care.database.transaction() as tx:
        await tx.execute(
            "insert into evidence (id, order_id, width, height, image, at) values ($1, $2, 1, 1, 'Zimt', $3)",
            new_id(), order.order_id, tx.now,
        )  # fmt: skip
    await care.later(timedelta(hours=2))
    async with care.database.transaction() as tx:
        await tx.execute("update message set body = $2 where order_id = $1", order.order_id, WORDS[4])
    how = {"reason": "made good", "customer_informed": "told Zimt"}
    await care.act(f"/cases/{case}/resolve", how)
    return order, case


async def kept(care: CareRig) -> str:
    """All rows of all tables of care as one text; bytes as their text."""
    async with care.database.transaction() as tx:
        tables = await tx.fetch("select tablename from pg_tables where schemaname = 'public'")
        rows = [await tx.value(f"select string_agg(t::text, ' ') from {row['tablename']} t") for row in tables]
        pictures = await tx.value("select string_agg(encode(image, 'escape'), ' ') from evidence")
    return " ".join(filter(None, (*rows, pictures)))


async def test_words_and_photos_of_a_forgotten_customer_go_and_that_they_were_there_stays(care: CareRig) -> None:
    order, case = await spoken(care)
    before = await kept(care)
    assert [word for word in WORDS if word not in before] == []

    await care.tell(CustomerErased(order_id=order.order_id))

    assert "Zimt" not in await kept(care)
    shown = await care.get(f"/cases/{case}")
    noted = [entry for entry in shown["entries"] if entry["act"] == "noted"]
    assert [(entry["actor"], entry["detail"]) for entry in noted] == [("care:ann", "")]
    contacts = (await care.get("/contacts", order_id=str(order.order_id)))["data"]
    assert [(row["reason"], row["note"]) for row in contacts] == [("damaged", "")]
    assert (await care.get("/evidence", order_id=str(order.order_id)))["data"] == []
    audited = await care.rows("select act from audit where subject = $1", str(order.order_id))
    assert "erase_customer" in [row["act"] for row in audited]


async def test_of_another_customer_nothing_goes(care: CareRig) -> None:
    order, _ = await spoken(care)
    other, _ = await spoken(care)
    await care.tell(CustomerErased(order_id=other.order_id))
    contacts = (await care.get("/contacts", order_id=str(order.order_id)))["data"]
    assert [row["note"] for row in contacts] == [WORDS[0]]


async def test_nothing_more_is_kept_of_somebody_forgotten(care: CareRig) -> None:
    order, case = await spoken(care)
    await care.tell(CustomerErased(order_id=order.order_id))
    order_id = str(order.order_id)
    for path, body in (
        ("/contacts", {"order_id": order_id, "reason": "late", "note": "Zimt again"}),
        ("/reports", {"order_id": order_id, "comment": "Zimt again"}),
        (f"/cases/{case}/notes", {"text": "Zimt again"}),
    ):
        answer = await care.post(path, body, role=Role.CARE)
        assert (answer.status_code, answer.json()["code"]) == (409, "customer_erased"), path
    assert "Zimt" not in await kept(care)


@pytest.mark.parametrize(
    "change",
    [
        "update case_entry set detail = '' where act <> 'noted'",
        "update case_entry set actor = 'nobody' where act = 'noted'",
        "update case_entry set detail = 'something else' where act = 'noted'",
        "delete from case_entry where act = 'noted'",
    ],
)
async def test_what_happened_to_a_case_is_never_changed(care: CareRig, change: str) -> None:
    await spoken(care)
    with pytest.raises(asyncpg.RaiseError, match="never changed"):
        async with care.database.transaction() as tx:
            await tx.execute(change)


async def test_words_and_photos_are_kept_for_their_time_and_no_longer(
    stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, care: CareRig
) -> None:
    order, case = await spoken(care)
    await care.later(settings().photo_days * DAY - timedelta(hours=3))
    assert await retention.drop_old(care.database, settings(), KEPT) == dict.fromkeys([one.what for one in KEPT], 0)

    await care.later(DAY)
    assert (await retention.drop_old(care.database, settings(), KEPT))["photos"] == 1
    assert WORDS[0] in await kept(care)

    await care.later((settings().contact_days - settings().photo_days) * DAY)
    gone = await retention.drop_old(care.database, settings(), KEPT)
    assert all(gone[what] for what in ("words of contacts", "words of reports", "notes on cases", "words of messages"))
    async with care.database.transaction() as tx:
        await tx.execute("delete from idempotency")  # answers go by real time, after a week
    left = await kept(care)
    assert [word for word in WORDS if word in left] == []
    assert (await care.get(f"/cases/{case}"))["state"] == "closed", "the case itself stays"
    assert order.order_id


async def test_a_photo_stays_while_its_case_is_open(care: CareRig) -> None:
    order, case = await spoken(care)
    await care.act(f"/cases/{case}/reopen", {"reason": "not made good after all"})
    await care.later((settings().photo_days + 1) * DAY)
    assert (await retention.drop_old(care.database, settings(), KEPT))["photos"] == 0
    assert len((await care.get("/evidence", order_id=str(order.order_id)))["data"]) == 1
