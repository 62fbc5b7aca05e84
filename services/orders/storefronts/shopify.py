"""A Shopify order (Admin REST API, `orders/create` webhook) read as ours; fields we do not need are ignored."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from services.orders.schemas.parts import Quantity
from services.orders.states import ServiceLevel
from shared.fields import Serial

# ISO 4217 currencies whose minor unit is not a hundredth.
_DIGITS = {
    "BHD": 3, "JOD": 3, "KWD": 3, "OMR": 3, "TND": 3, "CLP": 0, "ISK": 0, "JPY": 0, "KRW": 0, "PYG": 0, "UGX": 0,
    "VND": 0, "XAF": 0, "XOF": 0,
}  # fmt: skip
_PAYMENT = {"authorized": "authorized", "paid": "captured"}
_EXPRESS = ("express", "overnight", "next day", "priority")
_ECONOMY = ("economy", "free", "saver")

Amount = Annotated[Decimal, Field(ge=0, le=10**12)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)


class ShopifyLine(_Part):
    """A line item."""

    id: Serial
    sku: str
    name: str = ""
    quantity: Quantity
    price: Amount
    total_discount: Amount = Decimal(0)
    requires_shipping: bool = True
    properties: list[dict[str, object]] = Field(default_factory=list)


class ShopifyShippingLine(_Part):
    """What the customer chose and paid for shipping."""

    title: str = ""
    price: Amount = Decimal(0)


class ShopifyAddress(_Part):
    """Where to."""

    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    address1: str | None = None
    address2: str | None = None
    city: str | None = None
    province_code: str | None = None
    zip: str | None = None
    country_code: str | None = None
    phone: str | None = None


class ShopifyOrder(_Part):
    """The order, bare as webhooks send it or wrapped in `order` as the API answers."""

    id: Serial
    name: str
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    created_at: AwareDatetime
    email: str | None = None
    phone: str | None = None
    customer_locale: str | None = None
    financial_status: str | None = None
    total_price: Amount
    total_tax: Amount = Decimal(0)
    taxes_included: bool = False
    line_items: Annotated[list[ShopifyLine], Field(min_length=1)]
    shipping_lines: list[ShopifyShippingLine] = Field(default_factory=list)
    shipping_address: ShopifyAddress

    @model_validator(mode="before")
    @classmethod
    def _unwrap(cls, document: object) -> object:
        return document["order"] if isinstance(document, Mapping) and "order" in document else document


_ADDRESS = {
    "company": "company",
    "line1": "address1",
    "line2": "address2",
    "city": "city",
    "region": "province_code",
    "postal_code": "zip",
    "country_code": "country_code",
}
# Where our fields come from, so that an error names what the sender wrote.
POINTERS = {
    "/lines": "/line_items",
    "/shipping_address/line1": "/shipping_address/address1",
    "/shipping_address/line2": "/shipping_address/address2",
    "/shipping_address/region": "/shipping_address/province_code",
    "/shipping_address/postal_code": "/shipping_address/zip",
    "/customer": "",
    "/total": "/total_price",
    "/reference": "/name",
    "/placed_at": "/created_at",
}


def their_pointer(pointer: str) -> str:
    """Give the pointer into the Shopify document for one into ours."""
    for ours, theirs in POINTERS.items():
        if pointer == ours or pointer.startswith(f"{ours}/"):
            return theirs + pointer.removeprefix(ours)
    return pointer


def translate(order: ShopifyOrder) -> dict[str, object]:
    """Write it as ours; what our order asks for beyond Shopify's is not checked here."""
    address = order.shipping_address
    shipping = sum((line.price for line in order.shipping_lines), Decimal(0))
    return {
        "reference": order.name.lstrip("#"),
        "placed_at": order.created_at,
        "service_level": _level(order.shipping_lines),
        "customer": {
            "email": order.email or None,
            "phone": order.phone or address.phone or None,
            "locale": order.customer_locale or "",
        },
        "shipping_address": _address(address.model_dump()),
        "lines": _lines(order),
        "shipping_price": _price(shipping, order.currency),
        "total": _price(order.total_price, order.currency),
        "payment": {"status": _PAYMENT.get(order.financial_status or "", "pending")},
        "metadata": {"shopify_id": order.id},
    }


def translate_readable(document: object) -> dict[str, object]:
    """Write what can be read of an order of bad shape as ours: whom, where to, and which goods; no money."""
    if isinstance(document, Mapping) and isinstance(document.get("order"), Mapping):
        document = document["order"]
    if not isinstance(document, Mapping):
        return {}
    address, lines = document.get("shipping_address"), document.get("line_items")
    return {
        "customer": {"email": document.get("email") or None, "phone": document.get("phone") or None},
        **({"shipping_address": _address(address)} if isinstance(address, Mapping) else {}),
        "lines": [_readable_line(line) for line in lines] if isinstance(lines, list) else [],
    }


def _address(address: Mapping[str, object]) -> dict[str, object]:
    names = (address.get("first_name"), address.get("last_name"))
    given = {ours: address.get(theirs) or "" for ours, theirs in _ADDRESS.items()}
    return {"name": address.get("name") or " ".join(str(name) for name in names if name), **given}


def _readable_line(line: object) -> dict[str, object] | None:
    if not isinstance(line, Mapping):
        return None
    return {"reference": str(line.get("id")), "sku": line.get("sku"), "quantity": line.get("quantity")}


def _level(lines: Sequence[ShopifyShippingLine]) -> ServiceLevel:
    title = " ".join(line.title for line in lines).casefold()
    if any(word in title for word in _EXPRESS):
        return ServiceLevel.EXPRESS
    return ServiceLevel.ECONOMY if any(word in title for word in _ECONOMY) else ServiceLevel.STANDARD


def _lines(order: ShopifyOrder) -> list[dict[str, object]]:
    nets = [_minor(line.price, order.currency) * line.quantity for line in order.line_items]
    own = [_minor(line.total_discount, order.currency) for line in order.line_items]
    taxed = 0 if order.taxes_included else _minor(order.total_tax, order.currency)
    shipping = sum(_minor(line.price, order.currency) for line in order.shipping_lines)
    # What the customer pays is the truth: what lines, shipping and tax do not explain is a discount on the whole
    # order (codes, edits), or a charge (duties, tips); both belong to the lines by their price.
    unexplained = sum(nets) - sum(own) + taxed + shipping - _minor(order.total_price, order.currency)
    discounts = [mine + share for mine, share in zip(own, spread(max(0, unexplained), nets), strict=True)]
    left = [net - discount for net, discount in zip(nets, discounts, strict=True)]
    taxes = spread(taxed + max(0, -unexplained), left)
    return [
        {
            "reference": str(line.id),
            "sku": line.sku,
            "name": line.name,
            "quantity": line.quantity,
            "requires_shipping": line.requires_shipping,
            "unit_price": _price(line.price, order.currency),
            "discount": {"amount": discount, "currency": order.currency},
            "tax": {"amount": share, "currency": order.currency},
            "properties": {str(one.get("name")): one.get("value") for one in line.properties} or None,
        }
        for line, discount, share in zip(order.line_items, discounts, taxes, strict=True)
    ]


def spread(amount: int, weights: Sequence[int]) -> list[int]:
    """Split minor units in proportion to weights; the shares add up to the amount."""
    total = sum(weights)
    if total <= 0:
        return [amount, *[0] * (len(weights) - 1)]
    shares: list[int] = []
    seen = 0
    for weight in weights:
        before = amount * seen // total
        seen += weight
        shares.append(amount * seen // total - before)
    return shares


def _minor(amount: Decimal, currency: str) -> int:
    return int((amount * 10 ** _DIGITS.get(currency, 2)).to_integral_value())


def _price(amount: Decimal, currency: str) -> dict[str, object]:
    return {"amount": _minor(amount, currency), "currency": currency}
