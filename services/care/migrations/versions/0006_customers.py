"""Create what customers say on the status page, and let it be a channel of contacts."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "alter table contact drop constraint contact_channel_check",
    (
        "alter table contact add constraint contact_channel_check "
        "check (channel in ('phone', 'email', 'chat', 'letter', 'in_person', 'status_page'))"
    ),
    """
    create table evidence (
      id uuid primary key,
      order_id uuid not null,
      report_id uuid references watch_report,
      width integer not null,
      height integer not null,
      image bytea not null,
      at timestamptz not null
    )
    """,
    "create index on evidence (order_id, at)",
    """
    create table word (
      id uuid primary key,
      order_id uuid not null,
      kind text not null check (kind in ('wait', 'notices', 'rating')),
      value text not null,
      at timestamptz not null
    )
    """,
    "create index on word (order_id, kind, at)",
    "create unique index rated_once on word (order_id) where kind = 'rating'",
    "create index watch_first_promise on watch (first_deliver_by)",
    "create index word_rating on word (at) where kind = 'rating'",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
