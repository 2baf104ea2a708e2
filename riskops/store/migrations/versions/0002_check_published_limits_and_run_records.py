"""Check published limits and run records, as the tables around them are checked.

Revision: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

VERBS = (
    "'ingest', 'validate', 'score_rules', 'score_pooled_model', 'compare', 'choose', 'publish', "
    "'compose_report', 'send_report'"
)
CHECKS = {
    "published_limits": {
        "reduction": "reduction BETWEEN 0 AND 80",
        "limit": "limit_cents > 0 AND limit_cents <= base_limit_cents",
        "rung": "rung IN (1, 2, 3, 4)",
    },
    "run_records": {
        "verb": f"verb IN ({VERBS})",
        "run_type": "run_type IN ('scheduled', 'manual', 'backfill', 'break_glass')",
        "state": "state IN ('started', 'done', 'failed', 'adopted', 'taken over', 'nothing new')",
        "finished": "(state = 'started') = (finished_at IS NULL)",
    },
}


def upgrade() -> None:
    for table, checks in CHECKS.items():
        with op.batch_alter_table(table) as batch_op:
            for name, condition in checks.items():
                batch_op.create_check_constraint(op.f(f"ck_{table}_{name}"), condition)


def downgrade() -> None:
    for table, checks in CHECKS.items():
        with op.batch_alter_table(table) as batch_op:
            for name in checks:
                batch_op.drop_constraint(op.f(f"ck_{table}_{name}"), type_="check")
