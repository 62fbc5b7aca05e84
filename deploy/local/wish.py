"""How a stack is wanted, and the file by which `up` tells the supervisor it starts."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from deploy.local import names
from deploy.local.commands import Options
from deploy.local.credentials import write_private


@dataclass(frozen=True)
class Wish:
    """How a stack is wanted."""

    port_base: int | None = None
    # Where business time begins, ISO 8601; None leaves it as it is: real, or stepped before.
    stepped_clock: str | None = None
    options: Options = field(default_factory=Options)

    def save(self, home: Path) -> None:
        """Keep it for the supervisor."""
        write_private(_path(home), json.dumps(asdict(self), indent=2))


def load(home: Path) -> Wish:
    """Read what `up` asked for."""
    document = json.loads(_path(home).read_text())
    return Wish(**{**document, "options": Options(**document["options"])})


def default_options() -> Options:
    """Give the usual stack, with the console; DOORSTEP_BROKER=kafka runs it on a real Kafka."""
    return Options(broker="kafka" if os.environ.get(names.BROKER_KIND) == "kafka" else "tansu", console=True)


def _path(home: Path) -> Path:
    return home / "wish.json"
