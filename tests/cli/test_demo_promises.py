"""What the demonstration promises to show, it shows in every run, or it says what is missing."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from cli.demo.command import tell
from cli.demo.plan import Mishap, journey_of, plan_mishaps, plan_orders
from cli.demo.report import Summary
from deploy.local.state import Record

BEGIN = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
FIGURES: dict[str, float | int | None] = {"raised": 1, "cleared": 0, "open": 1, "detection_lead_hours": 3.5}
GOOD = Summary(
    orders=20,
    outcomes={"completed, delivered": 19, "completed, lost on the way": 1},
    outcome_digest="of these",
    unfinished_without_case=[],
    short_units=1,
    exceptions=dict.fromkeys(("promise_breached", "damage", "lost"), FIGURES),
    cases={"refund": 1},
    remedies={"reship:executed": 1, "refund:executed": 1},
    refunds_confirmed=1,
    messages_sent=12,
    perfect_order_rate=0.9,
    kept_promise_rate=0.95,
    seconds=40.0,
    orders_per_second=0.5,
    steps=300,
    check_clean=True,
    check_findings=[],
)


def test_a_run_that_shows_all_it_promises_has_nothing_to_say() -> None:
    assert GOOD.failures == []


def test_a_run_ends_with_the_consoles_address_and_who_may_sign_in(tmp_path: Path) -> None:
    people = tmp_path / "console.json"
    people.write_text(json.dumps([{"login": "care_lead", "password": "four quiet words"}]))  # pragma: allowlist secret
    record = Record(
        owner=None, processes={}, ports={}, urls={"console": "http://127.0.0.1:8105"}, dsns={}, bootstrap="",
        staff_key="", clock_file="", mail="", ready=True, sign_ins=str(people),
    )  # fmt: skip
    shown = io.StringIO()
    tell(GOOD, record, Console(file=shown, width=100))
    ending = shown.getvalue().partition("stop it with make stop")[2]
    assert "console: http://127.0.0.1:8105" in ending
    assert [word for word in ("care_lead", "four quiet words") if word not in ending] == []


@pytest.mark.parametrize("kind", sorted(GOOD.exceptions))
def test_a_run_without_a_planned_mishap_fails(kind: str) -> None:
    quiet = {
        name: {**figures, "raised": figures["raised"] if name != kind else 0}
        for name, figures in GOOD.exceptions.items()
    }
    for exceptions in (quiet, {name: figures for name, figures in GOOD.exceptions.items() if name != kind}):
        (failure,) = replace(GOOD, exceptions=exceptions).failures
        assert "was detected" in failure


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (replace(GOOD, short_units=0), "no unit was short at the shelf"),
        (replace(GOOD, remedies={"refund:executed": 1}), "no reshipment was made"),
        (replace(GOOD, remedies={"reship:executed": 1, "refund:granted": 1}), "no refund or credit was granted"),
        (replace(GOOD, refunds_confirmed=0), "no refund was confirmed"),
        (replace(GOOD, messages_sent=0), "no message was sent to a customer"),
        (replace(GOOD, perfect_order_rate=0.31), "the perfect order rate is 31.0%, not from 60% to below 100%"),
        (replace(GOOD, kept_promise_rate=1.0), "the kept promise rate is 100.0%, not from 60% to below 100%"),
        (replace(GOOD, kept_promise_rate=None), "the kept promise rate is -, not from 60% to below 100%"),
    ],
)
def test_a_run_without_what_care_does_about_mishaps_fails(changed: Summary, said: str) -> None:
    assert changed.failures == [said]


@pytest.mark.parametrize("seed", ["doorstep", "another", "7"])
def test_every_seed_plans_each_mishap_once_for_an_order_that_nothing_else_befalls(seed: str) -> None:
    choices = {choice.reference: choice for choice in plan_orders(seed, 20, BEGIN)}
    planned = plan_mishaps(list(choices.values()))
    assert sorted(planned.values()) == sorted(Mishap)
    assert planned == plan_mishaps(plan_orders(seed, 20, BEGIN))
    for reference in planned:
        choice = choices[reference]
        assert not choice.scarce
        assert (choice.never_pays, choice.pays_at, choice.cancels_at) == (False, None, None)
    assert [mishap for mishap in Mishap if not journey_of(mishap)] == [Mishap.SHORT_PICK]
