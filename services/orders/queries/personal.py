"""Which columns tell of people, and what an erasure leaves of them: country, postcode zone, amounts and SKUs stay."""

from shared.privacy import Kind, Personal, Table

_MINE = "order_id = $1"
_NOBODY = """jsonb_build_object('name', '', 'company', '', 'line1', '', 'line2', '', 'city', '', 'region', '',
  'postal_code', '', 'delivery_instructions', '', 'country_code', country_code)"""
_NOTE = {"note": Personal(Kind.WORDS)}

TABLES = (
    Table(
        "orders",
        "number reference fingerprint state currency service_level country_code postal_zone time_zone origin_location "
        "partial_shipments backorder notifications payment_status exceptions",
        personal={
            "customer": Personal(Kind.CONTACT, "jsonb_build_object('locale', coalesce(customer->>'locale', 'en'))"),
            "address": Personal(Kind.ADDRESS, _NOBODY),
            "gift": Personal(Kind.WORDS, "null"),
            "storefront_metadata": Personal(Kind.WORDS, "'{}'"),
        },
        of="id = $1",
        hidden="fingerprint",
    ),
    Table(
        "order_line",
        "reference sku name location allocations",
        personal={"properties": Personal(Kind.WORDS, "null"), "customs": Personal(Kind.WORDS, "null")},
        of=_MINE,
    ),
    Table("hold", "reason state", "holder actor released_by", _NOTE, _MINE),
    Table("cancellation", "reason state lines outcomes", "actor", _NOTE, _MINE),
    Table("refund", "kind currency state lines", "", _NOTE, _MINE),
    Table("look_up", "kind", "", {"value": Personal(Kind.KEY)},
          "order_id = $1 and kind in ('email', 'phone', 'name_postcode')", goes=True),
    Table("promise", "source reason attributed_to outcome", of=_MINE),
    Table("parcel", "location contents carrier service tracking_number tracking_url position flags exception place",
          of=_MINE),
    Table("payment_report", "type reference", of=_MINE),
    Table("remedy", "kind state reason lines currency code detail", "granted_by", of=_MINE),
    Table("timeline", "source fact audience details", "actor", of=_MINE),
    Table("public_event", "type reference data", of=_MINE),
    Table("erasure", "state reason waits_for", "asked_by", of=_MINE),
    Table("order_release", "location sku state"),
    Table("progress", "stage subject fact step holder unblock"),
    Table("caller_verification", "matched", "actor", of=_MINE),
    Table("person_view", "", "actor", of=_MINE),
    Table("quote", "service_level country_code postal_zone basket location"),
    Table("storefront", "code name notifications"),
    Table("api_key", "prefix hash label scopes", "revoked_by"),
    Table("webhook_endpoint", "url events secret previous_secret state disabled_reason"),
    Table("webhook_delivery", "state last_error"),
    Table("sku_copy", "sku name"),
    Table("stock_copy", "sku location"),
    Table("location_copy", "code name country_code postal_code zone time_zone cut_offs holidays"),
)  # fmt: skip
