"""A call that was refused was not half done: nothing in any database is other than before."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass

import asyncpg
import pytest
import pytest_asyncio
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode

from deploy.local.stack import LocalStack
from shared.ids import new_id
from tests.console.shop import open_shop
from tests.fuzz.budget import examples
from tests.fuzz.sender import REFUSED, SERVICES, Case, Operation, Sender, document
from tests.fuzz.writing import Json

# Tables in which a refused call may leave something, and why: none, not even its Idempotency-Key.
MAY_DIFFER: dict[str, str] = {}
_TABLES = """
select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition order by 1
"""
_IDS = """
select table_name, column_name from information_schema.columns
where table_schema = 'public' and column_name ~ '(^id|_id)$' and data_type = 'uuid' and table_name !~ '_[0-9]+$'
"""
# What has a name that is no id.
_CODES = {
    "sku": ("inventory", "select code from sku"),
    "location": ("inventory", "select code from location"),
    "named": ("orders", "select number from orders"),
    "tracking_number": ("shipping", "select tracking_number from label where tracking_number is not null"),
}
_ALIKE = {"source": "location", "target": "location", "tracking_numbers": "tracking_number"}
# Who takes these away lets nothing more in.
_LEFT_ALONE = {"key_id", "storefront_id"}
_MOST = 5
Rows = Mapping[tuple[str, str], tuple[int, str]]
Named = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Trade:
    """A shop in which something happened, and what its things are called."""

    key: str
    order: str
    named: Named


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def trade(stack: LocalStack) -> AsyncIterator[Trade]:
    """Let orders be placed, shipped, delivered and held; then let nobody work but the doors."""
    shop = await open_shop(stack)
    delivered = await shop.place()
    await shop.ship(delivered)
    await shop.deliver(delivered)
    await shop.ship(await shop.place())
    held = await shop.place()
    hold = {"reason": "manual", "note": "asked by phone"}
    await shop.support.act(f"/staff/orders/{held.id}/holds", hold, key=str(new_id()))
    await shop.place()
    await stack.stop_processes(stack.workers)
    yield Trade(shop.storefront.door.credential(), str(delivered.id), await _named(stack))
    await shop.close()
    await stack.start_processes(stack.workers)


async def _named(stack: LocalStack) -> Named:
    """Give the names of some things of each kind, by what they are called in paths and bodies."""
    found: dict[str, set[str]] = {}
    for service in SERVICES:
        connection = await asyncpg.connect(stack.dsn(service, "admin"))
        try:
            for table, column in await connection.fetch(_IDS):
                name = f"{table}_id" if column == "id" else column
                asked = f'select distinct {column}::text from "{table}" where {column} is not null limit {_MOST}'
                found.setdefault(name, set()).update(row[0] for row in await connection.fetch(asked))
            for name, (where, asked) in _CODES.items():
                if where == service:
                    found.setdefault(name, set()).update(
                        row[0] for row in await connection.fetch(f"{asked} limit {_MOST}")
                    )
        finally:
            await connection.close()
    return {name: sorted(values) for name, values in found.items() if values and name not in _LEFT_ALONE}


class Books:
    """What the databases hold, as a count and a digest of each table."""

    def __init__(self, stack: LocalStack) -> None:
        self._runner = asyncio.Runner()
        self._open = {one: self._runner.run(asyncpg.connect(stack.dsn(one, "admin"))) for one in SERVICES}
        self._asked = {one: self._runner.run(self._question(one)) for one in SERVICES}

    async def _question(self, service: str) -> str:
        tables = [row[0] for row in await self._open[service].fetch(_TABLES)]
        return " union all ".join(
            f"select '{one}', count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)::text from \"{one}\" t"
            for one in tables
            if one not in MAY_DIFFER
        )

    def rows(self) -> Rows:
        """Read all."""
        return {
            (service, table): (count, digest)
            for service, asked in self._asked.items()
            for table, count, digest in self._runner.run(self._open[service].fetch(asked))
        }

    def close(self) -> None:
        for connection in self._open.values():
            self._runner.run(connection.close())
        self._runner.close()


@pytest.fixture
def books(stack: LocalStack) -> Iterator[Books]:
    """The databases of all services."""
    opened = Books(stack)
    yield opened
    opened.close()


class Watcher:
    """Sends calls about what there is, and compares what the databases hold before and after each."""

    def __init__(self, sender: Sender, named: Named, books: Books) -> None:
        self.sender = sender
        self._named = named
        self._books = books
        self._before = books.rows()
        self.refused: set[int] = set()
        self.traces: list[str] = []

    def send(self, case: Case, chance: random.Random) -> None:
        """Send; note a refusal after which something is other than before."""
        case.path_parameters = self._about(dict(case.path_parameters or {}), chance)
        case.body = self._about(case.body, chance)
        answer = self.sender.send(case)
        after, before = self._books.rows(), self._before
        self._before = after
        if is_refused(answer):
            self.refused.add(answer.status_code)
            left = {place for place in before if before[place] != after[place]}
            if left:
                self.traces.append(
                    f"{case.method} {case.path}: {answer.status_code} {answer.text[:300]} changed {left}"
                )

    def _about(self, said: Json, chance: random.Random, name: str = "") -> Json:
        """Give what is said, most of its names those of things that are there."""
        if isinstance(said, dict):
            return {one: self._about(value, chance, one) for one, value in said.items()}
        if isinstance(said, list):
            return [self._about(one, chance, name) for one in said]
        known = self._named.get(_ALIKE.get(name, name))
        if not isinstance(said, str) or not known or chance.random() > 0.9:
            return said
        return chance.choice(known)


def is_refused(answer: schemathesis.Response) -> bool:
    """Say whether nothing was done: the call was refused, or each of its lines was."""
    if "ndjson" in str(answer.headers.get("content-type")):
        return all(line["status"] >= REFUSED for line in map(json.loads, answer.text.splitlines()))
    return answer.status_code >= REFUSED


@pytest.mark.security(6)
@pytest.mark.timeout(900)
@pytest.mark.parametrize("service", SERVICES)
def test_a_refused_call_leaves_no_trace(service: str, stack: LocalStack, trade: Trade, books: Books) -> None:
    watcher = Watcher(Sender(stack, service, trade.key, trade.order), trade.named, books)

    for result in document(watcher.sender).get_all_operations():
        if result.ok().method.upper() == "GET":
            continue
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _try(watcher, result.ok(), mode)

    assert watcher.traces == [], "\n\n".join(watcher.traces)
    assert {404, 409, 422} <= watcher.refused


def _try(watcher: Watcher, operation: Operation, mode: GenerationMode) -> None:
    @given(case=operation.as_strategy(generation_mode=mode), chance=st.randoms(use_true_random=False))
    @examples(6 if mode is GenerationMode.POSITIVE else 2)
    def sends(case: Case, chance: random.Random) -> None:
        watcher.send(case, chance)

    try:
        sends()
    except Unsatisfiable:
        return
