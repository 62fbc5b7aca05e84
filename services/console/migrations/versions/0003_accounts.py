"""Let people set their passwords by a link, and sign in through an identity provider."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # Who signs in through the provider only has no password here.
    "alter table staff alter column password_hash drop not null",
    "alter table staff add column identity text unique",
    "alter table sign_in add column acted_by text not null default ''",
    "alter table sign_in drop constraint sign_in_outcome_check",
    """
    alter table sign_in add constraint sign_in_outcome_check check (outcome in ('tried', 'signed_in', 'locked',
      'signed_out', 'role_changed', 'signed_in_by_provider', 'provider_refused', 'link_made', 'password_set',
      'disabled', 'enabled'))
    """,
    """
    create table password_link (
      token_hash text primary key,
      staff_id uuid not null references staff,
      made_by text not null,
      created_at timestamptz not null,
      expires_at timestamptz not null,
      used_at timestamptz
    )
    """,
    "create index on password_link (staff_id)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
