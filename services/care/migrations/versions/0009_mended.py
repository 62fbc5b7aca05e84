"""Let reports name their parcel, cases remember when they were taken up again, parcels what their carrier said."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # A report without a parcel meant the last one handed over, whichever that was at each look.
    """
    update watch_report r set parcel_id = (select p.parcel_id from watch_parcel p
      where p.order_id = r.order_id and p.handed_over_at is not null
      order by p.handed_over_at desc, p.parcel_id desc limit 1)
    where r.parcel_id is null
    """,
    "alter table care_case add column reopened_at timestamptz",
    "alter table watch_parcel add column milestones text[] not null default '{}'",
    "alter table watch_parcel add column carrier_exception_at timestamptz",
    "alter table message add column retry_at timestamptz",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
