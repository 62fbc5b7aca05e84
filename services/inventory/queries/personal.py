"""Which columns tell of people: of customers none; staff are named by what they picked, packed and counted."""

from shared.privacy import Table

TABLES = (
    Table("warehouse_order", "number reference service_level country_code postal_zone holds"),
    Table("order_demand", "number service_level country_code postal_zone partial_shipments"),
    Table("fulfilment", "location state number reference"),
    Table("pick_list", "location mode state reference", "picker"),
    Table("pick_list_tote", "tote"),
    Table("pick_task", "sku bin state short_reason"),
    Table("pick_scan", "barcode tote", "picker"),
    Table("parcel", "location state label_state label_problem carrier service tracking_number", "packer"),
    Table("hand_over", "location carrier manifest", "actor"),
    Table("shortfall", "sku state"),
    Table("reservation", "sku location state pinned"),
    Table("avoided_location", "location sku reason"),
    Table("cancellation", "reason outcomes"),
    Table("ledger", "sku location act document cause", "actor"),
    Table("stock", "sku location"),
    Table("sku", "code name"),
    Table("barcode", "code sku"),
    Table("bin", "location sku bin"),
    Table("count_task", "sku location reason"),
    Table("inbound", "kind state location source reference"),
    Table("inbound_line", "sku"),
    Table("refill", "sku"),
    Table("snapshot", "sku location"),
    # A warehouse's own door, not a customer's.
    Table("location", "code name company line1 line2 city region postal_code country_code phone email zone time_zone "
          "cut_offs holidays label_format"),
)  # fmt: skip
