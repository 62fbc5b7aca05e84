"""Passwords set by a one-time link and changed by their owners; people let in and kept out by administrators."""

import os
import re
import secrets
import subprocess
import sys

import asyncpg
import httpx
import pytest

from deploy.local import names
from deploy.local.site import REPOSITORY
from deploy.local.stack import LocalStack
from tests.console.conftest import Visit
from tests.console.visitor import Visitor, text_of

GOOD = "four quiet words here"


def command(stack: LocalStack, *words: str) -> str:
    """Run a command of the console as operators do; give what it says."""
    ran = subprocess.run(  # noqa: S603 - our own argv
        [sys.executable, "-m", "services.console", *words],
        cwd=REPOSITORY,
        env={**os.environ, **stack.site.console_environment()},
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout


def add(stack: LocalStack, *roles: str) -> tuple[str, str]:
    """Let somebody new in; give login and first password."""
    login = f"p-{secrets.token_hex(4)}"
    wanted = [word for role in roles for word in ("--role", role)]
    return login, command(stack, "add-staff", "--login", login, "--name", "Nora New", *wanted).split()[-1]


def path_in(answer: httpx.Response | str) -> str:
    """Give the path of the link that sets a password."""
    found = re.search(r"/password/[\w-]{40,}", answer if isinstance(answer, str) else answer.text)
    assert found is not None
    return found[0]


async def link_for(admin: Visitor, login: str) -> str:
    """Have an administrator make a link for somebody."""
    page = (await admin.get("/people")).text
    at = page.index(f">{login}<")
    found = re.search(r'action="(/people/[0-9a-f-]{36}/link)"', page[at:])
    assert found is not None
    return path_in(await admin.post(found[1]))


async def set_password(visitor: Visitor, path: str, new: str, again: str = "") -> httpx.Response:
    """Fill in the form behind a link."""
    await visitor.get(path)
    return await visitor.post(path, {"new": new, "again": again or new})


async def test_who_forgot_their_password_sets_a_new_one_by_an_administrators_link(
    visit: Visit, stack: LocalStack
) -> None:
    login, old = add(stack, "picker")
    signed_in = await visit("")
    await signed_in.sign_in(login, old)
    path = await link_for(await visit("admin"), login)
    person = await visit("")
    assert f"For Nora New, who signs in as {login}." in await person.read(path)

    answer = await set_password(person, path, GOOD)

    assert answer.headers["location"] == "/sign-in"
    assert (await signed_in.get("/")).headers["location"] == "/sign-in", "sessions of before end"
    assert (await person.sign_in(login, old)).status_code == 401
    assert (await person.sign_in(login, GOOD)).status_code == 303


async def test_a_link_works_once_and_only_the_newest_does(visit: Visit, stack: LocalStack) -> None:
    login, _ = add(stack, "picker")
    admin = await visit("admin")
    older, newer = await link_for(admin, login), await link_for(admin, login)
    person = await visit("")
    assert (await person.get(older)).status_code == 404
    assert (await set_password(person, newer, GOOD)).status_code == 303
    for path in (older, newer, "/password/" + "x" * 43):
        again = await person.get(path)
        assert again.status_code == 404
        assert "This link was used, is too old, or was replaced by a newer one" in text_of(again)
        assert (await person.post(path, {"new": "another good one", "again": "another good one"})).status_code == 404
    assert (await person.sign_in(login, GOOD)).status_code == 303


async def test_a_link_is_over_after_a_day_and_stored_as_its_hash(visit: Visit, stack: LocalStack) -> None:
    login, _ = add(stack, "picker")
    path = await link_for(await visit("admin"), login)
    mine = "where staff_id = (select id from staff where login = $1)"
    connection = await asyncpg.connect(stack.dsn(names.CONSOLE))
    try:
        row = await connection.fetchrow(f"select * from password_link {mine}", login)
        assert row is not None
        assert row["token_hash"] not in path
        assert row["made_by"] == "admin:admin"
        assert round((row["expires_at"] - row["created_at"]).total_seconds()) == 24 * 3600
        await connection.execute(f"update password_link set expires_at = now() - interval '1 second' {mine}", login)
    finally:
        await connection.close()
    assert (await (await visit("")).get(path)).status_code == 404


async def test_a_link_goes_to_no_other_site_and_into_no_cache(visit: Visit, stack: LocalStack) -> None:
    login, _ = add(stack, "picker")
    path = await link_for(await visit("admin"), login)
    headers = (await (await visit("")).get(path)).headers
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["x-robots-tag"] == "noindex, nofollow"


async def test_operators_make_a_link_on_the_command_line(visit: Visit, stack: LocalStack) -> None:
    login, _ = add(stack, "picker")
    said = command(stack, "password-link", "--login", login.upper())
    assert f"{stack.urls[names.CONSOLE]}/password/" in said
    person = await visit("")
    assert (await set_password(person, path_in(said), GOOD)).status_code == 303
    assert (await person.sign_in(login, GOOD)).status_code == 303


@pytest.mark.parametrize(
    ("new", "again", "words"),
    [
        ("short one", "", "at least 12 letters"),
        ("aaaabbbbaaaabbbb", "", "repeats the same few letters"),
        ("Nora New Nora", "", "little more than your name"),
        (GOOD, "four other words here", "both must be the same"),
    ],
)
async def test_a_password_easily_guessed_is_not_taken_and_the_link_stays(
    visit: Visit, stack: LocalStack, new: str, again: str, words: str
) -> None:
    login, _ = add(stack, "picker")
    path = await link_for(await visit("admin"), login)
    person = await visit("")
    refused = await set_password(person, path, new, again)
    assert refused.status_code == 422
    assert words in text_of(refused)
    assert (await set_password(person, path, GOOD)).status_code == 303


async def test_who_is_locked_out_gets_in_again_with_a_new_password(visit: Visit, stack: LocalStack) -> None:
    login, _ = add(stack, "picker")
    person = await visit("")
    for _ in range(5):
        await person.sign_in(login, "not this one")
    assert (await person.sign_in(login, GOOD)).status_code == 429
    await set_password(person, await link_for(await visit("admin"), login), GOOD)
    assert (await person.sign_in(login, GOOD)).status_code == 303


async def change(visitor: Visitor, old: str, new: str) -> httpx.Response:
    await visitor.get("/account")
    return await visitor.post("/account/password", {"old": old, "new": new, "again": new})


async def test_somebody_changes_their_password_and_is_signed_out_elsewhere(visit: Visit, stack: LocalStack) -> None:
    login, old = add(stack, "support")
    here, elsewhere = await visit(""), await visit("")
    for visitor in (here, elsewhere):
        await visitor.sign_in(login, old)

    answer = await change(here, old, GOOD)

    assert answer.headers["location"] == "/account"
    assert (await here.get("/")).status_code == 200
    assert (await elsewhere.get("/")).headers["location"] == "/sign-in"
    assert (await elsewhere.sign_in(login, GOOD)).status_code == 303


async def test_the_present_password_is_needed_and_cannot_be_tried_for_ever(visit: Visit, stack: LocalStack) -> None:
    login, old = add(stack, "support")
    visitor = await visit("")
    await visitor.sign_in(login, old)
    for _ in range(5):
        wrong = await change(visitor, "not this one", GOOD)
        assert (wrong.status_code, "not your present password" in text_of(wrong)) == (401, True)
    locked = await change(visitor, old, GOOD)
    assert (locked.status_code, "Too many wrong passwords" in text_of(locked)) == (429, True)


async def test_an_administrator_lets_somebody_in_who_chooses_their_own_password(visit: Visit) -> None:
    admin = await visit("admin")
    login = f"n-{secrets.token_hex(4)}"
    await admin.get("/people")
    fields = {"login": login, "name": "Nils Neu", "roles": "support", "locations": "HAM, BER"}
    path = path_in(await admin.post("/people", fields))
    taken = await admin.post("/people", {**fields, "login": login.upper()})
    assert (taken.status_code, "can sign in already" in text_of(taken)) == (409, True)

    person = await visit("")
    await set_password(person, path, GOOD)
    await person.sign_in(login, GOOD)
    shown = await person.read("/account")

    assert "Nils Neu" in shown
    assert "HAM, BER" in shown
    assert (await person.get("/look-up")).status_code == 200


@pytest.mark.parametrize("fields", [{"roles": ""}, {"roles": "customer"}, {"login": "no spaces"}, {"login": "<b>"}])
async def test_nobody_is_let_in_without_a_role_of_staff_or_with_a_name_that_cannot_be_typed(
    visit: Visit, fields: dict[str, str]
) -> None:
    admin = await visit("admin")
    await admin.get("/people")
    login = f"n-{secrets.token_hex(4)}"
    answer = await admin.post("/people", {"login": login, "name": "Nils Neu", "roles": "support", **fields})
    assert answer.status_code == 422
    assert login not in (await admin.get("/people")).text


async def test_who_is_kept_out_is_signed_out_and_comes_back_only_when_let_in(visit: Visit, stack: LocalStack) -> None:
    login, password = add(stack, "support")
    visitor, admin = await visit(""), await visit("admin")
    await visitor.sign_in(login, password)
    page = (await admin.get("/people")).text
    found = re.search(r"/people/[0-9a-f-]{36}", page[page.index(f">{login}<") :])
    assert found is not None
    await admin.post(f"{found[0]}/disable")
    assert (await visitor.get("/")).headers["location"] == "/sign-in"
    assert (await visitor.sign_in(login, password)).status_code == 401
    refused = await admin.post(f"{found[0]}/link")
    assert (refused.status_code, "let them in again first" in text_of(refused)) == (409, True)
    await admin.post(f"{found[0]}/enable")
    assert (await visitor.sign_in(login, password)).status_code == 303


async def test_an_administrator_cannot_keep_themselves_out(visit: Visit) -> None:
    admin = await visit("admin")
    page = (await admin.get("/people")).text
    at = page.index(">admin<")
    own = page[at : page.index("</li>", at)]
    assert "Keep out" not in own
    found = re.search(r"/people/[0-9a-f-]{36}", own)
    assert found is not None
    refused = await admin.post(f"{found[0]}/disable")
    assert (refused.status_code, "cannot keep yourself out" in text_of(refused)) == (409, True)
    assert (await admin.get("/")).status_code == 200


async def test_what_is_done_to_accounts_is_on_the_audit_trail(visit: Visit, stack: LocalStack) -> None:
    login, _ = add(stack, "support")
    person = await visit("")
    await set_password(person, await link_for(await visit("admin"), login), GOOD)
    operator = await visit("operator")
    rows = re.findall(r"<tr>.*?</tr>", (await operator.get("/operations/audit")).text, re.DOTALL)
    mine = [text_of(httpx.Response(200, text=row)) for row in rows if login in row]
    assert any("admin:admin" in row and "link made" in row for row in mine)
    assert any(row.split()[2] == login and "password set" in row for row in mine)
