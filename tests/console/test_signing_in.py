"""Getting in: who may, how often one may be wrong, what the browser is told to keep to itself."""

import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from http.cookies import SimpleCookie

import asyncpg
import pytest

from deploy.local import names
from deploy.local.site import REPOSITORY
from deploy.local.stack import LocalStack
from tests.console.conftest import Visit
from tests.console.visitor import Visitor, text_of

pytestmark = pytest.mark.security(14)

AddPerson = Callable[..., tuple[str, str]]


@pytest.fixture
def add_person(stack: LocalStack) -> AddPerson:
    """Let a new person sign in, by the command that operators use; gives login and password."""

    def add(*roles: str) -> tuple[str, str]:
        login = f"p-{secrets.token_hex(4)}"
        wanted = [word for role in roles for word in ("--role", role)]
        ran = subprocess.run(  # noqa: S603 - our own argv
            [sys.executable, "-m", "services.console", "add-staff", "--login", login, "--name", "Nora New", *wanted],
            cwd=REPOSITORY,
            env={**os.environ, **stack.site.console_environment()},
            capture_output=True,
            text=True,
            check=True,
        )
        return login, ran.stdout.split()[-1]

    return add


async def test_somebody_signs_in_works_and_signs_out(visit: Visit) -> None:
    visitor = await visit("support")
    assert "Hello, Sofia Support" in await visitor.read("/")

    left = await visitor.post("/sign-out")

    assert left.headers["location"] == "/sign-in"
    assert (await visitor.get("/")).headers["location"] == "/sign-in"


async def test_who_is_not_signed_in_comes_back_to_where_they_wanted(visit: Visit, stack: LocalStack) -> None:
    visitor = await visit("")
    asked = await visitor.get("/look-up", q="FH-1")
    assert asked.headers["location"] == "/sign-in?next=/look-up%3Fq%3DFH-1"

    password = stack.site.credentials.console_passwords["support"]
    answer = await visitor.sign_in("support", password, "/look-up?q=FH-1")

    assert answer.headers["location"] == "/look-up?q=FH-1"


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example/x", "/\\evil.example", "javascript:x"])
async def test_signing_in_leads_to_no_other_site(visit: Visit, stack: LocalStack, elsewhere: str) -> None:
    visitor = await visit("")
    answer = await visitor.sign_in("support", stack.site.credentials.console_passwords["support"], elsewhere)
    assert answer.headers["location"] == "/"


async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(visit: Visit, add_person: AddPerson) -> None:
    login, _ = add_person("support")
    visitor = await visit("")
    wrong = await visitor.sign_in(login, "not this one")
    unknown = await visitor.sign_in(f"x{login}", "not this one")
    assert wrong.status_code == unknown.status_code == 401
    assert text_of(wrong).replace(login, "") == text_of(unknown).replace(f"x{login}", "")
    assert "do not belong together" in text_of(wrong)


@pytest.mark.security(7)
async def test_after_five_wrong_passwords_even_the_right_one_waits(visit: Visit, add_person: AddPerson) -> None:
    login, password = add_person("support")
    visitor = await visit("")
    for _ in range(5):
        assert (await visitor.sign_in(login, "not this one")).status_code == 401

    locked = await visitor.sign_in(login, password)

    assert locked.status_code == 429
    assert int(locked.headers["retry-after"]) == 15 * 60
    assert "Too many wrong passwords" in text_of(locked)


async def test_the_right_password_forgets_the_wrong_ones_before_it(visit: Visit, add_person: AddPerson) -> None:
    login, password = add_person("support")
    visitor = await visit("")
    for _ in range(2):
        for _ in range(4):
            await visitor.sign_in(login, "not this one")
        assert (await visitor.sign_in(login.upper(), password)).status_code == 303


async def test_every_attempt_is_kept_and_nobody_can_change_it(
    visit: Visit, add_person: AddPerson, stack: LocalStack
) -> None:
    login, password = add_person("support")
    visitor = await visit("")
    await visitor.sign_in(login, "not this one")
    await visitor.sign_in(login, password)
    connection = await asyncpg.connect(stack.dsn(names.CONSOLE))
    try:
        rows = await connection.fetch("select outcome from sign_in where login = $1 order by id", login)
        assert [row["outcome"] for row in rows] == ["tried", "tried", "signed_in"]
        with pytest.raises(asyncpg.RaiseError, match="never changed"):
            await connection.execute("delete from sign_in where login = $1", login)
        stored = await connection.fetchval("select password_hash from staff where login = $1", login)
        assert stored.startswith("$argon2id$")
    finally:
        await connection.close()


async def test_a_session_ends_with_its_shift_and_when_nobody_uses_it(
    visit: Visit, add_person: AddPerson, stack: LocalStack
) -> None:
    login, password = add_person("support")
    connection = await asyncpg.connect(stack.dsn(names.CONSOLE))
    mine = "where staff_id = (select id from staff where login = $1)"
    try:
        for column, age in (("expires_at", "1 second"), ("seen_at", "2 hours")):
            visitor = await visit("")
            await visitor.sign_in(login, password)
            assert (await visitor.get("/")).status_code == 200
            await connection.execute(f"update session set {column} = now() - interval '{age}' {mine}", login)
            assert (await visitor.get("/")).headers["location"] == "/sign-in"
    finally:
        await connection.close()


async def test_somebody_with_two_roles_acts_in_one_at_a_time(visit: Visit, add_person: AddPerson) -> None:
    login, password = add_person("picker", "support")
    visitor = await visit("")
    await visitor.sign_in(login, password)
    assert (await visitor.get("/look-up")).status_code == 403

    await visitor.post("/role", {"role": "support"})
    assert (await visitor.get("/look-up")).status_code == 200

    refused = await visitor.post("/role", {"role": "admin"})
    assert refused.status_code == 403


def _cookies(visitor: Visitor, answer_headers: list[str]) -> SimpleCookie:
    cookies = SimpleCookie()
    for header in answer_headers:
        cookies.load(header)
    assert visitor.http.cookies
    return cookies


async def test_the_sessions_cookie_is_for_this_site_and_no_script(visit: Visit, stack: LocalStack) -> None:
    visitor = await visit("")
    answer = await visitor.sign_in("support", stack.site.credentials.console_passwords["support"])
    cookie = _cookies(visitor, answer.headers.get_list("set-cookie"))["doorstep_session"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "lax"
    assert cookie["path"] == "/"
    assert not cookie["domain"]
    assert len(cookie.value) >= 43


async def test_a_form_without_its_token_is_refused(visit: Visit) -> None:
    visitor = await visit("support")
    theirs = await visit("support")
    for token in ("", "0" * 64, theirs.token):
        answer = await visitor.http.post("/sign-out", data={"csrf": token})
        assert answer.status_code == 403, token
        assert "no longer valid" in text_of(answer)
    assert (await visitor.get("/")).status_code == 200, "nothing was done"
    assert (await visitor.http.post("/sign-in", data={"login": "support", "password": "x"})).status_code == 403


async def test_the_token_may_come_with_a_scripts_request(visit: Visit) -> None:
    visitor = await visit("support")
    answer = await visitor.http.post("/sign-out", headers={"X-CSRF-Token": visitor.token, "HX-Request": "true"})
    assert answer.headers["hx-redirect"] == "/sign-in"


@pytest.mark.parametrize("path", ["/sign-in", "/", "/nowhere", "/static/console.css", "/health/ready"])
async def test_every_answer_forbids_foreign_and_inline_code(visit: Visit, path: str) -> None:
    visitor = await visit("support")
    answer = await visitor.get(path)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert ("no-store" in answer.headers["cache-control"]) == (not path.startswith("/static/"))
