"""The words of messages, in their reader's language: what happened, the new date, what we already did, the choices."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from services.care.policy.messages import Topic
from shared.languages import ENGLISH, Catalogues, write_moment

CATALOGUES = Catalogues(Path(__file__).parents[1] / "locales")

_HALF_A_DAY = timedelta(hours=12)
"""Half a day before a local day ends it is the same date in UTC, wherever the destination lies."""


@dataclass(frozen=True, slots=True)
class Words:
    """A message ready to leave."""

    subject: str
    body: str


_HAPPENED: Mapping[Topic, str] = {
    Topic.DELAY: "your order {order_number} will arrive later than we promised.",
    Topic.NO_NEWS: "the carrier has not reported anything about your order {order_number} for a while.",
    Topic.LOSS: "the carrier cannot find the parcel of your order {order_number} at the moment.",
    Topic.DAMAGE: "the parcel of your order {order_number} was damaged on its way.",
    Topic.STOCK: "some goods of your order {order_number} are not in stock as we expected.",
    Topic.DELIVERY_ATTEMPT: "the carrier tried to deliver your order {order_number} and did not succeed.",
    Topic.DELIVERY_PROBLEM: "the carrier cannot deliver your order {order_number} at the moment and keeps it.",
    Topic.RETURN: "the parcel of your order {order_number} is on its way back to us.",
    Topic.REPORT: "thank you for telling us that something is wrong with your order {order_number}.",
    Topic.REMEDY: "we have settled the trouble with your order {order_number}.",
}
_SUBJECTS: Mapping[Topic, str] = {
    Topic.DELAY: "A new date for your order {order_number}",
    Topic.NO_NEWS: "We are asking the carrier about your order {order_number}",
    Topic.LOSS: "We are looking for your order {order_number}",
    Topic.DAMAGE: "Your order {order_number} was damaged on its way",
    Topic.STOCK: "About the goods of your order {order_number}",
    Topic.DELIVERY_ATTEMPT: "Your order {order_number}: delivery attempted",
    Topic.DELIVERY_PROBLEM: "Your order {order_number}: a problem with its delivery",
    Topic.RETURN: "Your order {order_number} is coming back to us",
    Topic.REPORT: "Your order {order_number}: we look into it",
    Topic.REMEDY: "Your order {order_number}: settled",
}
_DONE: Mapping[str, str] = {
    "": "We are on it and will write again as soon as we know more.",
    "reship": "We have sent the goods once more, at no cost to you.",
    "refund": "We have asked the shop to refund you; the money is on its way.",
    "shipping_refund": "We have asked the shop to refund the shipping.",
    "goodwill_credit": "We have credited you an amount as an apology.",
    "new_promise": "We watch the parcel and will tell you if anything changes.",
    "cancel_line": "We have cancelled the goods we cannot send; you do not pay for them.",
}
_BECAUSE: Mapping[tuple[str, str], str] = {
    ("cancel_line", "no_consent"): (
        "As we have not heard from you about the new date, we have cancelled what was not sent; you do not pay for it."
    ),
}
_CHOICES: Mapping[Topic, str] = {
    Topic.DELAY: "If you do nothing, we send it by then. If that does not suit you, answer this message: "
    "you may also cancel.",
    Topic.NO_NEWS: "There is nothing you need to do; we still expect it on the promised day.",
    Topic.LOSS: "If you would rather have your money back than the goods, answer this message.",
    Topic.DAMAGE: "A photo helps, but is not needed. If you would rather be refunded, answer this message.",
    Topic.STOCK: "You may wait, or cancel these goods: answer this message.",
    Topic.DELIVERY_ATTEMPT: "The carrier will try again; a safe place or a neighbour may be named to the carrier.",
    Topic.DELIVERY_PROBLEM: "If something is missing in your address, or you expect to be away, answer this message.",
    Topic.RETURN: "Answer this message to have the goods sent again or the money refunded.",
    Topic.REPORT: "If it turned up meanwhile, or you would rather be refunded, answer this message.",
    Topic.REMEDY: "If anything is still wrong, answer this message.",
}
_MUST_ANSWER = (
    "Please tell us by {answer_by} whether you wait for it: answer this message, or use the page below. If we do not "
    "hear from you by then, we cancel what was not sent, and you do not pay for it."
)
_DAY, _MOMENT = "EEEE, dd MMMM yyyy", "EEEE, dd MMMM yyyy, HH:mm 'UTC'"
_WITH_DATE = frozenset({Topic.DELAY, Topic.STOCK, Topic.NO_NEWS})


def remedies_told(facts: Mapping[str, object]) -> tuple[str, ...]:
    """Give the remedies a message tells of: one, or those of the news that were joined in it."""
    joined = facts.get("remedies")
    names = joined if isinstance(joined, list) else [facts.get("remedy")]
    return tuple(str(name) for name in names if name)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads a message: their name, their status page and their language; nobody in particular without them."""

    name: str = ""
    link: str = ""
    language: str = ENGLISH


def write(topic: Topic, facts: Mapping[str, object], promised_by: datetime | None, reader: Reader) -> Words:
    """Write a message; `promised_by` is the end of the promised local day."""
    say, order_number = partial(CATALOGUES.say, reader.language), str(facts.get("order_number", ""))
    paragraphs = [
        say("Hello {name},", name=reader.name) if reader.name else say("Hello,"),
        say(_HAPPENED[topic], order_number=order_number),
    ]
    if topic in _WITH_DATE and promised_by is not None:
        day = write_moment(reader.language, promised_by - _HALF_A_DAY, say(_DAY))
        paragraphs.append(say("The date is {day}.", day=day))
    cause = str(facts.get("cause", "") or "")
    done = [_BECAUSE.get((remedy, cause), _DONE.get(remedy, _DONE[""])) for remedy in remedies_told(facts) or ("",)]
    paragraphs += [*map(say, done), _choice(topic, facts, reader.language)]
    if reader.link:
        paragraphs.append(say("Where it is, and what you can do: {link}", link=reader.link))
    paragraphs.append(say("Your customer care"))
    return Words(say(_SUBJECTS[topic], order_number=order_number), "\n\n".join(paragraphs) + "\n")


def _choice(topic: Topic, facts: Mapping[str, object], language: str) -> str:
    answer_by = facts.get("answer_by")
    if not isinstance(answer_by, str):
        return CATALOGUES.say(language, _CHOICES[topic])
    moment = write_moment(language, datetime.fromisoformat(answer_by), CATALOGUES.say(language, _MOMENT))
    return CATALOGUES.say(language, _MUST_ANSWER, answer_by=moment)
