"""Which port each process of the stack listens on, and whether it is free."""

import os
import socket
import sys
from collections.abc import Iterable, Mapping

from deploy.local import names
from deploy.local.errors import PortTakenError, StackError

DEFAULT_BASE = 8100
_HIGHEST = 65535
_OFFSETS: dict[str, int] = {
    **{names.api_of(service): 1 + index for index, service in enumerate(names.SERVICES)},
    names.CONSOLE: 5,
    **{names.worker_of(service): 11 + index for index, service in enumerate(names.SERVICES)},
    names.SIMULATOR: 9,
    names.MAILBOX: 25,
    names.POSTGRES: 32,
    names.BROKER: 92,
    names.CONTROLLER: 93,
}

Ports = dict[str, int]


def fixed(base: int | None = None, environment: Mapping[str, str] = os.environ) -> Ports:
    """Give every process its port: base plus offset, unless an environment variable sets it."""
    start = base if base is not None else number(names.PORT_BASE, DEFAULT_BASE, environment)
    return {
        process: number(names.port_override(process), start + offset, environment)
        for process, offset in _OFFSETS.items()
    }


def free() -> Ports:
    """Give every process a port of its own that stays this program's until its end."""
    return {process: reserve() for process in _OFFSETS}


def reserve() -> int:
    """Give a free port that the system gives to no other program until this one ends (on Linux)."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("127.0.0.1", 0))
    port = int(one.getsockname()[1])
    if sys.platform == "linux":
        # Bound but not listening, to this program's end. A child, which may use the address again, can listen
        # there; nobody else is given the port meanwhile, not even while the child restarts.
        one.detach()
    else:
        one.close()
    return port


def is_taken(port: int) -> bool:
    """Say whether another program listens on the port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def check_free(ports: Ports, processes: Iterable[str]) -> None:
    """Raise PortTakenError naming every taken port, whose it is to be, and how to choose another."""
    taken = [(process, ports[process]) for process in processes if is_taken(ports[process])]
    if not taken:
        return
    lines = [
        f"port {port} for {process} is taken by another program; set {names.port_override(process)} to another"
        for process, port in taken
    ]
    lines.append(f"or move all ports at once: --port-base N or {names.PORT_BASE}=N (default {DEFAULT_BASE})")
    raise PortTakenError("\n".join(lines))


def number(name: str, default: int, environment: Mapping[str, str] = os.environ) -> int:
    """Read a port from an environment variable; raises StackError when it is none."""
    text = environment.get(name, "").strip()
    if not text:
        return default
    if not text.isdigit() or not 0 < int(text) <= _HIGHEST:
        raise StackError(f"{name}={text!r} is not a port: expected a whole number from 1 to {_HIGHEST}")
    return int(text)
