"""What the server does to find out how to run a statement, where that would cost more than to run it."""

import pytest

from deploy.local.stack import LocalStack
from services.orders.queries import intake, orders
from shared import db, idempotency
from shared.ids import new_id
from tests.own_database import own_database

_COUNTS = "select generic_plans, custom_plans from pg_prepared_statements where statement = $1"
_USES = 12
# The server looks at so many uses of a statement before it keeps a plan for all.
_TRIED = 5
_ASKED: dict[str, tuple[str, tuple[object, ...]]] = {
    "what is known": (
        intake.READ,
        (
            ["A", "B", "C"],
            [new_id()],
            1,
            ["HAM"],
            [new_id()],
            "intake",
            [new_id()],
            [False],
            ["R-1"],
            ["scope"],
            ["key"],
        ),
    ),
    "references": (orders.BY_REFERENCE, ([new_id()], [False], ["R-1"])),
    "answers": (idempotency.SETTLE, (["scope"], ["key"], [201], [{}], [{}])),
}


@pytest.mark.parametrize("what", list(_ASKED))
async def test_what_every_batch_of_orders_asks_is_planned_once(stack: LocalStack, what: str) -> None:
    statement, arguments = _ASKED[what]
    async with own_database(stack, "orders") as url:
        connection = await db.connect(url, application="tests")
        try:
            question = await connection.prepare(statement)
            for _ in range(_USES):
                await question.fetch(*arguments)
            generic, custom = await connection.fetchrow(_COUNTS, statement) or (0, 0)
        finally:
            await connection.close()
    assert custom == _TRIED
    assert generic == _USES - _TRIED
