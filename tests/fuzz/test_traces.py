"""A call that was refused was not half done: nothing in any database is other than before."""

import asyncio
import json
import random
from collections.abc import Iterator, Mapping

import asyncpg
import pytest
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode

from deploy.local.stack import LocalStack
from tests.fuzz.budget import examples
from tests.fuzz.sender import REFUSED, SERVICES, Case, Operation, Sender, document
from tests.fuzz.trade import Named, Trade
from tests.fuzz.writing import Json

# Tables in which a refused call may leave something, and why: none, not even its Idempotency-Key.
MAY_DIFFER: dict[str, str] = {}
# What must be among the answers, so that more was refused than what cannot be read. Care's 409 is drawn seldom: it is
# for who acts on a case as it was before somebody else's last act.
REFUSALS = {one: {404, 422} if one == "care" else {404, 409, 422} for one in SERVICES}
_TABLES = """
select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition order by 1
"""
_ALIKE = {"source": "location", "target": "location", "tracking_numbers": "tracking_number"}
Rows = Mapping[tuple[str, str], tuple[int, str]]


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
    assert watcher.refused >= REFUSALS[service]


def _try(watcher: Watcher, operation: Operation, mode: GenerationMode) -> None:
    @given(case=operation.as_strategy(generation_mode=mode), chance=st.randoms(use_true_random=False))
    @examples(6 if mode is GenerationMode.POSITIVE else 2)
    def sends(case: Case, chance: random.Random) -> None:
        watcher.send(case, chance)

    try:
        sends()
    except Unsatisfiable:
        return
