"""A small OpenID Connect provider under real HTTP: who comes is the person the test names, vouched for by key."""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from shared import clock
from shared.process import make_server
from tests.waiting import wait_until

HOST = "127.0.0.1"
CLIENT, SECRET = "doorstep-console", "a secret: with / and +"  # pragma: allowlist secret

Claims = dict[str, Any]


@dataclass
class Asked:
    """One question at the authorization endpoint, until its code is redeemed."""

    redirect_uri: str
    nonce: str
    challenge: str


@dataclass
class Provider:
    """The provider's state: whom it vouches for, and how a test lets it go wrong."""

    issuer: str
    person: Claims = field(default_factory=dict)
    spoil: Callable[[Claims], Claims] = field(default=lambda claims: claims)
    sign: Callable[[Claims], str] | None = None
    denies: bool = False
    away: bool = False
    key_id: str = "first"
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    codes: dict[str, Asked] = field(default_factory=dict)
    redeemed: list[dict[str, str]] = field(default_factory=list)

    def mend(self) -> None:
        """Behave again."""
        self.person, self.sign, self.denies, self.away = {}, None, False, False
        self.spoil = lambda claims: claims

    def rotate(self) -> None:
        """Sign with another key from here on."""
        self.key_id, self.key = secrets.token_hex(4), rsa.generate_private_key(65537, 2048)

    def signed(self, claims: Claims) -> str:
        """Sign an id token as providers do."""
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": self.key_id})

    def published_key(self) -> Claims:
        """Give the public half."""
        return {
            **jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True),
            "kid": self.key_id, "use": "sig", "alg": "RS256",
        }  # fmt: skip

    def redeem(self, form: dict[str, str], authorization: str) -> Claims | None:
        """Give the answer of the token endpoint; None is a refusal."""
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=")
        if asked is None or form.get("redirect_uri") != asked.redirect_uri or challenge.decode() != asked.challenge:
            return None
        if authorization != f"Basic {base64.b64encode(_quoted_pair()).decode()}":
            return None
        self.redeemed.append(form)
        now = clock.real()
        claims = self.spoil(
            {
                "iss": self.issuer,
                "aud": CLIENT,
                "iat": now,
                "exp": now + timedelta(minutes=5),
                "nonce": asked.nonce,
                **self.person,
            }
        )
        return {"token_type": "Bearer", "access_token": "none", "id_token": (self.sign or self.signed)(claims)}


def _quoted_pair() -> bytes:
    # RFC 6749, 2.3.1: each half form-encoded before the colon joins them.
    return b"doorstep-console:a%20secret%3A%20with%20%2F%20and%20%2B"


def _app(provider: Provider) -> FastAPI:
    app = FastAPI()

    @app.get("/.well-known/openid-configuration")
    async def discovery() -> Response:
        if provider.away:
            return Response(status_code=503)
        at = provider.issuer
        endpoints = {
            "issuer": at, "authorization_endpoint": f"{at}/authorize", "token_endpoint": f"{at}/token",
            "jwks_uri": f"{at}/keys", "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }  # fmt: skip
        return JSONResponse(endpoints)

    @app.get("/keys")
    async def keys() -> Response:
        return JSONResponse({"keys": [{"kty": "oct", "kid": "odd"}, provider.published_key()]})

    @app.get("/authorize")
    async def authorize(request: Request) -> Response:
        asked = request.query_params
        assert (asked["client_id"], asked["response_type"], asked["code_challenge_method"]) == (CLIENT, "code", "S256")
        if provider.denies:
            denied = urlencode({"error": "access_denied", "state": asked["state"]})
            return RedirectResponse(f"{asked['redirect_uri']}?{denied}", 303)
        code = secrets.token_urlsafe(8)
        provider.codes[code] = Asked(asked["redirect_uri"], asked["nonce"], asked["code_challenge"])
        back = urlencode({"code": code, "state": asked["state"], "iss": provider.issuer})
        return RedirectResponse(f"{asked['redirect_uri']}?{back}", 303)

    @app.post("/token")
    async def token(request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        answer = provider.redeem(form, request.headers.get("authorization", ""))
        return JSONResponse(answer or {"error": "invalid_grant"}, 200 if answer else 400)

    return app


@asynccontextmanager
async def providing(port: int) -> AsyncIterator[Provider]:
    """Run a provider for as long as the block lasts."""
    provider = Provider(f"http://{HOST}:{port}")
    server = make_server(_app(provider), HOST, port)
    task = asyncio.create_task(server.serve())

    async def started() -> bool:
        return bool(server.started)

    await wait_until(started, what="the provider listens")
    try:
        yield provider
    finally:
        server.should_exit = True
        await task
