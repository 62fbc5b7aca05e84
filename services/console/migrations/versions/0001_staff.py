"""Create staff, sessions and the sign-in audit."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    create table staff (
      id uuid primary key,
      login text not null,
      name text not null,
      password_hash text not null,
      roles text[] not null check (cardinality(roles) > 0 and roles <@ array[
        'picker', 'warehouse_lead', 'support', 'care', 'care_lead', 'operator', 'admin']),
      locations text[] not null,
      created_at timestamptz not null,
      disabled_at timestamptz
    )
    """,
    "create unique index on staff (lower(login))",
    """
    create table session (
      token_hash text primary key,
      staff_id uuid not null references staff,
      role text not null,
      created_at timestamptz not null,
      seen_at timestamptz not null,
      expires_at timestamptz not null
    )
    """,
    "create index on session (staff_id)",
    "create index on session (expires_at)",
    """
    create table sign_in (
      id uuid primary key,
      at timestamptz not null,
      login text not null,
      address text not null,
      outcome text not null check (outcome in ('tried', 'signed_in', 'locked', 'signed_out', 'role_changed')),
      staff_id uuid references staff
    )
    """,
    "create index on sign_in (login, at)",
    "create index on sign_in (address, at)",
    """
    create function refuse_change() returns trigger language plpgsql as
    $$ begin raise exception 'rows of % are never changed', tg_table_name; end $$
    """,
    """
    create trigger sign_in_is_insert_only before update or delete on sign_in
    for each row execute function refuse_change()
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
