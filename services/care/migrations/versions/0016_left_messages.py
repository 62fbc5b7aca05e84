"""Keep under which keys messages left that a restored database does not know to have left."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create table left_message (key uuid primary key, at timestamptz not null)")
