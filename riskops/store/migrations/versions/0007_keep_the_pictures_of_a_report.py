"""Keep the pictures of a report as they were drawn.

Revision: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _identifier(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "report_images",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("kind", _identifier(16), nullable=False),
        sa.Column("content_id", _identifier(64), nullable=False),
        sa.Column("png", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "session", "revision", "kind", "content_id", name=op.f("pk_report_images")
        ),
    )


def downgrade() -> None:
    op.drop_table("report_images")
