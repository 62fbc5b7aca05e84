"""What an agent writes to a customer about an order, ready to copy, in the language the order was placed in."""

from dataclasses import dataclass

from services.console.actions.answers import answer
from services.console.actions.orders import Known
from services.console.rendering import render
from services.console.settings import settings
from services.console.wording import language_of, speaking
from shared.languages import ENGLISH, name_of


@dataclass(frozen=True, slots=True)
class Reply:
    """The words, and whose language they are in."""

    text: str
    language: str

    @property
    def named(self) -> str:
        """The language's name where it is not English, which all who work here read."""
        return name_of(self.language) if self.language != ENGLISH else ""


def reply_to(known: Known, agent: str) -> Reply:
    """Write to an order's customer where it is, what happens next and where to see it."""
    language = language_of(known.order.locale)
    link = settings().customers_address_of(f"/track?number={known.order.number}")
    with speaking(language):
        said = {"known": known, "order": known.order, "answer": answer(known), "agent": agent, "status_page": link}
        return Reply(render("parts/order_reply.txt", said), language)
