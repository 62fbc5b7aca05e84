"""Starting and stopping a stack: data stays, leftovers go, and every refusal says what to do."""

import asyncio
import os
import signal
import stat
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from deploy.local import components, control, names, ports, state, stepped_clock
from deploy.local.credentials import load_or_create
from deploy.local.errors import ComponentMissingError, PortTakenError, StackError
from deploy.local.processes import Child, Command, Mark
from deploy.local.site import Site
from tests.deploy.homes import calls, listening, recorded, running, stub_wish, wait_for


def _run_sql(home: Path, statement: str) -> list[asyncpg.Record]:
    async def run() -> list[asyncpg.Record]:
        site = Site(home, recorded(home).ports, load_or_create(home))
        connection = await asyncpg.connect(site.dsn("orders", "owner"))
        try:
            return list(await connection.fetch(statement))
        finally:
            await connection.close()

    return asyncio.run(run())


def test_down_and_up_again_keep_the_data_and_the_keys(tmp_path: Path) -> None:
    wish = stub_wish(tmp_path)
    with running(tmp_path, wish):
        secrets = (tmp_path / "secrets.json").read_text()
        _run_sql(tmp_path, "CREATE TABLE kept AS SELECT 42 AS answer")
    assert not any(control.status(tmp_path).values())
    with running(tmp_path, wish):
        assert _run_sql(tmp_path, "SELECT answer FROM kept")[0]["answer"] == 42
        assert (tmp_path / "secrets.json").read_text() == secrets
        replays = [call["argv"] for call in calls(tmp_path) if call["argv"][0] == "replay"]
        assert len(replays) == len(wish.options.services), "what the broker forgot over the stop is published again"


def test_up_twice_starts_nothing_twice_keeps_secrets_private_and_down_is_quick(tmp_path: Path) -> None:
    wish = stub_wish(tmp_path)
    with running(tmp_path, wish) as first:
        second, was_running = control.up(tmp_path, wish, lambda _: None)
        assert was_running
        assert second.processes == first.processes
        assert all(control.status(tmp_path).values())
        for name in ("secrets.json", "stack.json", "keys/staff.key"):
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        with pytest.raises(StackError, match="another supervisor"):
            control.supervise(tmp_path, wish)
        began = time.monotonic()
        control.down(tmp_path)
        assert time.monotonic() - began < 10
    assert control.down(tmp_path) == []


def test_up_after_the_supervisor_was_killed_stops_the_orphans_first(tmp_path: Path) -> None:
    wish = stub_wish(tmp_path)
    with running(tmp_path, wish) as first:
        _run_sql(tmp_path, "CREATE TABLE kept AS SELECT 42 AS answer")
        assert first.owner is not None
        os.kill(first.owner.pid, signal.SIGKILL)
        wait_for(lambda: not recorded(tmp_path).is_owned, "the supervisor is gone")
        assert all(mark.is_alive() for mark in first.processes.values())
    with running(tmp_path, wish):
        assert not any(mark.is_alive() for mark in first.processes.values())
        assert _run_sql(tmp_path, "SELECT answer FROM kept")[0]["answer"] == 42


def test_a_home_once_stepped_stays_stepped(tmp_path: Path) -> None:
    stepped_clock.begin(tmp_path / "clock", "2026-03-01T08:00:00")
    site = Site(tmp_path, ports.fixed(None, {}), load_or_create(tmp_path))
    assert site.platform_environment()[names.CLOCK_FILE] == str(tmp_path / "clock")
    with pytest.raises(StackError, match="is no time"):
        stepped_clock.begin(tmp_path / "clock", "soon")


async def test_leftovers_are_stopped_but_a_pid_another_program_has_by_now_is_left_alone(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", "import time; time.sleep(600)"]
    ours, foreign = (Child(Command(name=name, argv=argv, log=tmp_path / name)) for name in ("ours", "foreign"))
    try:
        mark, other = ours.mark(), foreign.mark()
        assert mark is not None
        assert other is not None
        stale = replace(other, started="1")
        site = Site(tmp_path, ports.fixed(None, {}), load_or_create(tmp_path))
        gone = Mark(os.getpid(), "1", "a supervisor of old")
        state.write(site, state.Running(gone, {"orders-api": mark, "care-api": stale}, [], ready=True))
        assert await state.stop_leftovers(tmp_path) == ["orders-api"]
        assert not ours.is_running
        assert foreign.is_running
    finally:
        await ours.stop()
        await foreign.stop()


def test_a_taken_port_is_named_with_its_process_and_its_variable(tmp_path: Path) -> None:
    wish = stub_wish(tmp_path)
    port = ports.fixed(wish.port_base, {})["orders-api"]
    with listening(port), pytest.raises(StackError) as refused:
        control.up(tmp_path, wish, lambda _: None)
    for part in (str(port), "orders-api", "DOORSTEP_PORT_ORDERS_API", "--port-base"):
        assert part in str(refused.value)
    assert not any(control.status(tmp_path).values())


def test_a_port_can_be_set_alone_and_all_moved_at_once() -> None:
    environment = {"DOORSTEP_PORT_BASE": "9000", "DOORSTEP_PORT_POSTGRES": "5555"}
    chosen = ports.fixed(None, environment)
    assert chosen["orders-api"] == 9001
    assert chosen["care-worker"] == 9014
    assert chosen[names.POSTGRES] == 5555
    with pytest.raises(StackError, match="DOORSTEP_PORT_BASE='many'"):
        ports.fixed(None, {"DOORSTEP_PORT_BASE": "many"})
    with listening(chosen["care-api"]), pytest.raises(PortTakenError, match="care-api"):
        ports.check_free(chosen, ["care-api"])


def test_a_missing_component_is_named_with_the_extra_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(components.POSTGRES_DIRECTORY, str(tmp_path / "nowhere"))
    with pytest.raises(StackError, match=r"PostgreSQL is missing.*\n.*doorstep\[local\]"):
        control.up(tmp_path / "home", stub_wish(tmp_path), lambda _: None)
    monkeypatch.setenv(components.BROKER_BINARY, str(tmp_path / "nowhere"))
    with pytest.raises(ComponentMissingError, match=r"broker is missing.*\n.*doorstep\[local\]"):
        components.broker_binary()
    with pytest.raises(ComponentMissingError, match="needed for this"):
        components.system_program("no-such-program", "needed for this")


def test_reset_deletes_a_home_and_nothing_else(tmp_path: Path) -> None:
    home = tmp_path / "home"
    control.up(home, stub_wish(tmp_path), lambda _: None)
    control.reset(home)
    assert not home.exists()
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").write_text("dear")
    with pytest.raises(StackError, match="does not look like"):
        control.reset(other)
    assert (other / "letter.txt").exists()


def test_a_stepped_clock_persists_and_never_goes_back(tmp_path: Path) -> None:
    with running(tmp_path, stub_wish(tmp_path, "2026-03-01T08:00:00Z")) as record:
        assert _time_of(Path(record.clock_file)) == "2026-03-01T08:00:00+00:00"
    with running(tmp_path, stub_wish(tmp_path, "2026-01-01T08:00:00Z")) as record:
        assert _time_of(Path(record.clock_file)) == "2026-03-01T08:00:00+00:00"


def _time_of(path: Path) -> str:
    microseconds = int.from_bytes(path.read_bytes(), "little")
    return datetime.fromtimestamp(microseconds / 1e6, tz=UTC).isoformat()
