"""Keep of sent messages neither whom they greeted nor the link by which their reader acts."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "update message set body = regexp_replace(body, '^Hello [^\n]*', 'Hello,') where body like 'Hello %'",
    """
    update message set body = regexp_replace(body, 'Where it is, and what you can do: [^\n]*\n\n', '')
    where body like '%Where it is, and what you can do: %'
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
