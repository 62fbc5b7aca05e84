"""The file that tells others, and the next start, what of a stack runs where."""

import json
import signal
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.local import names
from deploy.local.credentials import sign_ins_path, staff_key_path, write_private
from deploy.local.processes import Mark, stop_marked
from deploy.local.site import Site

_STOP_SECONDS = 10.0


@dataclass(frozen=True)
class Record:
    """What stack.json holds; it carries passwords within the connections, so only its owner reads it."""

    owner: Mark | None
    processes: dict[str, Mark]
    ports: dict[str, int]
    urls: dict[str, str]
    dsns: dict[str, str]
    bootstrap: str
    staff_key: str
    clock_file: str
    mail: str
    ready: bool
    # The file with the console's sign-ins; empty where there is no console.
    sign_ins: str = ""

    @property
    def is_owned(self) -> bool:
        """Say whether the process that started all this still watches over it."""
        return self.owner is not None and self.owner.is_alive()


def path_of(home: Path) -> Path:
    """Say where the record of a home is."""
    return home / "stack.json"


@dataclass(frozen=True)
class Running:
    """What of a stack runs now."""

    owner: Mark | None
    marks: Mapping[str, Mark]
    # Those that speak HTTP, whether or not they are up at this moment.
    speaking: Sequence[str]
    ready: bool


def write(site: Site, running: Running) -> None:
    """Record what runs now."""
    record = Record(
        owner=running.owner,
        processes=dict(running.marks),
        ports=site.ports,
        urls={process: site.url(process) for process in running.speaking},
        dsns={service: site.dsn(service, "readonly") for service in names.SERVICES},
        bootstrap=site.bootstrap,
        staff_key=str(staff_key_path(site.home)),
        clock_file=str(site.clock_file) if site.clock_file.exists() else "",
        mail=str(site.mail),
        ready=running.ready,
        sign_ins=str(sign_ins_path(site.home)) if names.CONSOLE in running.speaking else "",
    )
    write_private(path_of(site.home), json.dumps(asdict(record), indent=2))


def read(home: Path) -> Record | None:
    """Read what was recorded last; None when nothing was."""
    try:
        document = json.loads(path_of(home).read_text())
    except FileNotFoundError:
        return None
    owner = document.pop("owner")
    processes = document.pop("processes")
    return Record(
        **document,
        owner=Mark(**owner) if owner is not None else None,
        processes={name: Mark(**mark) for name, mark in processes.items()},
    )


async def stop_leftovers(home: Path) -> list[str]:
    """Stop what a killed owner left running, services before what they need; returns their names."""
    record = read(home)
    if record is None or record.is_owned:
        return []
    alive = {name: mark for name, mark in record.processes.items() if mark.is_alive()}
    database = alive.get(names.POSTGRES)
    others = [mark for name, mark in alive.items() if name != names.POSTGRES]
    await stop_marked(others, _STOP_SECONDS)
    if database is not None:
        await stop_marked([database], _STOP_SECONDS, first=signal.SIGINT)
    return sorted(alive)
