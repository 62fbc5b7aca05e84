"""A real Kafka of its own, outside any stack: python -m deploy.local.kafka_server up|down."""

import asyncio
import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from deploy.local import broker, kafka_server, names, ports, site, topics
from deploy.local.errors import StackError
from deploy.local.processes import Child, Mark, stop_marked

_READY_SECONDS = 60.0
_STOP_SECONDS = 15.0
# The ports Kafka usually has.
_USUAL_PORTS = {"KAFKA": 9092, "KAFKA_CONTROLLER": 9093}


async def up(home: Path) -> str:
    """Start it with the suite's topics and leave it running; gives its address."""
    port, controller = (ports.number(names.port_override(name), usual) for name, usual in _USUAL_PORTS.items())
    address = f"127.0.0.1:{port}"
    running = _read(home)
    if running is not None and running.is_alive():
        return address
    taken = [number for number in (port, controller) if ports.is_taken(number)]
    if taken:
        wanted = " and ".join(names.port_override(name) for name in _USUAL_PORTS)
        raise StackError(f"port {taken[0]} is taken by another program; set {wanted} to free ones")
    await asyncio.to_thread(kafka_server.prepare, home, port, controller)
    child = Child(kafka_server.command(home, home / "server.log"))
    await child.wait_ready(lambda: broker.is_ready(port), _READY_SECONDS)
    await topics.create(address)
    mark = child.mark()
    _path(home).write_text(json.dumps(asdict(mark) if mark is not None else None))
    child.let_go()
    return address


async def down(home: Path) -> bool:
    """Stop it; False when it did not run."""
    mark = _read(home)
    if mark is None or not mark.is_alive():
        return False
    await stop_marked([mark], _STOP_SECONDS, first=signal.SIGTERM)
    return True


def main() -> None:
    """Do what the command line says."""
    home = Path(os.environ.get(names.HOME) or site.REPOSITORY / ".doorstep").resolve() / "kafka-alone"
    try:
        match sys.argv[1:]:
            case ["up"]:
                message = f"Kafka runs at {asyncio.run(up(home))}"
            case ["down"]:
                message = "Kafka is stopped" if asyncio.run(down(home)) else "Kafka was not running"
            case _:
                sys.exit("usage: python -m deploy.local.kafka_server up|down")
    except StackError as error:
        sys.exit(str(error))
    sys.stdout.write(message + "\n")


def _path(home: Path) -> Path:
    return home / "server.json"


def _read(home: Path) -> Mark | None:
    try:
        document = json.loads(_path(home).read_text())
    except FileNotFoundError:
        return None
    return Mark(**document) if document is not None else None
