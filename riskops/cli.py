"""The ``riskops`` command: the verbs of the morning by hand, break-glass, and questions.

Exit codes: 0 done; 1 an error nobody foresaw (a traceback is shown); 2 wrong usage; 3 the
watchdog wants somebody to look; from 10 on the code of the error in `riskops.errors`; 124 a verb
of `morning` ran out of time.
"""

from __future__ import annotations

import typer

from riskops.commands import asking, catching, live, setting_up, verbs

app = typer.Typer(
    name="riskops",
    help=__doc__,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for group in (live, asking, verbs, setting_up, catching):
    app.add_typer(group.app)


def main() -> None:
    """Run the command line."""
    app()
