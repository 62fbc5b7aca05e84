"""Consents: how a customer stands to a later date, and the yes that they, or an agent for them, give."""

from uuid import UUID

import asyncpg

from services.care.actions.basis import consent_packs
from services.care.errors import OrderNotWatchedError
from services.care.models import Word
from services.care.policy.consent import Revised, Standing, consent_to
from services.care.queries import facts as queries
from services.care.queries.customers import agree as set_agreed
from services.care.queries.customers import get_said
from services.care.schemas.customers import ConsentView
from shared.db import Transaction
from shared.ids import new_id


async def standing_of(tx: Transaction, watch: asyncpg.Record) -> Standing:
    """Say how the customer of an order stands to its date now."""
    facts = queries.facts_of(watch, await queries.load_known(tx, [watch]))
    promise = Revised(
        watch["promise_revision"],
        watch["promise_revised_at"],
        watch["first_deliver_by"],
        watch["deliver_by"],
        watch["agreed_revision"],
    )
    return consent_to(promise, consent_packs().get(watch["country"]), tx.now, unsent=facts.unsent)


async def show(tx: Transaction, order_id: UUID) -> ConsentView:
    """Give how the customer stands to the date; raises OrderNotWatchedError."""
    watch = await queries.get_watch(tx, order_id)
    if watch is None:
        raise OrderNotWatchedError(f"care knows no order {order_id}")
    standing, said = await standing_of(tx, watch), await get_said(tx, order_id)
    return ConsentView(
        promise_revision=watch["promise_revision"],
        consent=standing.consent,
        answer_by=standing.answer_by,
        notices=said.notices,
        rating=said.rating,
    )


async def agree(tx: Transaction, watch: asyncpg.Record) -> None:
    """Keep that the customer waits for the date in force; the rules look at the order again at once."""
    order_id, revision = watch["order_id"], watch["promise_revision"]
    tx.session.add(Word(id=new_id(), order_id=order_id, kind="wait", value=str(revision), at=tx.now))
    await set_agreed(tx, order_id, revision)
