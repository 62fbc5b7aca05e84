"""Keep where in its topic each published event lies, and the trace each stream began with."""

from alembic import op

from shared.tables import TRACEABLE_EVENTS

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in TRACEABLE_EVENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("alter table stream drop column traceparent")
    op.execute('alter table event_log drop column partition, drop column "offset"')
