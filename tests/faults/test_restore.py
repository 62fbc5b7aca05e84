"""The databases are restored to different minutes, by the commands of docs/runbook/backup-and-restore.md."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from deploy.local import names
from deploy.local.components import postgres_directory
from deploy.local.stack import LocalStack
from shared import clock
from tests.faults.crowd import Crowd, rows

# From who only listens to who is listened to most.
DUMPED = ("care", "shipping", "inventory", "orders")
PAUSED = ("intake", "webhooks", "booking", "polling", "messages", "automatic_remedies")
RUNBOOK = Path(__file__).resolve().parents[2] / "docs" / "runbook" / "backup-and-restore.md"
EPOCH = 2
_COMMAND_SECONDS = 120


@pytest.mark.timeout(600)
async def test_databases_restored_to_different_minutes_come_to_one_state_by_the_runbook(
    stepped_stack: LocalStack, crowd: Crowd, tmp_path: Path
) -> None:
    """F24: dumped under load, a few orders after each other, and a few before the disaster."""
    since = clock.real() - timedelta(minutes=5)
    async with crowd.posting():
        for service in DUMPED:
            await crowd.see_acknowledged(8)
            await _run(_program("pg_dump"), "--format=custom", f"--file={tmp_path / service}",
                       stepped_stack.dsn(service, "admin"))  # fmt: skip
        await crowd.see_acknowledged(8)
    before = len(crowd.history())

    await stepped_stack.stop_processes([*stepped_stack.workers, *stepped_stack.apis, names.BROKER])
    for service in DUMPED:
        await _run(_program("pg_restore"), "--clean", "--if-exists", "--create", "--exit-on-error",
                   f"--dbname={stepped_stack.site.admin_dsn}", str(tmp_path / service))  # fmt: skip
    lost = [entry for entry in crowd.history() if not await _is_there(stepped_stack, entry[1])]
    assert 0 < len(lost) < before
    await _start_in_another_epoch(stepped_stack, since)
    await crowd.shop.driver.rest()

    await _doorstep(stepped_stack, "resume", "intake", "--reason", "restored")
    assert sorted(await crowd.post_again(lost)) == sorted(reference for reference, _ in lost)
    for kind in PAUSED[1:]:
        await _doorstep(stepped_stack, "resume", kind, "--reason", "restored")
    async with crowd.posting():
        await crowd.see_acknowledged(8)
    await crowd.verify()
    await _doorstep(stepped_stack, "check", "--repair-plan")


async def _start_in_another_epoch(stack: LocalStack, since: datetime) -> None:
    """Start all but outside work, and have told again what the oldest dump may lack, before anything new is."""
    raised = {f"{service.upper()}_PRODUCER_EPOCH": str(EPOCH) for service in names.SERVICES}
    stack.options = replace(stack.options, environment={**stack.options.environment, **raised})
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
        "_PRODUCER_EPOCH",
    ):
        assert said in told


async def _is_there(stack: LocalStack, order_id: str) -> bool:
    return bool(await rows(stack, "orders", "select 1 from orders where id::text = $1", order_id))


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
