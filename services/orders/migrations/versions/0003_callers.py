"""Create what is kept of callers: whether they proved who they are, and who looked at personal data."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_CALLERS = (
    """
    create table caller_verification (
      id uuid primary key,
      order_id uuid not null references orders,
      actor text not null,
      matched text[] not null,
      verified boolean not null,
      at timestamptz not null
    )
    """,
    "create index on caller_verification (order_id, actor, at)",
    """
    create table person_view (
      id uuid primary key,
      order_id uuid not null references orders,
      actor text not null,
      masked boolean not null,
      at timestamptz not null
    )
    """,
    "create index on person_view (order_id, at)",
    *(
        f"create trigger {table}_is_insert_only before update or delete on {table} "
        "for each row execute function refuse_change()"
        for table in ("caller_verification", "person_view")
    ),
)


def upgrade() -> None:
    for statement in _CALLERS:
        op.execute(statement)
