"""Keep labels in other formats too, beside the file that the bench prints and no longer than it."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        create table label_copy (
          label_id uuid not null references label_file on delete cascade,
          format text not null check (format in ('png', 'pdf', 'zpl')),
          media_type text not null,
          content bytea not null,
          fetched_at timestamptz not null,
          forget_at timestamptz not null,
          primary key (label_id, format)
        )
        """
    )
    op.execute("create index label_copy_age on label_copy (forget_at)")
