"""Homes for stacks whose services are stubs, so that only the stack itself is under test."""

import contextlib
import json
import random
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypedDict

from deploy.local import control, ports, state
from deploy.local.commands import Options
from deploy.local.state import Record
from deploy.local.wish import Wish

_SPAN = 100
_DEADLINE_SECONDS = 60.0


class Call(TypedDict):
    """One start of the stub."""

    service: str
    argv: list[str]
    pid: int
    at: str


def stub_wish(home: Path, stepped_clock: str | None = None, services: tuple[str, ...] = ("orders", "care")) -> Wish:
    """Ask for a stack with stubs in the services' places, on ports nobody uses."""
    options = Options(
        services=services,
        simulator=False,
        throwaway=True,
        entry=("tests.deploy.stub_service", "{service}"),
        environment={"STUB_HOME": str(home)},
    )
    return Wish(port_base=free_base(), stepped_clock=stepped_clock, options=options)


def free_base() -> int:
    """Find a base from which all ports of a stack are free, and which no other tests choose meanwhile."""
    # Below the range from which the system itself hands out ports.
    for base in random.SystemRandom().sample(range(10_000, 30_000, _SPAN), 100):
        claim = socket.socket()
        try:
            # No process of a stack has the base itself: whoever holds it, to its end, holds the ports above.
            claim.bind(("127.0.0.1", base))
        except OSError:
            claim.close()
            continue
        claim.detach()
        if not any(ports.is_taken(port) for port in ports.fixed(base, {}).values()):
            return base
    raise AssertionError("no free range of ports")


@contextlib.contextmanager
def running(home: Path, wish: Wish) -> Iterator[Record]:
    """Run a stack for as long as the block lasts."""
    record, _ = control.up(home, wish, lambda _: None)
    try:
        yield record
    finally:
        control.down(home)


def calls(home: Path) -> list[Call]:
    """Read which stubs were started, in order."""
    return [json.loads(line) for line in (home / "calls.jsonl").read_text().splitlines()]


def recorded(home: Path) -> Record:
    """Read what the home says about itself now."""
    record = state.read(home)
    assert record is not None
    return record


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Wait until it is true."""
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {_DEADLINE_SECONDS:g} s: {what}"
        time.sleep(0.05)


@contextlib.contextmanager
def listening(port: int) -> Iterator[None]:
    """Be another program on a port."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        yield
