"""Reads and writes of shortfalls and of put-backs, under the lock of their order."""

from collections.abc import Collection, Sequence
from uuid import UUID

from services.inventory.models.warehouse import PutBack, Shortfall
from shared.db import Transaction


async def list_open(tx: Transaction, order_ids: Collection[UUID]) -> list[Shortfall]:
    """List the open shortfalls of orders, oldest first."""
    rows = await tx.fetch(
        "select * from shortfall where order_id = any($1::uuid[]) and state = 'open' order by opened_at, id",
        sorted(set(order_ids)),
    )
    return [Shortfall(**dict(row)) for row in rows]


async def insert_shortfalls(tx: Transaction, rows: Sequence[Shortfall]) -> None:
    """Insert new shortfalls."""
    if rows:
        await tx.execute_many(
            "insert into shortfall (id, fulfilment_id, order_id, line_id, sku, state, since, opened_at, quantity) "
            "values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            [
                (r.id, r.fulfilment_id, r.order_id, r.line_id, r.sku, r.state, r.since, r.opened_at, r.quantity)
                for r in rows
            ],
        )


async def save_shortfalls(tx: Transaction, rows: Sequence[Shortfall]) -> None:
    """Save what changed of shortfalls: healed, cancelled and with them the state."""
    if rows:
        await tx.execute_many(
            "update shortfall set state = $2, since = $3, healed = $4, cancelled = $5, version = version + 1 "
            "where id = $1",
            [(r.id, r.state, r.since, r.healed, r.cancelled) for r in rows],
        )


async def insert_put_backs(tx: Transaction, rows: Sequence[PutBack]) -> None:
    """Ask for units to be put back."""
    if rows:
        await tx.execute_many(
            "insert into put_back (id, task_id, cancellation_id, asked_at, quantity) values ($1, $2, $3, $4, $5)",
            [(r.id, r.task_id, r.cancellation_id, r.asked_at, r.quantity) for r in rows],
        )


async def list_put_backs(tx: Transaction, task_ids: Collection[UUID]) -> list[PutBack]:
    """List what is still to be put back of tasks, oldest first."""
    rows = await tx.fetch(
        "select * from put_back where task_id = any($1::uuid[]) and done < quantity order by asked_at, id",
        sorted(set(task_ids)),
    )
    return [PutBack(**dict(row)) for row in rows]


async def save_put_backs(tx: Transaction, rows: Sequence[PutBack]) -> None:
    """Save how many units are back."""
    await tx.execute_many("update put_back set done = $2 where id = $1", [(r.id, r.done) for r in rows])
