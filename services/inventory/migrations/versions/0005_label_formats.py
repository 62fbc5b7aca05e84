"""Know what a location's label printers read."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "alter table location add column label_format text not null default 'png' "
        "check (label_format in ('png', 'pdf', 'zpl'))"
    )


def downgrade() -> None:
    raise NotImplementedError("what printers read is not forgotten")
