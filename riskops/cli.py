"""The verbs of the morning by hand, break-glass, and questions about what was decided.

Exit codes:

- 0: done
- 1: an error nobody foresaw; a traceback is shown
- 2: wrong usage
- 3: the watchdog wants somebody to look
- from 10 on: the named error that is printed, listed in docs/runbook.md
- 124: a verb of the morning ran out of time
"""

from __future__ import annotations

import typer

from riskops.commands import (
    asking,
    catching,
    evaluating,
    explaining,
    keeping,
    live,
    overriding,
    reigning,
    replaying,
    roster,
    setting_up,
    status,
    study,
    trial,
    verbs,
)

app = typer.Typer(
    name="riskops",
    help=__doc__,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=False,
)
PANELS = {
    "The morning": (live, status),
    "Questions": (explaining, asking, reigning, replaying),
    "The verbs, one by one": (verbs,),
    "History as a whole": (evaluating,),
    "The roster": (roster,),
    "By somebody's word": (overriding,),
    "Set up and keep": (setting_up, keeping),
    "Trials": (trial, catching, study),
}
for panel, groups in PANELS.items():
    for group in groups:
        for command in group.app.registered_commands:
            command.rich_help_panel = panel
        for commands in group.app.registered_groups:
            commands.rich_help_panel = panel
        app.add_typer(group.app)


def main() -> None:
    """Run the command line."""
    app()
