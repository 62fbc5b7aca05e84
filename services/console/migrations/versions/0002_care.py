"""Keep saved views of the queue, who has which case open, and whether single keys act."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "alter table staff add column single_keys boolean not null default true",
    """
    create table saved_view (
      id uuid primary key,
      staff_id uuid not null references staff,
      name text not null check (name <> ''),
      wanted jsonb not null,
      created_at timestamptz not null,
      unique (staff_id, name)
    )
    """,
    """
    create table presence (
      case_id uuid not null,
      staff_id uuid not null references staff,
      seen_at timestamptz not null,
      primary key (case_id, staff_id)
    )
    """,
    "create index on presence (seen_at)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
