"""Taking the risk database of a desk away from everybody who uses it, and giving it back."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from tests.desks import POSTGRESQL, database_url
from tests.postgres_server import let_in, shut_out

AWAY = "away"


def take_away(folder: Path) -> None:
    """Let nobody reach the risk database below `folder`; again changes nothing."""
    if (folder / POSTGRESQL).exists():
        shut_out(sa.make_url(database_url(folder)))
    elif not (folder / AWAY).exists():
        (folder / AWAY).mkdir()
        for file in folder.glob("risk.db*"):
            file.rename(folder / AWAY / file.name)


def give_back(folder: Path) -> None:
    """Let the risk database below `folder` be where it was; again changes nothing."""
    if (folder / POSTGRESQL).exists():
        let_in(sa.make_url(database_url(folder)))
    elif (folder / AWAY).exists():
        for stray in folder.glob("risk.db*"):
            stray.unlink()
        for file in (folder / AWAY).iterdir():
            file.rename(folder / file.name)
        (folder / AWAY).rmdir()
