"""Which columns tell of people, and what an erasure leaves of them: numbers, states and times, no address."""

from shared.privacy import Kind, Personal, Table

_MINE = "order_id = $1"
_OF_SHIPMENT = "shipment_id in (select id from shipment where order_id = $1)"
_PLACE = Personal(Kind.PLACE)

TABLES = (
    Table("label_file", "media_type", "", {"content": Personal(Kind.LABEL)},
          f"label_id in (select id from label where {_OF_SHIPMENT})", goes=True),
    Table("label_copy", "format media_type", "", {"content": Personal(Kind.LABEL)},
          f"label_id in (select id from label where {_OF_SHIPMENT})", goes=True),
    Table(
        "label",
        "state format adapter carrier_shipment_id rate_id tracker_id tracking_number tracking_url carrier service "
        "currency media_type",
        personal={"url": Personal(Kind.LABEL, "null")},
        of=_OF_SHIPMENT,
    ),
    Table(
        "tracking_event",
        "tracking_number content source raw_status raw_detail country_code position flags exception",
        personal={"message": Personal(Kind.WORDS), "city": _PLACE, "region": _PLACE, "postal_code": _PLACE},
        of=_OF_SHIPMENT,
    ),
    Table("shipment", "location service_level country_code postal_zone contents status flags void_reason failure_code "
          "failure_reason estimate_source", of=_MINE),
    Table("order_copy", "reference service_level", of=_MINE),
    Table("carrier_job", "step last_error"),
    Table("finished_transit", "milestone lane"),
    Table("location_copy", "location"),
    Table("transit_quantile", "lane milestone"),
    Table("webhook_registration", "url"),
)  # fmt: skip
