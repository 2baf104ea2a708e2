"""What a no of PropReports means: it may pass, the token is stale, the login is refused, or it is final.

The API answers every problem with status 500 and a sentence. A refused password must be recognised
above all: said again and again it would lock the login out. So at the login every 500 counts as a
refusal unless its sentence speaks of a trouble that passes.
"""

from __future__ import annotations

import re

from riskops.errors import SourceError, SourceRefusedError

SHOWN_CHARACTERS = 160
BUSY = frozenset({429, 502, 503, 504})
FORBIDDEN = frozenset({401, 403})
PROBLEM = 500  # a sentence says which

_STALE = re.compile(
    r"\b(token|session)\b.*\b(expired|invalid|not valid|unknown|missing|required)\b"
    r"|\b(expired|invalid|unknown)\b.*\b(token|session)\b"
    r"|\bnot logged in\b|\blog ?in again\b",
    re.IGNORECASE,
)
_ABOUT_LOGIN = re.compile(r"\b(password|log-?in|logged|user|credentials?|locked|permission)\b", re.IGNORECASE)
_ABOUT_ACCOUNT = re.compile(
    r"\b(unknown|invalid|no such|not found|does not exist)\b.*\b(account|group)\b"
    r"|\b(account|group)\b.*\b(unknown|invalid|not found|does not exist|not exist)\b",
    re.IGNORECASE,
)
_PASSES = re.compile(
    r"\b(internal|temporar\w*|again|busy|time-?out|timed out|overload\w*|maintenance|unavailable|database)\b",
    re.IGNORECASE,
)


class PassingError(SourceError):
    """Something that may pass: asking again may help."""


class IncompleteAnswerError(PassingError):
    """An answer of which a part is missing, or told twice."""


class StaleTokenError(SourceError):
    """The token is not valid any more: log in anew."""


class FinalAnswerError(SourceError):
    """An answer that will be the same however often it is asked for in this fetch."""


def refusal(action: str, status: int, text: str) -> SourceError:
    """Return the error that a status and the sentence beside it stand for.

    Parameters
    ----------
    action
        What was asked for.
    status
        The status of the answer, not 200.
    text
        What the server said, without secrets.
    """
    said = f"{action}: PropReports answers {status}{_quoted(text)}."
    if status in BUSY:
        return PassingError(said)
    if action == "login":
        return _refused_login(status, said, text)
    if status in FORBIDDEN or (status == PROBLEM and _STALE.search(text)):
        return StaleTokenError(said)
    if status != PROBLEM or _ABOUT_LOGIN.search(text) or _ABOUT_ACCOUNT.search(text):
        return FinalAnswerError(said)
    return PassingError(said)


def _refused_login(status: int, said: str, text: str) -> SourceError:
    if status == PROBLEM and _PASSES.search(text) and not _ABOUT_LOGIN.search(text):
        return PassingError(said)
    if status not in FORBIDDEN | {PROBLEM}:
        return FinalAnswerError(f"{said} Check RISKOPS_PROPREPORTS_URL.")
    return SourceRefusedError(
        f"{said} Check RISKOPS_PROPREPORTS_USER and its password before it is tried again: "
        "a login that is refused too often may be locked."
    )


def one_line(text: str) -> str:
    """Return what a server said as messages show it: short, on one line, nothing invisible."""
    plain = " ".join(re.sub(r"<[^>]{0,200}>", " ", text).split())
    visible = "".join(character if character.isprintable() else "?" for character in plain)
    return visible if len(visible) <= SHOWN_CHARACTERS else visible[:SHOWN_CHARACTERS] + "..."


def _quoted(text: str) -> str:
    said = one_line(text)
    return f", {said!r}" if said else ""
