"""Create the wishes to forget a customer; let the log of looks at people be dropped by age, and by nothing else."""

from alembic import op

from shared.migrate import index_beside_work
from shared.tables import DROPPED_BY_AGE, dropped_by_age

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "alter table orders add column if not exists erased_at timestamptz",
    """
    create table if not exists erasure (
      order_id uuid primary key references orders,
      state text not null check (state in ('waiting', 'erased')),
      asked_by text not null,
      reason text not null,
      asked_at timestamptz not null,
      since timestamptz not null,
      due_at timestamptz,
      look_at timestamptz,
      waits_for text not null,
      check ((state = 'waiting') = (look_at is not null and due_at is not null))
    )
    """,
    "create index if not exists erasure_look on erasure (look_at) where look_at is not null",
    DROPPED_BY_AGE,
    dropped_by_age("caller_verification"),
    dropped_by_age("person_view"),
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
    index_beside_work(
        "orders_known_customers",
        "orders (since) where state in ('completed', 'cancelled', 'rejected') and erased_at is null",
    )
