"""What all pages share: colours, words for what went wrong, languages."""

import json
import re
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request

from deploy.local import names
from deploy.local.stack import LocalStack
from services import console
from services.console.api.pages import on_fault
from services.console.settings import settings
from shared.languages import Catalogues
from shared.settings import platform
from tests.console.conftest import Visit
from tests.console.visitor import text_of


async def test_an_address_that_is_no_page_says_so(visit: Visit) -> None:
    visitor = await visit("support")
    answer = await visitor.get("/nowhere")
    assert answer.status_code == 404
    assert "This page does not exist" in text_of(answer)


async def test_a_page_of_another_role_says_so(visit: Visit) -> None:
    visitor = await visit("picker")
    answer = await visitor.get("/look-up")
    assert answer.status_code == 403
    assert "belongs to other roles than yours" in text_of(answer)


async def test_a_refusal_to_a_script_is_a_sentence_and_not_a_page(visit: Visit) -> None:
    visitor = await visit("picker")
    answer = await visitor.http.get("/look-up", headers={"HX-Request": "true"})
    assert answer.status_code == 403
    assert "<html" not in answer.text
    assert "belongs to other roles" in answer.text


@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
async def test_the_colours_are_remembered(visit: Visit, theme: str) -> None:
    visitor = await visit("support")
    await visitor.post("/theme", {"theme": theme})
    assert f'data-theme="{theme}"' in (await visitor.get("/")).text


@pytest.mark.security(14)
async def test_colours_that_do_not_exist_are_the_devices(visit: Visit) -> None:
    visitor = await visit("support")
    await visitor.post("/theme", {"theme": '"><script>'})
    assert 'data-theme="auto"' in (await visitor.get("/")).text


@pytest.mark.security(14)
async def test_what_somebody_types_is_shown_as_text(visit: Visit) -> None:
    visitor = await visit("support")
    page = (await visitor.get("/look-up", q='"><script>alert(1)</script>')).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


async def test_a_service_that_is_away_is_named_and_the_frame_stays(visit: Visit, stack: LocalStack) -> None:
    visitor = await visit("support")
    await stack.stop_processes(["orders-api"])
    try:
        answer = await visitor.get("/look-up", q="FH-00001")
    finally:
        await stack.start_process("orders-api")
    assert answer.status_code == 503
    assert "The orders service cannot be reached" in text_of(answer)
    assert "Sofia Support" in text_of(answer)


async def test_a_session_that_ends_before_an_act_says_that_the_act_is_not_saved(visit: Visit) -> None:
    visitor = await visit("picker")
    kept = dict(visitor.http.cookies)
    await visitor.post("/sign-out")
    visitor.http.cookies.update(kept)
    acted = await visitor.post("/pick/next", {"key": "1", "location": "X"}, HX_Request="true")
    looked = await visitor.http.get("/pack", headers={"HX-Request": "true"})
    assert (acted.status_code, looked.status_code) == (401, 401)
    told = "your session had ended: what you did last is not saved"
    assert told in (await visitor.read(acted.headers["hx-redirect"])).lower()
    assert told not in (await visitor.read(looked.headers["hx-redirect"])).lower()


@pytest.mark.parametrize("by_script", [True, False])
async def test_a_fault_of_ours_confirms_nothing_and_gives_its_number(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch, by_script: bool
) -> None:
    for name, value in {**stack.site.console_environment(), "DOORSTEP_ENVIRONMENT": "local"}.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    platform.cache_clear()
    headers = [(b"hx-request", b"true")] if by_script else []
    request = Request({"type": "http", "method": "POST", "path": "/pick/next", "headers": headers, "query_string": b""})
    request.state.request_id = "4711"
    try:
        answer = await on_fault(request, RuntimeError("a fault"))
    finally:
        settings.cache_clear()
        platform.cache_clear()
    shown = text_of(httpx.Response(answer.status_code, content=bytes(answer.body)))
    assert answer.status_code == 500
    assert "Nothing is confirmed" in shown
    assert "4711" in shown
    assert "It was recorded" not in shown


async def test_a_refusal_is_headed_by_its_code_and_told_by_the_services_sentence(visit: Visit) -> None:
    agent = await visit("support")
    whole = await agent.get("/orders/NOSUCH1")
    part = await agent.http.get("/orders/NOSUCH1", headers={"HX-Request": "true"})
    assert (whole.status_code, part.status_code) == (404, 404)
    assert "No such order No order 'NOSUCH1'." in text_of(whole)
    assert "No such order: No order 'NOSUCH1'." in text_of(part)


async def test_the_consoles_port_and_sign_ins_are_told(stack: LocalStack) -> None:
    people = json.loads((stack.site.home / "keys" / "console.json").read_text())
    assert {person["role"] for person in people} == set(stack.site.credentials.console_passwords)
    assert stack.urls[names.CONSOLE].endswith(str(stack.site.ports[names.CONSOLE]))


def test_another_language_is_a_file_beside_the_code(tmp_path: Path) -> None:
    (tmp_path / "de.json").write_text(json.dumps({"Hello, {name}": "Guten Tag, {name}"}), encoding="utf-8")
    catalogues = Catalogues(tmp_path)
    assert catalogues.say("de", "Hello, {name}", name="Ada") == "Guten Tag, Ada"
    assert catalogues.say("de", "Sign out") == "Sign out"


_TEMPLATES = sorted(path for path in (Path(console.__file__).parent / "templates").rglob("*.*"))
_OWN_NAMES = {"Doorstep", "ZPL", "ms"}
_SPOKEN = re.compile(r'(?:aria-label|title|placeholder|alt|data-copied|data-again|data-wait)="([^"]*)"')


@pytest.mark.parametrize("template", _TEMPLATES, ids=lambda path: path.name)
def test_every_word_of_a_page_can_be_translated(template: Path) -> None:
    spoken = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", template.read_text(encoding="utf-8"), flags=re.DOTALL)
    shown = re.sub(r"<(script|style|kbd)\b.*?</\1>|<[^>]*>", " ", spoken, flags=re.DOTALL)
    words = re.findall(r"[A-Za-z]{2,}", " ".join([shown, *_SPOKEN.findall(spoken)]))
    assert set(words) <= _OWN_NAMES, "say it by _()"


async def test_an_order_named_by_what_no_address_holds_is_not_found(visit: Visit) -> None:
    visitor = await visit("support")
    for named in ("%01", "..%3Fx", "%23", "%25", "%2E%2E"):
        assert (await visitor.get(f"/orders/{named}/person")).status_code == 404, named


async def test_a_form_whose_key_no_header_can_hold_is_refused(visit: Visit) -> None:
    visitor = await visit("warehouse_lead")
    await visitor.get("/stock")
    for key in ("ключ", "\x01", " "):
        fields = {"key": key, "location": "HERE", "sku": "MUG", "counted": "1", "reason": "counted"}
        assert (await visitor.post("/stock/counts", fields)).status_code == 422, key
