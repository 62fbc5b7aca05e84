"""Signing in through an identity provider: code flow with PKCE, against a provider that signs with real keys."""

import json
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx
import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import rsa

from deploy.local import names
from deploy.local.ports import free
from deploy.local.stack import LocalStack
from shared import clock
from tests.console.conftest import Visit
from tests.console.provider import CLIENT, SECRET, Claims, Provider, providing
from tests.console.visitor import Visitor, text_of
from tests.waiting import wait_until

ROLES = {"wms-leads": "warehouse_lead", "wms-pickers": "picker"}


@pytest_asyncio.fixture(scope="module")
async def running_provider(stack: LocalStack) -> AsyncIterator[Provider]:
    """A provider, and the console configured to use it."""
    async with providing(free()[names.CONSOLE]) as provider:
        environment = {
            "CONSOLE_PUBLIC_URL": stack.urls[names.CONSOLE],
            "CONSOLE_OIDC_ISSUER": provider.issuer,
            "CONSOLE_OIDC_NAME": "Example Ltd",
            "CONSOLE_OIDC_CLIENT_ID": CLIENT,
            "CONSOLE_OIDC_CLIENT_SECRET": SECRET,
            "CONSOLE_OIDC_ROLE_CLAIM": "realm_access.roles",
            "CONSOLE_OIDC_ROLES": json.dumps(ROLES),
        }
        await stack.restart(names.CONSOLE, environment)
        yield provider
        await stack.restart(names.CONSOLE)


@pytest.fixture
def provider(running_provider: Provider) -> Provider:
    """The provider, behaving, with somebody new in front of it."""
    running_provider.mend()
    running_provider.person = person("wms-pickers")
    return running_provider


def person(*groups: str) -> Claims:
    """Somebody nobody has seen yet."""
    tag = secrets.token_hex(4)
    return {
        "sub": f"sub-{tag}", "preferred_username": f"olga-{tag}", "name": "Olga Outside",
        "realm_access": {"roles": ["offline_access", *groups]},
    }  # fmt: skip


async def go(visitor: Visitor, then: str = "/") -> str:
    """Let the console send the browser to the provider, and the provider send it back; give where to."""
    there = await visitor.get("/sign-in/provider", next=then)
    assert there.status_code == 303, text_of(there)
    async with httpx.AsyncClient(trust_env=False) as outside:
        back = await outside.get(there.headers["location"])
    address = urlsplit(back.headers["location"])
    return f"{address.path}?{address.query}"


async def sign_in(visitor: Visitor, then: str = "/") -> httpx.Response:
    """Sign in through the provider."""
    return await visitor.get(await go(visitor, then))


async def get_in(visitor: Visitor) -> None:
    """Sign in through the provider, which must work."""
    answer = await sign_in(visitor)
    assert answer.status_code == 303, text_of(answer)


async def test_the_sign_in_page_offers_both_ways(visit: Visit, provider: Provider) -> None:
    visitor = await visit("")
    shown = (await visitor.get("/sign-in", next="/pick")).text
    assert 'href="/sign-in/provider?next=/pick"' in shown
    assert "Sign in through Example Ltd" in shown
    assert 'name="password"' in shown


async def test_somebody_the_provider_knows_works_in_the_role_it_names(visit: Visit, provider: Provider) -> None:
    visitor = await visit("")
    answer = await sign_in(visitor, "/pick")
    assert (answer.status_code, answer.headers["location"]) == (303, "/pick")
    assert "Hello, Olga Outside" in await visitor.read("/")
    assert (await visitor.get("/pick")).status_code == 200
    assert (await visitor.get("/floor")).status_code == 403
    assert "You sign in through your organisation" in await visitor.read("/account")


async def test_roles_are_those_the_provider_says_today(visit: Visit, provider: Provider) -> None:
    visitor = await visit("")
    await get_in(visitor)
    provider.person["realm_access"] = {"roles": ["wms-pickers", "wms-leads"]}
    again = await visit("")
    await get_in(again)
    assert "You act as warehouse lead" in await again.read("/"), "the setting's first role comes first"
    provider.person["realm_access"] = {"roles": []}
    third = await visit("")
    refused = await sign_in(third)
    assert refused.status_code == 401
    assert "none of the roles that open the console" in text_of(refused)


async def test_it_asks_with_pkce_and_the_code_works_once(visit: Visit, provider: Provider) -> None:
    visitor = await visit("")
    there = await visitor.get("/sign-in/provider")
    asked = parse_qs(urlsplit(there.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert len(asked["code_challenge"][0]) == 43
    assert "openid" in asked["scope"][0]
    assert len(asked["state"][0]) >= 32
    assert len(asked["nonce"][0]) >= 32

    back = await go(visitor)
    assert (await visitor.get(back)).status_code == 303
    assert provider.redeemed[-1]["code_verifier"]
    other = await visit("")
    replayed = await other.get(back)
    assert replayed.status_code == 401, "the answer belongs to the browser that asked"
    assert "begun elsewhere" in text_of(replayed)


async def test_an_answer_to_another_browsers_question_lets_nobody_in(visit: Visit, provider: Provider) -> None:
    theirs, mine = await visit(""), await visit("")
    stolen = await go(theirs)
    await mine.get("/sign-in/provider")
    answer = await mine.get(stolen)
    assert answer.status_code == 401
    assert (await mine.get("/")).headers["location"] == "/sign-in"


def _other_key(claims: Claims) -> str:
    return jwt.encode(claims, rsa.generate_private_key(65537, 2048), algorithm="RS256", headers={"kid": "first"})


def _by_none(claims: Claims) -> str:
    return jwt.encode(claims, "", algorithm="none", headers={"kid": "first"})


def _by_a_shared_secret(claims: Claims) -> str:
    return jwt.encode(claims, b"x" * 32, algorithm="HS256", headers={"kid": "odd"})


@pytest.mark.parametrize("sign", [_other_key, _by_none, _by_a_shared_secret])
async def test_a_token_that_another_key_signed_lets_nobody_in(visit: Visit, provider: Provider, sign: Any) -> None:  # noqa: ANN401 - a way to sign
    provider.sign = sign
    visitor = await visit("")
    answer = await sign_in(visitor)
    assert answer.status_code == 401
    assert "cannot be verified" in text_of(answer)
    assert (await visitor.get("/")).headers["location"] == "/sign-in"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"aud": "another-client"}, "cannot be verified"),
        ({"iss": "https://evil.example"}, "cannot be verified"),
        ({"exp": 1}, "cannot be verified"),
        ({"nonce": "another"}, "belongs to another sign-in"),
        ({"azp": "another-client"}, "made for another application"),
        ({"preferred_username": ""}, "does not say what you are called"),
    ],
)
async def test_a_token_for_somebody_or_something_else_lets_nobody_in(
    visit: Visit, provider: Provider, changes: Claims, words: str
) -> None:
    provider.spoil = lambda claims: {**claims, **changes}
    visitor = await visit("")
    answer = await sign_in(visitor)
    assert answer.status_code == 401
    assert words in text_of(answer)


@pytest.mark.parametrize(
    ("claim", "seconds", "is_let_in"), [("exp", -45, True), ("exp", -75, False), ("iat", 45, True), ("iat", 75, False)]
)
async def test_a_providers_clock_may_be_a_minute_from_ours_and_no_more(
    visit: Visit, provider: Provider, claim: str, seconds: int, *, is_let_in: bool
) -> None:
    provider.spoil = lambda claims: {**claims, claim: clock.real() + timedelta(seconds=seconds)}
    answer = await sign_in(await visit(""))
    assert (answer.status_code == 303) is is_let_in, text_of(answer)


async def test_a_provider_that_changes_its_key_is_still_believed(visit: Visit, provider: Provider) -> None:
    await get_in(await visit(""))
    provider.rotate()
    visitor = await visit("")

    async def believed() -> bool:
        return (await sign_in(visitor)).status_code == 303

    # Keys are read anew at most every thirty seconds.
    await wait_until(believed, what="the new key is known")


async def test_who_says_no_at_the_provider_comes_back_to_the_sign_in(visit: Visit, provider: Provider) -> None:
    provider.denies = True
    visitor = await visit("")
    answer = await sign_in(visitor)
    assert answer.status_code == 401
    assert "You were not signed in there (access_denied)." in text_of(answer)


async def test_nobody_becomes_somebody_else_by_taking_their_name(visit: Visit, provider: Provider) -> None:
    provider.person["preferred_username"] = "Admin"
    visitor = await visit("")
    answer = await sign_in(visitor)
    assert answer.status_code == 401
    assert "The name admin is taken here" in text_of(answer)


async def test_a_person_renamed_at_the_provider_stays_the_same_here(
    visit: Visit, provider: Provider, stack: LocalStack
) -> None:
    await get_in(await visit(""))
    provider.person |= {"preferred_username": "renamed", "name": "Olga Married"}
    again = await visit("")
    await get_in(again)
    assert "Hello, Olga Married" in await again.read("/")
    connection = await asyncpg.connect(stack.dsn(names.CONSOLE))
    try:
        key = f"{provider.issuer}#{provider.person['sub']}"
        rows = await connection.fetch("select login, password_hash from staff where identity = $1", key)
        assert [(row["login"][:5], row["password_hash"]) for row in rows] == [("olga-", None)]
        outcomes = await connection.fetch("select outcome from sign_in where login = $1", rows[0]["login"])
        assert {row["outcome"] for row in outcomes} == {"signed_in_by_provider"}
    finally:
        await connection.close()


async def test_who_is_kept_out_here_stays_out(visit: Visit, provider: Provider) -> None:
    visitor = await visit("")
    await get_in(visitor)
    admin = await visit("admin")
    page = (await admin.get("/people")).text
    at = page.index(provider.person["preferred_username"])
    path = page[page.index("/people/", at) : page.index("/disable", at)]
    await admin.post(f"{path}/disable")
    assert (await visitor.get("/")).headers["location"] == "/sign-in", "their session ends at once"
    again = await visit("")
    refused = await sign_in(again)
    assert (refused.status_code, "keeps this account out" in text_of(refused)) == (401, True)


async def test_signing_in_through_the_provider_leads_to_no_other_site(visit: Visit, provider: Provider) -> None:
    for elsewhere in ("//evil.example", "https://evil.example/x"):
        answer = await sign_in(await visit(""), elsewhere)
        assert answer.headers["location"] == "/"


async def test_old_journeys_are_over(visit: Visit, provider: Provider) -> None:
    visitor = await visit("")
    back = await go(visitor)
    (cookie,) = [one for one in visitor.http.cookies.jar if one.name == "doorstep_journey"]
    assert cookie.expires is not None
    assert cookie.expires - clock.real().timestamp() <= timedelta(minutes=10).total_seconds()
    visitor.http.cookies.delete("doorstep_journey")
    assert (await visitor.get(back)).status_code == 401
