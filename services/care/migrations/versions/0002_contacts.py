"""Create contacts with customers, and let an agent send a message once more."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    create table contact (
      id uuid primary key,
      order_id uuid not null,
      channel text not null check (channel in ('phone', 'email', 'chat', 'letter', 'in_person')),
      direction text not null check (direction in ('inbound', 'outbound')),
      reason text not null check (reason in (
        'where_is_it', 'late', 'damaged', 'missing', 'wrong_item', 'not_received', 'cancel', 'change', 'return',
        'payment', 'other')),
      note text not null,
      ticket text not null,
      agent text not null,
      at timestamptz not null
    )
    """,
    "create index on contact (order_id, at)",
    "create index on contact (at)",
    "alter table message add column resend_of uuid references message",
    "alter table message add column asked_by text not null default ''",
    "drop index told_once",
    (
        "create unique index told_once on message (order_id, topic, promise_revision, state_told) "
        "where state in ('planned', 'sent', 'observed') and resend_of is null"
    ),
    "create unique index resent_once_at_a_time on message (resend_of) where state = 'planned'",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
