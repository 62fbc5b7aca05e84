"""Which columns tell of people, and what an erasure leaves of them: that something was said, not what."""

from shared.privacy import Kind, Personal, Table

_MINE = "order_id = $1"
_OF_CASE = "case_id in (select id from care_case where order_id = $1)"
_WORDS = Personal(Kind.WORDS)

TABLES = (
    Table(
        "message",
        "topic state_told priority channel state silence facts",
        "asked_by",
        {"subject": _WORDS, "body": _WORDS, "last_error": _WORDS},
        _MINE,
    ),
    Table("contact", "channel direction reason", "agent", {"note": _WORDS, "ticket": Personal(Kind.KEY)}, _MINE),
    Table("watch_report", "kind", "reported_by", {"comment": _WORDS}, _MINE),
    Table("evidence", "", "", {"image": Personal(Kind.PICTURE)}, _MINE, goes=True),
    Table("evidence_view", "", "actor", of=_MINE),
    # Only notes are words about the customer; that they were written stays.
    Table("case_entry", "act cause", "actor", {"detail": _WORDS}, f"act = 'noted' and {_OF_CASE}"),
    Table(
        "care_case",
        "number family kind level state priority currency next_action next_action_by resolution resolution_reason",
        "assignee resolved_by",
        {"informed_how": Personal(Kind.WORDS, "case when informed_at is not null then 'told' end")},
        _MINE,
    ),
    Table("word", "kind value", of=_MINE),
    Table("remedy", "kind state dedupe currency lines reason authority refusal_code refusal_detail",
          "asked_by decided_by", of=_MINE),
    Table(
        "watch",
        "number service_level country zone currency notifications promise_outcome outcome",
        personal={"customer": Personal(Kind.KEY)},
        of=_MINE,
    ),
    Table("exception", "kind subject rule level disposition disposition_reason evidence", of=_MINE),
    Table("exception_level", "level rule evidence"),
    Table("incident", "kind scope state evidence", "ended_by"),
    Table("case_clock", "kind"),
    Table("authority_use", "authority currency", "person"),
    Table("carrier_feed", "carrier"),
    Table("sample", "stage key"),
    Table("watch_fulfilment", "location lines"),
    Table("watch_line", "sku short_reason"),
    Table("watch_location", "location country"),
    Table("watch_parcel", "location carrier service tracking_number hand_over position flags contents milestones"),
    Table("watch_step", "about step holder unblock"),
)  # fmt: skip
