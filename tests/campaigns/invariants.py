"""What must hold at the end of every story, whatever happened in it.

Each invariant yields its complaints about an ending, given the ending of an undisturbed morning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from email.message import EmailMessage
from typing import Any

from riskops.delivery import POSSIBLE_DUPLICATE
from riskops.errors import LimitsFileError
from riskops.limits_file import CURRENT, JSON_NAME, State, from_json
from riskops.store.outbox import SENT
from tests.builders import SESSION
from tests.campaigns.stories import Act
from tests.campaigns.theatre import DONE, KILLED, Ending

Invariant = Callable[[Ending, Ending], Iterator[str]]


def who_is_not_disturbed_succeeds(ending: Ending, _undisturbed: Ending) -> Iterator[str]:
    """Say which verbs failed although nobody killed them."""
    for act, statuses in zip(ending.story.acts, ending.statuses, strict=True):
        for job, status in zip(act.jobs, statuses, strict=True):
            if status not in _expected(act, is_killed=job.kill is not None):
                yield f"{job} ended with status {status}"


def _expected(act: Act, *, is_killed: bool) -> Sequence[int]:
    return (DONE, *(KILLED if is_killed else ()), *((1,) if act.may_fail else ()))


def the_decisions_are_those_of_an_undisturbed_morning(ending: Ending, undisturbed: Ending) -> Iterator[str]:
    """Say whose limits differ."""
    usual = {row["trader_id"]: row for row in undisturbed.table("decisions")}
    found = {row["trader_id"]: row for row in ending.table("decisions")}
    for trader_id in sorted(usual.keys() | found.keys()):
        if usual.get(trader_id) != found.get(trader_id):
            yield f"trader {trader_id}: {found.get(trader_id)} instead of {usual.get(trader_id)}"


def the_session_is_sealed(ending: Ending, undisturbed: Ending) -> Iterator[str]:
    """Say whether automatic change has not ended."""
    if ending.table("seals") != undisturbed.table("seals"):
        yield f"the seals are {ending.table('seals')}"


def every_mail_is_known_to_be_sent(ending: Ending, _undisturbed: Ending) -> Iterator[str]:
    """Say which rows of the outbox are not at their end."""
    for row in ending.table("outbox"):
        if row["state"] != SENT:
            yield f"the mail to {row['recipient']} is {row['state']}: {row['problem']}"


def everybody_gets_one_mail_or_knows_why_not(ending: Ending, undisturbed: Ending) -> Iterator[str]:
    """Say who got no mail, another one, more copies than doubts explain, or a copy that does not say so."""
    for recipient, (usual,) in undisturbed.mails.items():
        copies, doubts = ending.mails[recipient], ending.doubts[recipient]
        unmarked = [copy for copy in copies if not _is_marked(copy)]
        told = f"{recipient} got {len(copies)} mails, {len(unmarked)} of them unmarked, with {doubts} doubts"
        if not 1 <= len(copies) <= 1 + doubts or len(unmarked) > 1:
            yield told
        if len(unmarked) == 0 and doubts + ending.killed_senders == 0:
            yield f"{told} and no sender killed"
        if unmarked and copies[0] is not unmarked[0]:
            yield f"{told}: the first one is marked, a later one is not"
        if {copy["Message-ID"] for copy in copies} - {usual["Message-ID"]}:
            yield f"{recipient} got a mail with another Message-ID than {usual['Message-ID']}"
        if any(copy.as_bytes() != usual.as_bytes() for copy in unmarked):
            yield f"{recipient} got another mail than on an undisturbed morning"


def _is_marked(mail: EmailMessage) -> bool:
    """Say whether a mail warns of its twin, in every form it has: an emergency mail is text only."""
    bodies = [body for kind in ("plain", "html") if (body := mail.get_body((kind,))) is not None]
    is_whole = len(bodies) == (1 if "EMERGENCY" in mail["Subject"] else 2)
    return is_whole and all(POSSIBLE_DUPLICATE in body.get_content() for body in bodies)


def the_database_is_that_of_an_undisturbed_morning(ending: Ending, undisturbed: Ending) -> Iterator[str]:
    """Say which tables differ, run records and the number of tries apart."""
    for table, rows in undisturbed.rows.items():
        if ending.rows[table] != rows:
            more = [row for row in ending.rows[table] if row not in rows]
            less = [row for row in rows if row not in ending.rows[table]]
            yield f"table {table}: {len(more)} rows too many, {len(less)} missing; {[*more, *less][:2]}"


def the_limits_files_have_what_is_sealed(ending: Ending, _undisturbed: Ending) -> Iterator[str]:
    """Say what a limits file says otherwise than what was sealed."""
    sealed = {row["trader_id"]: row for row in ending.table("published_limits") if _is_of(row)}
    for name in (f"{SESSION}/{JSON_NAME}", f"{CURRENT}/{JSON_NAME}"):
        yield from _disagreement(name, ending.files.get(name, b""), sealed)


def the_limits_files_are_the_usual_ones(ending: Ending, undisturbed: Ending) -> Iterator[str]:
    """Say which limits file is not as usual."""
    for name in sorted(undisturbed.files.keys() | ending.files.keys()):
        if undisturbed.files.get(name) != ending.files.get(name):
            yield f"{name} is not what it is after an undisturbed morning"


def _disagreement(name: str, data: bytes, sealed: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    try:
        file = from_json(data)
    except LimitsFileError as error:
        yield f"{name}: {error}"
        return
    if file.state is not State.SEALED:
        yield f"{name} says {file.state}"
    if {line.trader_id: _numbers(asdict(line)) for line in file.lines} != {
        trader_id: _numbers(row) for trader_id, row in sealed.items()
    }:
        yield f"{name} has other limits than those that were sealed"


def _numbers(limit: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(limit[name]) for name in ("limit_cents", "reduction", "base_limit_cents", "rung"))


INVARIANTS: tuple[Invariant, ...] = (
    who_is_not_disturbed_succeeds,
    the_decisions_are_those_of_an_undisturbed_morning,
    the_session_is_sealed,
    every_mail_is_known_to_be_sent,
    everybody_gets_one_mail_or_knows_why_not,
    the_database_is_that_of_an_undisturbed_morning,
    the_limits_files_have_what_is_sealed,
    the_limits_files_are_the_usual_ones,
)


def nothing_unforeseen_is_raised(ending: Ending, _undisturbed: Ending) -> Iterator[str]:
    """Say whether a process ended with a traceback because the database was away."""
    if "Traceback" in ending.said:
        yield ending.said


def a_mail_is_out_and_the_session_sealed(ending: Ending, _undisturbed: Ending) -> Iterator[str]:
    """Say whether automatic change has not ended."""
    if SESSION not in {row["session"] for row in ending.table("seals")}:
        yield f"the seals are {ending.table('seals')}"


def nobody_gets_a_second_mail_that_does_not_say_so(ending: Ending, undisturbed: Ending) -> Iterator[str]:
    """Say who got no mail, more copies than doubts explain, two that do not say so, or another Message-ID."""
    for recipient, (usual,) in undisturbed.mails.items():
        copies, doubts = ending.mails[recipient], ending.doubts[recipient]
        unmarked = [copy for copy in copies if not _is_marked(copy)]
        told = f"{recipient} got {len(copies)} mails, {len(unmarked)} of them unmarked, with {doubts} doubts"
        if not 1 <= len(copies) <= 1 + doubts or len(unmarked) > 1:
            yield told
        if unmarked and copies[0] is not unmarked[0]:
            yield f"{told}: the first one is marked, a later one is not"
        if {copy["Message-ID"] for copy in copies} - {usual["Message-ID"]}:
            yield f"{recipient} got a mail with another Message-ID than {usual['Message-ID']}"


def every_mail_has_the_limits_that_are_sealed(ending: Ending, undisturbed: Ending) -> Iterator[str]:
    """Say which mail names other limits: the undisturbed morning's, or those it lists."""
    sealed = {row["trader_id"]: row["limit_cents"] for row in ending.table("published_limits") if _is_of(row)}
    usual = {
        row["trader_id"]: row["limit_cents"] for row in undisturbed.table("published_limits") if _is_of(row)
    }
    for recipient, copies in ending.mails.items():
        for copy in copies:
            named = listed_limits(copy) if "EMERGENCY" in copy["Subject"] else usual
            if named != sealed:
                yield f"{recipient} got {copy['Subject']!r} with {named}, sealed is {sealed}"


def _is_of(row: Mapping[str, Any]) -> bool:
    return row["session"] == SESSION


def listed_limits(mail: EmailMessage) -> dict[str, int]:
    """Return the limits that an emergency mail lists, in cents by trader."""
    text = mail.get_body(("plain",)).get_content()
    found = re.findall(r"^Trader (\w+)[^:\n]*: (?:REDUCE LIMIT BY \d+% to )?\$([\d,]+)", text, re.MULTILINE)
    return {trader_id: int(dollars.replace(",", "")) * 100 for trader_id, dollars in found}


OF_AN_OUTAGE: tuple[Invariant, ...] = (
    who_is_not_disturbed_succeeds,
    nothing_unforeseen_is_raised,
    a_mail_is_out_and_the_session_sealed,
    every_mail_is_known_to_be_sent,
    nobody_gets_a_second_mail_that_does_not_say_so,
    every_mail_has_the_limits_that_are_sealed,
    the_limits_files_have_what_is_sealed,
)


def complaints(ending: Ending, undisturbed: Ending) -> list[str]:
    """Return what an ending violates, by invariant."""
    return [
        f"{invariant.__name__.replace('_', ' ')}: {complaint}"
        for invariant in (OF_AN_OUTAGE if ending.story.is_outage else INVARIANTS)
        for complaint in invariant(ending, undisturbed)
    ]
