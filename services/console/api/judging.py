"""Acts at the scanner end in a verdict: what was done, or the service's reason why not."""

from collections.abc import Awaitable
from datetime import datetime

from services.console.actions.refusals import title_of
from services.console.actions.verdicts import Tone, Verdict, is_verdict
from services.console.api.pages import words_of
from services.console.errors import RefusedError
from services.console.rendering import day, say
from services.console.schemas.warehouse import Replacement


def refusal(error: RefusedError) -> Verdict:
    """Say that it is wrong, and why."""
    return Verdict(Tone.WRONG, title_of(error.code), words_of(error))


async def judge(doing: Awaitable[Verdict]) -> Verdict:
    """Do it and give the verdict; what is not about the thing in hand (no right, no such page) is raised."""
    try:
        return await doing
    except RefusedError as error:
        if not is_verdict(error):
            raise
        return refusal(error)


def what_became(replaced: list[Replacement], backordered: int, expected_at: datetime | None) -> str:
    """Say where missing or damaged units come from now."""
    told = [
        say("{count} will be picked at {location} instead.", count=one.quantity, location=one.location)
        for one in replaced
    ]
    if backordered and expected_at is not None:
        told.append(say("{count} wait for goods expected {day}.", count=backordered, day=day(expected_at)))
    elif backordered:
        told.append(say("{count} have no stock anywhere; care is told.", count=backordered))
    return " ".join(told)
