"""What the console tells browsers of its cookies, on one machine's own stack and anywhere else."""

from collections.abc import Iterator
from http.cookies import SimpleCookie

import pytest
from fastapi import Response

from services.console.api import guard
from shared.settings import platform

pytestmark = pytest.mark.security(14)


@pytest.fixture(params=["local", "production"])
def environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Run where the parameter says."""
    for name, value in (("ENVIRONMENT", request.param), ("KAFKA_BOOTSTRAP", "none"), ("TOKEN_PUBLIC_KEYS", "none")):
        monkeypatch.setenv(f"DOORSTEP_{name}", value)
    platform.cache_clear()
    yield str(request.param)
    platform.cache_clear()


def test_outside_the_local_stack_cookies_are_tied_to_this_host_and_to_tls(environment: str) -> None:
    kept, dropped = Response(), Response()
    guard.set_cookie(kept, guard.session_cookie(), "token", 60)
    guard.drop_cookie(dropped, guard.session_cookie())
    is_elsewhere = environment == "production"
    for answer in (kept, dropped):
        ((name, cookie),) = SimpleCookie(answer.headers["set-cookie"]).items()
        assert name == ("__Host-doorstep_session" if is_elsewhere else "doorstep_session")
        assert bool(cookie["secure"]) is is_elsewhere
        assert cookie["httponly"]
        assert (cookie["path"], cookie["domain"], cookie["samesite"]) == ("/", "", "lax")
