"""Whatever care may find has plain words wherever the console tells of it, to staff and to the customer."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest

import services
from services.care.channels.wording import Reader, write
from services.care.policy.messages import TOPIC_OF
from services.care.policy.playbooks import PLAYBOOKS
from services.care.schemas.bulk import Bulk
from services.care.states import FAMILY_OF, CaseState, ClockKind, ExceptionKind, Family, Level, RemedyKind
from services.console.actions.answers import REASONS, RISKS, TOLD
from services.console.actions.casework import CLOCKS, REMEDIES, WAITS
from services.console.actions.queue import FAMILIES, KINDS, MOST_CHOSEN
from services.console.actions.refusals import TITLES
from services.console.neighbours import SERVICES
from services.console.rendering import plain
from shared.errors import DomainError

_MAY_BE_A_CASE = sorted(kind for kind in ExceptionKind if FAMILY_OF[kind] is not Family.OPERATIONS)


@pytest.mark.parametrize("kind", ExceptionKind)
def test_every_kind_of_exception_has_its_reason_in_a_sentence_of_its_own(kind: ExceptionKind) -> None:
    reason = REASONS[kind]
    assert reason[0].isupper()
    assert reason.endswith(".")
    assert list(REASONS.values()).count(reason) == 1
    assert "_" not in reason + plain(kind)


@pytest.mark.parametrize("kind", ExceptionKind)
def test_a_customer_is_told_of_every_kind_as_the_one_who_reads_it(kind: ExceptionKind) -> None:
    told = TOLD.get(kind, REASONS[kind])
    assert told.endswith(".")
    for word in ("the customer", "nobody agreed", "a person", "label"):
        assert word not in told.lower(), f"{word} is not a customer's word"


@pytest.mark.parametrize("kind", ExceptionKind)
def test_the_message_and_the_next_action_of_every_kind_are_in_plain_words(kind: ExceptionKind) -> None:
    message = write(TOPIC_OF[kind], {"order_number": "K7RMP2Q"}, None, Reader("Ada Albers"))
    assert "K7RMP2Q" in message.subject
    assert "_" not in message.subject + message.body + PLAYBOOKS[kind].next_action


def test_the_queue_can_be_narrowed_to_every_kind_and_family_that_may_be_a_case() -> None:
    assert sorted(KINDS) == _MAY_BE_A_CASE
    assert set(FAMILIES) == {FAMILY_OF[kind] for kind in _MAY_BE_A_CASE}


def test_as_many_cases_can_be_chosen_as_care_changes_in_one_act() -> None:
    assert Bulk.model_json_schema()["properties"]["cases"]["maxItems"] == MOST_CHOSEN


def test_whatever_a_service_may_refuse_has_its_words_by_its_code() -> None:
    for service in SERVICES:
        home = import_module(f"services.{service}")
        for module in walk_packages(home.__path__, f"{home.__name__}."):
            if not re.search("migrations|__main__", module.name):
                import_module(module.name)
    codes = {one.code for one in _refusals(DomainError)}
    assert len(codes) > 80, "those of all services"
    assert codes - TITLES.keys() == set(), "say it in services/console/actions/refusals.py"
    assert all(words[0].isupper() and words[-1].isalpha() for words in TITLES.values()), "the sentence follows"
    beside = TITLES.keys() - codes
    told = "".join(path.read_text() for path in Path(services.__path__[0]).glob("inventory/**/*.py"))
    assert {code for code in beside if f'"{code}"' not in told} == set(), "nobody refuses so any more"


def _refusals(kind: type[DomainError]) -> Iterator[type[DomainError]]:
    yield kind
    for one in kind.__subclasses__():
        if not one.__module__.startswith(("services.console", "deploy", "tests")):
            yield from _refusals(one)


def test_every_level_remedy_clock_and_wait_has_its_words() -> None:
    assert set(RISKS) == set(Level)
    assert set(REMEDIES) == set(RemedyKind)
    assert set(CLOCKS) == set(ClockKind)
    assert {CaseState.WAITING_CUSTOMER, CaseState.WAITING_CARRIER, CaseState.WAITING_WAREHOUSE} == set(WAITS)
