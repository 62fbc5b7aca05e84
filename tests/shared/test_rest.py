"""Who steps business time asks each process whether it rests; who is at work is waited for, and says so in time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI

from shared.operators import Rest, process_router
from tests.shared.conftest import Plumbing

_AT_WORK = Rest(at_rest=False, activity=1, next_due=None, why=["job book_shipments"])
_RESTING = Rest(at_rest=True, activity=2, next_due=None, why=[])


@asynccontextmanager
async def process(plumbing: Plumbing, *states: Rest) -> AsyncIterator[httpx.AsyncClient]:
    """A process that is asked; it goes from state to state, one each time it looks at itself, and stays in the last."""
    left = list(states)

    async def rest(_brief: bool) -> Rest:
        return left.pop(0) if len(left) > 1 else left[0]

    app = FastAPI()
    app.include_router(process_router(plumbing.producing, rest))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://process") as asking:
        yield asking


async def test_who_is_asked_without_patience_says_at_once_what_it_works_on(plumbing: Plumbing) -> None:
    async with process(plumbing, _AT_WORK, _RESTING) as asking:
        answer = (await asking.get("/internal/rest")).json()
    assert (answer["at_rest"], answer["why"]) == (False, ["job book_shipments"])


async def test_who_is_asked_with_patience_answers_once_its_work_is_done(plumbing: Plumbing) -> None:
    async with process(plumbing, _AT_WORK, _AT_WORK, _AT_WORK, _RESTING) as asking:
        answer = (await asking.get("/internal/rest?brief=true&patience_ms=1000")).json()
    assert (answer["at_rest"], answer["activity"], answer["why"]) == (True, 2, [])


async def test_whose_work_lasts_longer_than_the_patience_says_what_it_works_on(plumbing: Plumbing) -> None:
    async with process(plumbing, _AT_WORK) as asking:
        answer = (await asking.get("/internal/rest?patience_ms=20")).json()
    assert (answer["at_rest"], answer["why"]) == (False, ["job book_shipments"])


async def test_patience_has_a_bound(plumbing: Plumbing) -> None:
    async with process(plumbing, _AT_WORK) as asking:
        refused = await asking.get("/internal/rest?patience_ms=60000")
    assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["query", "patience_ms"])
