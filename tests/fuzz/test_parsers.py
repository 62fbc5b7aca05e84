"""Everything that strangers write and we read: it is understood or refused cleanly, whatever it is."""

import contextlib
import json
from collections.abc import Mapping
from datetime import UTC, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from cli.customers import mails_named
from cli.olist import rows as olist
from services.care.actions.reading import read_case_cursor
from services.care.errors import PhotoRefusedError
from services.care.photos import redraw
from services.console.actions.scans import is_label_of, plain_code, tracking_number
from services.inventory.schemas.paging import read_cursor
from services.orders.actions import checks
from services.orders.actions.looking_up import keys_of
from services.orders.actions.offering import read_availability_cursor
from services.orders.queries.catalogue import Catalogue
from services.orders.schemas.feed import CreateEndpoint
from services.orders.schemas.intake import PlaceOrder
from services.orders.schemas.readable import ReadableOrder, read_parts
from services.orders.storefronts import shopify
from services.orders.storefronts.shopify import ShopifyOrder
from services.shipping.carriers import easypost_messages as messages
from services.shipping.carriers.base import AnswerNotUnderstoodError, CarrierRejectedError, SignatureRefusedError
from shared import clock, tracing
from shared.auth import Role, TokenVerifier, make_key_pair, mint_link, mint_token
from shared.errors import ConfigurationError, InvalidError, UnauthenticatedError
from shared.fields import is_storable, plain
from shared.ids import new_id
from shared.inbox import UnreadableError, read_envelope, read_event
from shared.kafka import Record
from tests.fuzz.budget import examples
from tests.fuzz.writing import JSON, ORDER, PHOTOS, SHOPIFY, Json, as_bytes, changed, recorded
from tests.olist import dataset

pytestmark = pytest.mark.security(6)

SECRET = "secret of the webhook"


def _webhook_of(body: bytes) -> str | None:
    return messages.find_webhook(body, "https://shop.example.com/carriers/easypost")


READERS = {
    "shipment_create": messages.parse_shipment,
    "shipment_buy": messages.parse_shipment,
    "shipment_refund": messages.parse_shipment,
    "tracker_create": messages.parse_tracker,
}


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
@examples(60)
def test_a_carriers_answer_is_read_or_not_understood(name: str, data: st.DataObject) -> None:
    document = data.draw(changed(recorded(name)))

    for body in (as_bytes(document), as_bytes({"shipments": [document], "has_more": True}), as_bytes([document])):
        for read in (READERS[name], messages.parse_shipment_page, _webhook_of):
            try:
                found = read(body)
            except AnswerNotUnderstoodError:
                continue
            assert is_storable(repr(found).encode("ascii", "backslashreplace").decode())
            assert "\\x00" not in repr(found)


@given(body=st.binary() | JSON.map(as_bytes), status=st.integers(300, 599))
@examples(200)
def test_bytes_that_are_no_answer_are_not_understood(body: bytes, status: int) -> None:
    for read in (*READERS.values(), messages.parse_shipment_page, _webhook_of):
        try:
            read(body)
        except AnswerNotUnderstoodError:
            continue
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = body.decode("latin-1")
    assert isinstance(messages.parse_error(status, parsed), CarrierRejectedError)


@given(
    result=st.deferred(lambda: changed(recorded("tracker_create"))),
    signature=st.none() | st.text(),
    extra=st.dictionaries(st.text(), JSON),
)
@examples(150)
def test_a_carriers_message_is_read_when_it_is_signed_and_only_then(
    result: Json, signature: str | None, extra: dict[str, Json]
) -> None:
    body = as_bytes({"id": "evt_1", "description": "tracker.updated", "result": result, **extra})
    right = messages.signature_of(body, SECRET)

    with contextlib.suppress(AnswerNotUnderstoodError):
        messages.parse_webhook(body, {"X-Hmac-Signature": right}, SECRET)
    if signature != right:
        with pytest.raises(SignatureRefusedError):
            messages.parse_webhook(body, {"X-Hmac-Signature": signature} if signature is not None else {}, SECRET)


NOTHING_KNOWN = Catalogue(skus={}, locations={}, available={}, quotes={})


@given(order=changed(ORDER) | JSON)
@examples(300)
def test_a_storefronts_order_is_taken_or_its_bad_fields_are_named(order: Json) -> None:
    body = as_bytes(order)
    parts: list[PlaceOrder | ReadableOrder] = [read_parts(json.loads(body))]
    with contextlib.suppress(ValidationError):
        parts.append(PlaceOrder.model_validate_json(body))

    for part in parts:
        found = checks.find_errors(part, NOTHING_KNOWN, new_id(), clock.now())
        assert all(one.pointer.startswith("/") and one.detail for one in found)


@given(order=changed(SHOPIFY) | JSON | changed(SHOPIFY).map(lambda one: {"order": one}))
@examples(300)
def test_a_shopify_order_is_taken_or_its_bad_fields_are_named(order: Json) -> None:
    assert shopify.translate_readable(order).keys() <= PlaceOrder.model_fields.keys()
    with contextlib.suppress(ValidationError):
        document = shopify.translate(ShopifyOrder.model_validate(order))
        PlaceOrder.model_validate(document)


@given(read=st.text() | st.from_regex(r"\]?[A-Z]?\d?420\d{5}9\d{19,25}\x1d?"))
@example(read="]C1420902109400111899223197428490")
@examples(300)
def test_whatever_a_scanner_reads_is_a_code_without_its_frame(read: str) -> None:
    code = plain_code(read)

    assert plain_code(code) == code or code.startswith("]")
    assert len(tracking_number(read)) <= len(read)
    assert isinstance(is_label_of(read, "9400111899223197428490"), bool)


@given(typed=st.text())
@examples(300)
def test_whatever_support_types_is_sought_and_nothing_empty_is(typed: str) -> None:
    assert all(value for _, value in keys_of(typed))
    assert plain(plain(typed)) == plain(typed)


PRIVATE, PUBLIC = make_key_pair("service-1")
VERIFIER = TokenVerifier(PUBLIC)


@st.composite
def tokens(draw: st.DrawFn) -> str:
    """Write a token or a link of ours whose signed part is another."""
    good = mint_token(PRIVATE, subject="x", role=Role.SERVICE)
    if draw(st.booleans()):
        good = mint_link(PRIVATE, new_id(), timedelta(days=1))
    signed, _, signature = good.rpartition(".")
    at, more = draw(st.integers(0, len(signed) - 1)), draw(st.text(max_size=3) | st.just("."))
    changed = signed[:at] + more + signed[at + draw(st.integers(1, 3)) :]
    assume(changed != signed)
    return f"{changed}.{signature}"


@given(token=st.text() | tokens() | st.lists(st.text(), min_size=3, max_size=5).map(".".join))
@examples(300)
def test_a_token_or_link_that_is_not_ours_is_refused_and_nothing_else(token: str) -> None:
    for verify in (VERIFIER.verify, VERIFIER.verify_link):
        with pytest.raises(UnauthenticatedError):
            verify(token)


@given(
    cursor=st.text() | st.floats().map(lambda one: f"{one}_{new_id()}") | st.datetimes().map(lambda one: f"{one}Z/A")
)
@example(cursor="1e17_01a202ac-0000-7000-8000-000000000000")
@example(cursor="-62135596801_01a202ac-0000-7000-8000-000000000000")
@example(cursor="0001-01-01T00:00:00+14:00/A")
@examples(300)
def test_a_cursor_is_a_place_or_refused(cursor: str) -> None:
    for read in (read_case_cursor, read_availability_cursor, lambda one: read_cursor(one, ["", ""])):
        with contextlib.suppress(InvalidError):
            assert read(cursor) is not None


@given(url=st.text() | st.from_regex(r"https?://[^ ]{1,30}(:\d{0,6})?(/.*)?"))
@examples(300)
def test_an_address_for_webhooks_can_be_called_or_is_refused(url: str) -> None:
    with contextlib.suppress(ValidationError):
        parts = urlsplit(CreateEndpoint(url=url).url)
        assert parts.hostname
        assert parts.port is None or 0 < parts.port < 2**16


@given(header=st.none() | st.text() | st.from_regex(r"00-.{32}-.{16}-01", fullmatch=True))
@examples(200)
def test_a_trace_that_is_none_begins_a_new_one(header: str | None) -> None:
    with tracing.trace(header) as context:
        assert len(tracing.trace_id_of(context)) == 32
        assert set(context) <= set("0123456789abcdef-")


HEADERS = {
    "ce_id": str(new_id()), "ce_type": "doorstep.orders.order_placed.v1", "ce_source": "orders", "ce_subject": "a",
    "ce_epoch": "1", "ce_sequence": "1", "ce_time": "2026-03-02T10:00:00+00:00", "ce_correlationid": "a",
}  # fmt: skip
_WRITTEN = st.text().map(lambda one: one.encode("utf-8", "surrogatepass")) | st.binary() | st.integers().map(
    lambda one: str(one).encode()
)  # fmt: skip


@given(
    changes=st.dictionaries(st.sampled_from([*HEADERS]) | st.text(), st.none() | _WRITTEN, max_size=3),
    value=st.none() | st.binary() | JSON.map(as_bytes),
    topic=st.sampled_from(["doorstep.orders", "doorstep.care"]) | st.text(),
)
@example(changes={"ce_time": b"0001-01-01T00:00:00+14:00"}, value=b"{}", topic="doorstep.orders")
@example(changes={"ce_time": b"9999-12-31T23:59:59-12:00"}, value=b"{}", topic="doorstep.orders")
@example(changes={"ce_sequence": b"9" * 5000}, value=b"{}", topic="doorstep.orders")
@examples(500)
def test_a_record_is_an_event_that_can_be_kept_or_unreadable(
    changes: dict[str, bytes | None], value: bytes | None, topic: str
) -> None:
    headers = {**{name: text.encode() for name, text in HEADERS.items()}, **changes}
    said = tuple((name, one) for name, one in headers.items() if one is not None)

    try:
        envelope = read_envelope(Record(topic, 0, 1, b"a", value, said))
    except UnreadableError:
        return
    assert topic == f"doorstep.{envelope.source}"
    assert 0 < envelope.sequence < 2**63
    assert 0 < envelope.epoch < 2**31
    assert envelope.occurred_at.astimezone(UTC)
    assert all(map(is_storable, (envelope.key, envelope.type, envelope.correlation_id, envelope.traceparent or "")))
    with contextlib.suppress(UnreadableError, KeyError):
        assert read_event(envelope).event.event_type == envelope.type


@given(
    ids=st.lists(st.uuids(), max_size=4),
    around=st.text() | st.from_regex(r"<[0-9a-f-]{0,40}@care\.doorstep>?"),
    torn=st.binary(max_size=20),
)
@examples(200)
def test_a_mail_log_names_our_mails_and_no_others(ids: list[UUID], around: str, torn: bytes) -> None:
    others = mails_named(around)
    lines = "".join(f"{around} <{one}@care.doorstep> {torn.decode(errors='replace')}\n" for one in ids)

    assert mails_named(lines) == sorted({str(one) for one in ids} | (set(others) if ids else set()))
    assert all(UUID(one) for one in others)


COLUMNS = [*olist.ORDER_COLUMNS, *olist.ITEM_COLUMNS, *olist.PRODUCT_COLUMNS]
CELLS = st.text() | st.sampled_from(
    ["", "-", "NaN", "1e999999", "Infinity", "0001-01-01", "9999-12-31 23:59:59", "\x00", '"']
)


@given(
    rows=st.lists(st.dictionaries(st.sampled_from(COLUMNS), CELLS), max_size=3),
    torn=st.none() | st.tuples(st.sampled_from(["orders", "order_items", "products", "customers"]), st.binary()),
)
@examples(100)
def test_a_data_sets_files_are_read_or_what_cannot_be_is_named(
    rows: list[dict[str, str]], torn: tuple[str, bytes] | None
) -> None:
    with TemporaryDirectory() as folder:
        data, place = dataset.DataSet(products=[]), Path(folder)
        for number, changes in enumerate(rows):
            data.orders.append({**dataset.ORDER, "order_id": str(number), **_of(dataset.ORDER, changes)})
            data.items.append({**dataset.ITEM, "order_id": str(number), **_of(dataset.ITEM, changes)})
            data.products.append({**dataset.PRODUCT, **_of(dataset.PRODUCT, changes)})
        data.write(place)
        if torn is not None:
            with (place / f"{torn[0]}.csv").open("ab") as file:
                file.write(torn[1])
        with contextlib.suppress(ConfigurationError):
            assert len(olist.read(place).purchases) >= len(rows)


def _of(row: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    return {name: cell for name, cell in changes.items() if name in row}


@given(raw=PHOTOS)
@examples(200)
def test_a_photo_is_drawn_anew_or_refused(raw: bytes) -> None:
    try:
        photo = redraw(raw)
    except PhotoRefusedError:
        return
    assert photo.image.startswith(b"\xff\xd8")
