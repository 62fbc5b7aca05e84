"""Know which goods perish, and on which somebody's safety rests."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "alter table sku_copy add column perishable boolean not null default false",
    "alter table sku_copy add column safety boolean not null default false",
    "alter table order_line add column perishable boolean not null default false",
    "alter table order_line add column safety boolean not null default false",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("what is known of the goods is not taken back")
