"""The console's process: `python -m services.console api|migrate|add-staff|password-link`."""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from services.console.actions.accounts import Actor, address_of_link, make_link_for
from services.console.actions.staff import add_staff
from services.console.app import create_app
from services.console.settings import settings
from shared import migrate
from shared.auth import STAFF_ROLES, Role
from shared.db import Database, Transaction
from shared.process import prepare, run_to_end, serve


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
        choices=STAFF_ROLES,
    )
    adding.add_argument("--location", action="append", default=[], help="where they work")
    linking = verbs.add_parser("password-link", help="print a link that sets somebody's password, once, within a day")
    linking.add_argument("--login", required=True)
    arguments = parser.parse_args()
    own = settings()
    prepare("console", arguments.verb, own)
    if arguments.verb == "migrate":
        url = own.migrations_database_url or own.database_url
        migrate.upgrade(Path(__file__).parent / "migrations", url.get_secret_value())
    elif arguments.verb == "add-staff":
        password = asyncio.run(_add(arguments))
        sys.stdout.write(f"{arguments.login} signs in with: {password}\n")
    elif arguments.verb == "password-link":
        sys.stdout.write(f"{arguments.login} sets a password at: {asyncio.run(_link(arguments.login))}\n")
    else:
        run_to_end(serve(create_app(), own))


async def _add(arguments: argparse.Namespace) -> str:
    async with _transaction() as tx:
        roles = [Role(role) for role in arguments.role]
        return await add_staff(tx, arguments.login, arguments.name, roles, arguments.location)


async def _link(login: str) -> str:
    async with _transaction() as tx:
        token = await make_link_for(tx, login, Actor("command line", "command line"))
    return address_of_link(token)


@contextlib.asynccontextmanager
async def _transaction() -> AsyncIterator[Transaction]:
    database = Database(settings().database_url.get_secret_value(), pool_size=2, application="console")
    try:
        async with database.transaction("command line") as tx:
            yield tx
    finally:
        await database.close()


if __name__ == "__main__":
    main()
