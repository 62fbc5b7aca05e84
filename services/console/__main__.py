"""The console's process: `python -m services.console api|migrate|add-staff`."""

import argparse
import asyncio
import sys
from pathlib import Path

from services.console.actions.staff import add_staff
from services.console.app import create_app
from services.console.settings import settings
from shared import migrate
from shared.auth import Role
from shared.db import Database
from shared.process import prepare, run_to_end, serve

_ROLES = [role for role in Role if role not in {Role.SERVICE, Role.CUSTOMER}]


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m services.console")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("api", help="serve the pages")
    verbs.add_parser("migrate", help="bring the database up to date")
    adding = verbs.add_parser("add-staff", help="let somebody sign in; prints a first password")
    adding.add_argument("--login", required=True)
    adding.add_argument("--name", required=True)
    adding.add_argument(
        "--role",
        required=True,
        action="append",
        choices=_ROLES,
    )
    adding.add_argument("--location", action="append", default=[], help="where they work")
    arguments = parser.parse_args()
    own = settings()
    prepare("console", arguments.verb, own)
    if arguments.verb == "migrate":
        url = own.migrations_database_url or own.database_url
        migrate.upgrade(Path(__file__).parent / "migrations", url.get_secret_value())
    elif arguments.verb == "add-staff":
        password = asyncio.run(_add(arguments))
        sys.stdout.write(f"{arguments.login} signs in with: {password}\n")
    else:
        run_to_end(serve(create_app(), own))


async def _add(arguments: argparse.Namespace) -> str:
    database = Database(settings().database_url.get_secret_value(), pool_size=2, application="console")
    try:
        async with database.transaction("command line") as tx:
            roles = [Role(role) for role in arguments.role]
            return await add_staff(tx, arguments.login, arguments.name, roles, arguments.location)
    finally:
        await database.close()


if __name__ == "__main__":
    main()
