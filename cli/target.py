"""Which running suite the command line speaks to: the home's stack, or what the environment says."""

import getpass
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.local import control, names, state
from shared.auth import Role, mint_token
from shared.errors import ConfigurationError

STAFF_KEY = "DOORSTEP_STAFF_KEY"
ACTOR = "DOORSTEP_ACTOR"


@dataclass(frozen=True)
class Target:
    """Addresses and connections of a running suite, and the key that signs the tokens of its staff."""

    urls: dict[str, str]
    staff_key: str
    bootstrap: str
    dsns: dict[str, str]
    home: Path | None = None

    def token(self, role: Role, subject: str | None = None, minutes: int = 5) -> str:
        """Sign a token of this role in the name of whoever runs the command."""
        if not self.staff_key:
            raise ConfigurationError(
                f"no key to sign a staff token with: set {STAFF_KEY}, or start a stack: doorstep up"
            )
        return mint_token(self.staff_key, subject=subject or actor(), role=role, minutes=minutes)


def actor() -> str:
    """The name under which acts of this command line are recorded."""
    return os.environ.get(ACTOR) or getpass.getuser()


def find() -> Target:
    """Find the suite; raises ConfigurationError when nothing runs here and the environment names nothing."""
    if os.environ.get(STAFF_KEY):
        return Target(
            urls=_given(names.url),
            staff_key=os.environ[STAFF_KEY],
            bootstrap=os.environ.get(names.KAFKA_BOOTSTRAP, ""),
            dsns=_given(names.readonly_database_url),
        )
    home = control.default_home()
    record = state.read(home)
    if record is None or not record.processes:
        raise ConfigurationError(f"nothing runs in {home}; start it with: doorstep up")
    return Target(
        urls={service: record.urls[names.api_of(service)] for service in names.SERVICES},
        staff_key=Path(record.staff_key).read_text(encoding="utf-8").strip(),
        bootstrap=record.bootstrap,
        dsns=record.dsns,
        home=home,
    )


def _given(variable: Callable[[str], str]) -> dict[str, str]:
    """Give what the environment says under a service's variable, for those services of which it says anything."""
    given = {service: os.environ.get(variable(service), "") for service in names.SERVICES}
    return {service: value for service, value in given.items() if value}
