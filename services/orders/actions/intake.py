"""Taking orders in: a list in one transaction, each with its promise, holds and facts, each exactly once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID
from weakref import WeakKeyDictionary

import asyncpg
import orjson

from services.orders.actions import checks, drafting
from services.orders.actions.conclusion import finish
from services.orders.actions.drafting import Keeper
from services.orders.actions.work import Work
from services.orders.errors import ReferenceExistsError, TooManyUnpaidError
from services.orders.models import OrderRecord
from services.orders.queries import orders
from services.orders.queries.catalogue import Catalogue, read_catalogue
from services.orders.queries.intake import Known, Wanted, read_known
from services.orders.queries.orders import Name
from services.orders.queries.views import order_view
from services.orders.schemas.intake import PlaceOrder
from services.orders.schemas.readable import read_parts
from services.orders.settings import settings
from shared import db, idempotency, switches
from shared.auth import Principal
from shared.batch import Batch
from shared.db import Database, Transaction
from shared.doors import etag
from shared.errors import ConflictError, DomainError, FieldError, InvalidError, PausedError
from shared.failpoints import failpoint
from shared.idempotency import Claim, Reply
from shared.outbox import Origin

_UNIQUE_TRIES = 3
_UNPAID_RETRY_SECONDS = 60
_CREATED, _FOUND = 201, 200
NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Placement:
    """An order on its way in: who sends it, its idempotency claim, and what it follows from."""

    who: Principal
    body: PlaceOrder
    claim: Claim
    cause: str
    traceparent: str | None

    @property
    def fingerprint(self) -> str:
        """The content as a keyed hash: it tells the same order from another one, and nothing else."""
        return sha256(orjson.dumps(dict(self.claim.fingerprint), option=orjson.OPT_SORT_KEYS)).hexdigest()

    @property
    def is_unpaid(self) -> bool:
        """Whether its stock will wait for money."""
        return self.body.payment is not None and self.body.payment.status == "pending"

    @property
    def key(self) -> tuple[str, str]:
        """What the request is known by when it comes again: caller and route, and its Idempotency-Key."""
        return self.claim.scope, self.claim.key

    @property
    def name(self) -> Name:
        """What no other order is called."""
        return self.who.storefront_id or NOBODY, self.who.test, self.body.reference


Outcome = Reply | DomainError

_batches: "WeakKeyDictionary[Database, Batch[Placement, Reply]]" = WeakKeyDictionary()


async def place_order(database: Database, placement: Placement) -> Reply:
    """Take one order in, together with whatever else came meanwhile; raises what it was refused for."""
    batch = _batches.get(database)
    if batch is None:

        async def work(placements: list[Placement]) -> Sequence[Outcome]:
            return await _commit(database, placements)

        batch = _batches[database] = Batch(work)
    return await batch.submit(placement)


async def _commit(database: Database, placements: list[Placement]) -> Sequence[Outcome]:
    for attempt in range(1, _UNIQUE_TRIES + 1):
        try:
            async with database.transaction(placements[0].cause, late=True) as tx:
                outcomes = await place_orders(tx, placements)
                failpoint("api.before_commit")
        except Exception as error:
            cause = db.root_cause(error)
            # Another transaction took the same reference or key a moment ago: now we can see its order.
            if isinstance(cause, asyncpg.UniqueViolationError) and attempt < _UNIQUE_TRIES:
                continue
            if db.is_contended(error) and len(placements) == 1:
                raise ConflictError("the same or a competing request is still being served; send it again") from error
            raise
        failpoint("api.committed")
        return outcomes
    raise ConflictError("competing requests for the same reference; send it again")


async def place_orders(tx: Transaction, placements: Sequence[Placement]) -> list[Outcome]:
    """Take orders in; gives the answer or the refusal of each, in order."""
    first: dict[tuple[str, str], Placement] = {}
    for placement in placements:
        first.setdefault(placement.key, placement)
    known = await read_known(tx, _wanted(list(first.values())))
    answers: dict[tuple[str, str], Outcome] = {}
    new: list[Placement] = []
    for key, placement in first.items():
        prior = idempotency.judge(known.answered.get(key), placement.claim)
        if prior is None:
            new.append(placement)
        else:
            answers[key] = prior
    answers |= await _place_new(tx, new, known)
    outcomes: list[Outcome] = []
    for placement in placements:
        key = placement.key
        reused = idempotency.refuse_reuse(first[key].claim.fingerprint, placement.claim.fingerprint)
        if reused is not None and isinstance(answers[key], DomainError):
            # The first was refused and left its key free: this is its correction.
            outcomes.extend(await place_orders(tx, [placement]))
        else:
            outcomes.append(reused or answers[key])
    return outcomes


async def _place_new(tx: Transaction, new: Sequence[Placement], known: Known) -> dict[tuple[str, str], Outcome]:
    existing = known.existing
    quota = await _read_quota(tx, new)
    work = Work(tx, {})
    outcomes: dict[tuple[str, str], tuple[UUID, int] | DomainError] = {}
    for placement in new:
        key = placement.key
        if placement.name in existing:
            outcomes[key] = _existing(placement, *existing[placement.name])
            continue
        if known.paused & {switches.EVERYWHERE, str(placement.name[0])}:
            outcomes[key] = PausedError("no new orders are taken at present; send it again under the same key")
            continue
        refused = _refused(placement, known.catalogue, quota, tx.now)
        if refused is not None:
            outcomes[key] = refused
            continue
        order_id = _draft(work, placement, known)
        existing[placement.name] = order_id, placement.fingerprint
        outcomes[key] = order_id, _CREATED
    await finish(work)
    return await _settle(work, new, outcomes)


def _wanted(new: Sequence[Placement]) -> Wanted:
    lines = [line for one in new for line in one.body.lines]
    return Wanted(
        skus={line.sku for line in lines},
        pins={line.location for line in lines if line.location},
        quotes=[one.body.quote_id for one in new if one.body.quote_id],
        storefronts={one.name[0] for one in new},
        names=[one.name for one in new],
        claims=[one.key for one in new],
    )


async def _read_quota(tx: Transaction, new: Sequence[Placement]) -> dict[UUID, int]:
    """Give how many more unpaid orders each storefront may place; competing transactions may exceed it a little."""
    asking = sorted({one.name[0] for one in new if one.is_unpaid})
    if not asking:
        return {}
    waiting = await orders.count_unpaid(tx, asking)
    return {storefront_id: settings().unpaid_orders - waiting.get(storefront_id, 0) for storefront_id in asking}


def _refused(placement: Placement, catalogue: Catalogue, quota: dict[UUID, int], now: datetime) -> DomainError | None:
    """Say why an order is not taken in; of an unpaid one that is, take its place off the quota."""
    storefront_id = placement.name[0]
    errors = checks.find_errors(placement.body, catalogue, storefront_id, now)
    if errors:
        return refusal(errors)
    if placement.is_unpaid:
        if quota[storefront_id] <= 0:
            return TooManyUnpaidError(
                f"{settings().unpaid_orders} of your orders wait for their money, which is the most at once: "
                "report their payments or cancel them",
                headers={"Retry-After": str(_UNPAID_RETRY_SECONDS)},
            )
        quota[storefront_id] -= 1
    return None


def _draft(work: Work, placement: Placement, known: Known) -> UUID:
    storefront = known.storefronts[placement.name[0]]
    keeper = Keeper(storefront.id, storefront.notifications, test=placement.who.test)
    record = drafting.draft_order(placement.body, keeper, known.catalogue, work.now)
    record.head.fingerprint = placement.fingerprint
    paid = placement.body.payment
    if paid is not None and paid.status != "pending":
        work.add(drafting.reported(record.id, paid, record.head.total, work.now))
    work.tx.origins[str(record.id)] = Origin(placement.cause, placement.traceparent)
    drafting.say_placed(work, record)
    return record.id


def _existing(placement: Placement, order_id: UUID, fingerprint: str) -> tuple[UUID, int] | DomainError:
    if fingerprint == placement.fingerprint:
        return order_id, _FOUND
    return ReferenceExistsError(
        f"order {placement.body.reference!r} exists with other content; read it, or send this one under another "
        "reference",
        extra={"order_id": str(order_id)},
    )


def refusal(errors: Sequence[FieldError]) -> InvalidError:
    """Refuse an order for all its bad fields at once."""
    names = ", ".join(sorted({error.pointer for error in errors}))
    count = f"{len(errors)} field{'s' if len(errors) != 1 else ''}"
    return InvalidError(f"{count} cannot be accepted: {names}", errors=tuple(errors))


async def _settle(
    work: Work, new: Sequence[Placement], outcomes: dict[tuple[str, str], tuple[UUID, int] | DomainError]
) -> dict[tuple[str, str], Outcome]:
    """Store the answers of what was accepted; a refused request keeps no key."""
    found = [outcome[0] for outcome in outcomes.values() if isinstance(outcome, tuple)]
    missing = [order_id for order_id in found if order_id not in work.records]
    records = work.records | (await orders.load_orders(work.tx, missing) if missing else {})
    answers: dict[tuple[str, str], Outcome] = {}
    kept: list[tuple[Claim, Reply]] = []
    for placement in new:
        outcome = outcomes[placement.key]
        if isinstance(outcome, DomainError):
            answers[placement.key] = outcome
        else:
            answers[placement.key] = reply = placed_reply(records[outcome[0]], outcome[1])
            kept.append((placement.claim, reply))
    if kept:
        await idempotency.keep(work.tx, kept)
    return answers


def placed_reply(record: OrderRecord, status: int) -> Reply:
    """Answer with an order, where it is and which version."""
    headers = {"Location": f"/v1/orders/{record.id}", "ETag": etag(record.head.version)}
    return Reply.of(order_view(record), status, headers)


async def refuse_unreadable(
    tx: Transaction, storefront_id: UUID, body: object, errors: Sequence[FieldError]
) -> InvalidError:
    """Refuse an order of bad shape, naming as well what is wrong with the parts of it that can be read."""
    parts = read_parts(body)
    lines = [line for _, line in checks.lines_of(parts)]
    catalogue = await read_catalogue(
        tx,
        (line.sku for line in lines if line.sku is not None),
        pins=(line.location for line in lines if line.location is not None),
        quotes=[parts.quote_id] if parts.quote_id is not None else [],
    )
    broken = frozenset(error.pointer for error in errors)
    return refusal((*errors, *checks.find_errors(parts, catalogue, storefront_id, tx.now, broken=broken)))
