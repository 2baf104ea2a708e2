"""Keep what the decided limit was worth where somebody's override was in force, and the override itself.

Revision: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

POLICIES = ("applied", "rules", "pooled_model")
OF_OVERRIDES = ("decided", "override")


def upgrade() -> None:
    _allow(*POLICIES, *OF_OVERRIDES)


def downgrade() -> None:
    op.execute(sa.delete(sa.table("economics")).where(sa.column("policy").in_(OF_OVERRIDES)))
    _allow(*POLICIES)


def _allow(*policies: str) -> None:
    listed = ", ".join(f"'{policy}'" for policy in policies)
    with op.batch_alter_table("economics") as batch_op:
        batch_op.drop_constraint(op.f("ck_economics_policy"), type_="check")
        batch_op.create_check_constraint(op.f("ck_economics_policy"), f"policy IN ({listed})")
