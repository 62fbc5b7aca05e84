"""Know what makes an order urgent: goods that perish, somebody's safety, the day of a gift."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "alter table watch add column perishable boolean not null default false",
    "alter table watch add column safety boolean not null default false",
    "alter table watch add column gift_due_at timestamptz",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("what is known of the goods is not taken back")
