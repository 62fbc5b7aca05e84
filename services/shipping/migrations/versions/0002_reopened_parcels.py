"""Know of parcels that lie open again: scans of the label they had are not theirs."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table shipment add column reopened_at timestamptz")


def downgrade() -> None:
    op.execute("alter table shipment drop column reopened_at")
