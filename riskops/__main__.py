"""``python -m riskops`` is the ``riskops`` command."""

from riskops.cli import main

main()
