"""A browser without a screen: keeps cookies, follows no redirect, and sends forms with the token of their page."""

import html
import re

import httpx

from deploy.local import names
from deploy.local.stack import LocalStack

_TOKEN = re.compile(r'name="csrf" value="([0-9a-f]{64})"')


class Visitor:
    """One browser at the console."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.http = httpx.AsyncClient(base_url=stack.urls[names.CONSOLE], timeout=30, trust_env=False)
        self.token = ""

    async def get(self, path: str, **params: str) -> httpx.Response:
        """Open a page."""
        answer = await self.http.get(path, params=params or None)
        found = _TOKEN.search(answer.text)
        self.token = found[1] if found is not None else self.token
        return answer

    async def read(self, path: str, **params: str) -> str:
        """Open a page that must be there, and give its text as people read it."""
        answer = await self.get(path, **params)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:500])
        return text_of(answer)

    async def post(self, path: str, fields: dict[str, str] | None = None, **headers: str) -> httpx.Response:
        """Send a form of the page opened last."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post(path, data={"csrf": self.token, **(fields or {})}, headers=sent)

    async def sign_in(self, login: str, password: str, then: str = "/") -> httpx.Response:
        """Fill in the form of the first page."""
        await self.get("/sign-in")
        answer = await self.post("/sign-in", {"login": login, "password": password, "next": then})
        if answer.is_redirect:
            await self.get("/")
        return answer

    async def close(self) -> None:
        await self.http.aclose()


def text_of(answer: httpx.Response) -> str:
    """Give a page's words, without its marks."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", answer.text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", body))).strip()
