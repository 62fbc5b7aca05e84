"""Know which goods perish, and on which somebody's safety rests."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "alter table sku add column perishable boolean not null default false",
    "alter table sku add column safety boolean not null default false",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("what is known of the goods is not taken back")
