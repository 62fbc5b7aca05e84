"""The databases are restored to different minutes, by the commands of docs/runbook/backup-and-restore.md."""

import asyncio
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from deploy.local import names
from deploy.local.components import postgres_directory
from deploy.local.stack import LocalStack
from shared import clock
from tests.broker import BROKER
from tests.faults.crowd import Crowd
from tests.faults.test_deaths_in_mid_journey import DAMAGED, DELIVERED, SCANNED
from tests.journeys.shop import DAY, Json, PlacedOrder

# From who only listens to who is listened to most.
DUMPED = ("care", "shipping", "inventory", "orders")
PAUSED = ("intake", "webhooks", "booking", "polling", "messages", "automatic_remedies")
RUNBOOK = Path(__file__).resolve().parents[2] / "docs" / "runbook" / "backup-and-restore.md"
_COMMAND_SECONDS = 120
_MENDED_IN = 3


@pytest.mark.broker
@pytest.mark.timeout(600)
async def test_databases_restored_to_different_minutes_come_to_one_state_by_the_runbook(
    stepped_stack: LocalStack, crowd: Crowd, tmp_path: Path
) -> None:
    """F24: dumped under load, a few orders after each other, and a few before the disaster."""
    since = clock.real() - timedelta(minutes=5)
    async with crowd.posting():
        for service in DUMPED:
            await crowd.see_acknowledged(8)
            await dump(stepped_stack, crowd, service, tmp_path)
        await crowd.see_acknowledged(8)
    before = len(crowd.history())

    await restore(stepped_stack, crowd, tmp_path)
    crowd.topics_are_new = True
    await start_in_another_epoch(stepped_stack, since)
    await crowd.shop.driver.rest()
    lost = [entry for entry in crowd.history() if await crowd.look_up(entry[0]) == []]
    assert 0 < len(lost) < before

    await _doorstep(stepped_stack, "resume", "intake", "--reason", "restored")
    assert sorted(await crowd.do_again(lost)) == sorted(reference for reference, _ in lost)
    for kind in PAUSED[1:]:
        await _doorstep(stepped_stack, "resume", kind, "--reason", "restored")
    assert [(name, order) for name, order in crowd.history() if await crowd.look_up(name) != [order]] == []
    async with crowd.posting():
        await crowd.see_acknowledged(8)
    await crowd.verify()
    await _doorstep(stepped_stack, "check", "--repair-plan")


@pytest.mark.broker
@pytest.mark.timeout(600)
async def test_labels_and_mails_of_after_the_backups_are_known_again_by_the_runbook(
    stepped_stack: LocalStack, crowd: Crowd, tmp_path: Path
) -> None:
    """F24: parcels were labelled, left and broke, customers were told, and only orders and inventory remember."""
    shop, since = crowd.shop, clock.real() - timedelta(minutes=5)
    await shop.until_morning()
    orders = [await placed(crowd, SCANNED, journey) for journey in (DELIVERED, DAMAGED)]
    await shop.driver.rest()
    dumped_at = clock.now()
    for service in DUMPED[:2]:
        await dump(stepped_stack, crowd, service, tmp_path)
    await shop.ship()
    orders.append(await placed(crowd, SCANNED, DELIVERED))
    await shop.driver.rest()
    await shop.pick()
    await shop.pack()  # and still on the dock
    await shop.step(DAY)
    sold, told = [await _sold(stepped_stack, order) for order in orders], mails(stepped_stack)
    assert [len(numbers) for numbers in sold] == [1, 1, 1]
    assert told
    for service in DUMPED[2:]:
        await dump(stepped_stack, crowd, service, tmp_path)

    await restore(stepped_stack, crowd, tmp_path)
    crowd.topics_are_new = True
    await start_in_another_epoch(stepped_stack, since)
    await shop.driver.rest()
    await reconcile(stepped_stack, dumped_at)
    await shop.driver.rest()
    await tell_what_left(stepped_stack, told, tmp_path / "mail.log")
    await shop.step(DAY * 3)
    await _mend(stepped_stack)

    await crowd.verify()
    assert [await _sold(stepped_stack, order) for order in orders] == sold
    assert sorted(set(told)) == sorted(told)
    assert sorted(set(mails(stepped_stack))) == sorted(mails(stepped_stack))


async def reconcile(stack: LocalStack, dumped_at: datetime) -> None:
    moment = dumped_at.replace(tzinfo=None).isoformat(timespec="seconds")
    await _doorstep(stack, "shipments", "reconcile", "--since", moment, "--reason", "restore")
    for kind in ("booking", "polling", "webhooks", "automatic_remedies"):
        await _doorstep(stack, "resume", kind, "--reason", "restored")


async def tell_what_left(stack: LocalStack, told: Sequence[str], log: Path) -> None:
    _write_log(log, told)
    await _doorstep(stack, "messages", "left", str(log), "--reason", "restored")
    for kind in ("messages", "intake"):
        await _doorstep(stack, "resume", kind, "--reason", "restored")


def _write_log(log: Path, told: Sequence[str]) -> None:
    log.write_text("\n".join(f"postfix/cleanup[7]: message-id={one}" for one in told))


async def _mend(stack: LocalStack) -> None:
    """Do what the check proposes, until it is clean."""
    argv = (sys.executable, "-m", "cli.main", "check", "--repair-plan", "--json")
    for _ in range(_MENDED_IN):
        done = await asyncio.to_thread(_run_now, argv, stack.site.home)
        if done.returncode == 0:
            return
        for command in sorted({repair["commands"][-1] for repair in json.loads(done.stdout)["repairs"]}):
            await _doorstep(stack, *shlex.split(command)[1:])


async def placed(crowd: Crowd, *steps: Json) -> PlacedOrder:
    body = crowd.shop.draft(1)
    order = PlacedOrder(crowd.shop, await crowd.place(body), str(body["reference"]))
    await crowd.shop.script(order, *steps)
    return order


async def _sold(stack: LocalStack, order: PlacedOrder) -> list[str]:
    """Ask the carrier for the numbers of the labels that an order's parcels have and that were not given back."""
    async with httpx.AsyncClient(base_url=stack.urls[names.SIMULATOR], trust_env=False) as client:
        answer = await client.get("/simulator/parcels", params={"print_custom_1": order.reference})
    return [str(one["tracking_code"]) for one in answer.raise_for_status().json()["parcels"]]


def mails(stack: LocalStack) -> list[str]:
    """Give the Message-ID of each mail that left."""
    mails = (mail.read_text() for mail in sorted(stack.site.mail.glob("*.eml")))
    return [line.partition(": ")[2] for mail in mails for line in mail.splitlines() if line.startswith("Message-ID:")]


async def dump(stack: LocalStack, crowd: Crowd, service: str, to: Path) -> None:
    crowd.answers_kept.dumped(service)
    dsn = stack.dsn(service, "admin")
    await _run(_program("pg_dump"), "--format=custom", f"--file={to / service}", dsn)


async def restore(stack: LocalStack, crowd: Crowd, dumps: Path) -> None:
    """Stop all that works on the databases, delete the broker's topics, and restore each database."""
    await stack.stop_processes([*stack.workers, *stack.apis])
    if BROKER == "kafka":  # the embedded one forgets them when it stops
        admin = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap)
        await admin.start()
        await admin.delete_topics(list(names.TOPICS))
        await admin.close()
    await stack.stop_processes([names.BROKER])
    for service in DUMPED:
        await _run(_program("pg_restore"), "--clean", "--if-exists", "--create", "--exit-on-error",
                   f"--dbname={stack.site.admin_dsn}", str(dumps / service))  # fmt: skip
    crowd.answers_kept.restored()
    crowd.outcome.healed()


async def start_in_another_epoch(stack: LocalStack, since: datetime) -> None:
    """Start all but outside work, and have told again what the oldest dump may lack, before anything new is."""
    former = stack.options.environment
    settings = [f"{service.upper()}_PRODUCER_EPOCH" for service in names.SERVICES]
    raised = {name: str(int(former.get(name, 1)) + 1) for name in settings}
    stack.options = replace(stack.options, environment={**former, **raised})
    await stack.restart(names.BROKER)
    await stack.start_processes(stack.apis)
    stack.record(ready=True)
    for kind in PAUSED:
        await _doorstep(stack, "pause", kind, "--reason", "restore")
    moment = since.replace(tzinfo=None).isoformat(timespec="seconds")
    await _doorstep(stack, "replay", "--since", moment, "--reason", "restore")
    await stack.start_processes(stack.workers)
    stack.record(ready=True)


def test_the_runbook_names_the_commands_that_the_test_follows() -> None:
    told = RUNBOOK.read_text()

    assert [kind for kind in PAUSED if f"doorstep pause {kind}" not in told] == []
    assert "for service in care shipping inventory orders" in told
    for said in (
        "doorstep replay --since",
        "doorstep resume intake",
        "doorstep check --repair-plan",
        "doorstep shipments reconcile",
        "doorstep messages left",
        "doorstep orders exceptions",
        "_PRODUCER_EPOCH",
    ):
        assert said in told


async def _doorstep(stack: LocalStack, *words: str) -> None:
    await _run(sys.executable, "-m", "cli.main", *words, home=stack.site.home)


def _program(name: str) -> str:
    return str(postgres_directory() / name)


async def _run(*argv: str, home: Path | None = None) -> None:
    """Run a command to its end; its output is the failure's."""
    done = await asyncio.to_thread(_run_now, argv, home)
    assert done.returncode == 0, f"{argv[:4]}: {done.stdout}{done.stderr}"


def _run_now(argv: Sequence[str], home: Path | None) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, **({names.HOME: str(home)} if home is not None else {})}
    return subprocess.run(  # noqa: S603 - our own argv
        list(argv), capture_output=True, text=True, check=False, env=environment, timeout=_COMMAND_SECONDS
    )
