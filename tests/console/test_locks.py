"""What two do at once at the console's door: it happens once, or is counted for both."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Coroutine

import pytest
import pytest_asyncio

from deploy.local import names
from deploy.local.stack import LocalStack
from services.console.actions import accounts, queue, sessions, staff
from services.console.actions.accounts import Actor
from services.console.actions.queue import Wanted
from services.console.actions.sessions import Attempt
from services.console.errors import LinkUsedError, LockedOutError, WrongPasswordError
from services.console.identity import Identity
from services.console.queries import care
from services.console.settings import ConsoleSettings
from shared.auth import Role
from shared.db import Database
from shared.errors import ConflictError
from tests.twins import refuse_twin
from tests.waiting import until_waiting


@pytest_asyncio.fixture
async def database(stack: LocalStack) -> AsyncIterator[Database]:
    """The console's database."""
    opened = Database(stack.dsn(names.CONSOLE, "admin"), pool_size=4)
    yield opened
    await opened.close()


@pytest.fixture
def settings(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> ConsoleSettings:
    """How the running console is set."""
    for name, value in stack.site.console_environment().items():
        monkeypatch.setenv(name, value)
    return ConsoleSettings()


async def both(database: Database, lock: str, acts: list[Coroutine[None, None, str]], *values: object) -> list[object]:
    """Let two act, both of whom need what is locked, until both wait; give what each was told then."""
    async with database.transaction() as tx:
        await tx.execute(lock, *values)
        tasks = [asyncio.create_task(act) for act in acts]
        await until_waiting(database, 2)
    return list(await asyncio.gather(*tasks, return_exceptions=True))


async def test_a_first_sign_in_through_the_provider_from_two_browsers_makes_one_account(
    database: Database, settings: ConsoleSettings
) -> None:
    tag = secrets.token_hex(4)
    who = Identity(key=f"https://id.example sub-{tag}", login=f"olga-{tag}", name="Olga Outside", roles=[Role.PICKER])
    acts = [sessions.sign_in_by_provider(database, who, "192.0.2.1", settings) for _ in range(2)]

    first, second = await both(database, "lock table staff in share mode", acts)

    assert [type(token) for token in (first, second)] == [str, str]
    assert first != second


async def test_a_link_that_two_use_at_once_sets_one_password(database: Database) -> None:
    login = f"p-{secrets.token_hex(4)}"
    async with database.transaction() as tx:
        person = await staff.add_without_password(tx, login, "Nora New", [Role.PICKER], [])
        token = await accounts.make_link(tx, person.id, Actor("admin:ada", "192.0.2.1"))
    acts = [
        accounts.set_by_link(database, token, password, "192.0.2.1")
        for password in ("four quiet words here", "five other words are there")
    ]

    told = await both(database, "select from staff where login = $1 for no key update", acts, login)

    assert sorted(type(one).__name__ for one in told) == [LinkUsedError.__name__, "str"]


async def test_wrong_passwords_tried_at_once_are_counted_each(database: Database, settings: ConsoleSettings) -> None:
    attempt = Attempt(f"p-{secrets.token_hex(4)}", "not this one", f"192.0.2.{secrets.token_hex(4)}")
    for _ in range(settings.attempts_per_login - 1):
        with pytest.raises(WrongPasswordError):
            await sessions.sign_in(database, attempt, settings)
    acts = [sessions.sign_in(database, attempt, settings) for _ in range(2)]

    told = await both(database, "lock table sign_in in share mode", acts)

    assert sorted(type(one).__name__ for one in told) == [LockedOutError.__name__, WrongPasswordError.__name__]


async def test_a_login_that_two_give_at_once_is_one_persons(database: Database) -> None:
    login = f"p-{secrets.token_hex(4)}"

    async def add(written: str) -> str:
        async with database.transaction() as tx:
            return (await staff.add_without_password(tx, written, "Nora New", [Role.PICKER], [])).login

    told = await both(database, "lock table staff in share mode", [add(login), add(login.upper())])

    assert sorted(type(one).__name__ for one in told) == [ConflictError.__name__, "str"]


async def test_a_view_that_one_saves_twice_at_once_is_one_view(database: Database) -> None:
    async with database.transaction() as tx:
        person = await staff.add_without_password(tx, f"p-{secrets.token_hex(4)}", "Nora New", [Role.SUPPORT], [])

    async def save(kind: str) -> str:
        async with database.transaction() as tx:
            await queue.save_view(tx, person.id, "mine", Wanted(kind=kind))
        return kind

    told = await both(database, "lock table saved_view in share mode", [save("damage"), save("lost")])

    assert told == ["damage", "lost"]
    async with database.transaction() as tx:
        assert [view.name for view in await care.list_views(tx, person.id)] == ["mine"]


async def test_a_person_has_one_account_at_the_provider_and_one_view_of_a_name(database: Database) -> None:
    async with database.transaction() as tx:
        login = f"p-{secrets.token_hex(4)}"
        person = await staff.add_without_password(tx, login, "Nora New", [Role.PICKER], [])
        person.identity = f"https://id.example sub-{login}"
        await queue.save_view(tx, person.id, "mine", Wanted())
    await refuse_twin(database, "staff_identity_key", "staff", {"id": person.id}, login=f"{login}-again")
    await refuse_twin(database, "saved_view_staff_id_name_key", "saved_view", {"staff_id": person.id})
