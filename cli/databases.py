"""Bringing the databases up to date."""

import os
import subprocess
import sys

from cli import client, show
from cli.options import Json
from deploy.local import control, names, state
from deploy.local.commands import Options, migrations_command
from deploy.local.credentials import load_or_create
from deploy.local.site import REPOSITORY, Site


def migrate(as_json: Json = False) -> None:
    """Bring every service's database to the newest schema; what is new already is left alone."""
    done = subprocess.run(  # noqa: S603 - our own argv
        [sys.executable, "-m", "deploy.local.migrations", *names.DATABASES],
        cwd=REPOSITORY,
        env={**os.environ, **_connections()},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        client.fail(f"the databases are not up to date:\n{done.stderr.strip()[-2000:]}")
    show.done({"migrated": [*names.DATABASES]}, "all databases are up to date", json=as_json)


def _connections() -> dict[str, str]:
    """Whatever the environment names as the owners' connections, else those of the home's stack."""
    if all(os.environ.get(names.migrations_database_url(service)) for service in names.DATABASES):
        return {}
    home = control.default_home()
    record = state.read(home)
    if record is None or not record.processes:
        wanted = ", ".join(names.migrations_database_url(service) for service in names.DATABASES)
        client.fail(f"nothing runs in {home}; start it with: doorstep up (or set {wanted})", client.UNREACHABLE)
    site = Site(home, record.ports, load_or_create(home))
    return dict(migrations_command(site, Options(console=True)).environment)
