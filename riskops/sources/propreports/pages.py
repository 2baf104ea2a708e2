"""Whether an answer is whole: PropReports cuts long ones into pages and says so in the last line of each.

The last line ``Page 2/3`` is what tells a whole page from one that was cut short, so it has to be
there. Reports are documented without it: these end with a total line, which serves as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from riskops.sources.propreports.refusals import IncompleteAnswerError

MAX_PAGES = 400
TOTAL_WORDS = frozenset(
    {"equities", "options", "futures", "forex", "bonds", "crypto", "other", "total", "totals"}
)

_DATE = re.compile(r"[0-9]{1,4}[-/][0-9]{1,2}[-/][0-9]{1,4}")
_LAST_LINE = re.compile(r'"?Page\s+([0-9]{1,6})\s*/\s*([0-9]{1,6})"?[,\s]*')


def whole_answer(ask_page: Callable[[int], str], action: str, *, is_report: bool = False) -> tuple[str, ...]:
    """Return the texts of all pages, without their last lines.

    Parameters
    ----------
    ask_page
        Gives the text of a page by its number, from 1 on.
    action
        What is asked for, for messages.
    is_report
        Whether a total line may stand in for the last line.

    Raises
    ------
    IncompleteAnswerError
        If a page is missing, cut short or told twice.
    """
    text = ask_page(1)
    if is_report and _LAST_LINE.fullmatch(_last_line(text)) is None:
        return (_ended_by_total(text, action),)
    first, count = _cut(text, 1, action)
    pages = [first]
    for number in range(2, count + 1):
        page, told = _cut(ask_page(number), number, action)
        if told != count:
            raise IncompleteAnswerError(
                f"{action}: page {number} is one of {told}, the pages before were of {count}."
            )
        pages.append(page)
    _refuse_repeated(pages, action, whole_pages_only=is_report)
    return tuple(pages)


def is_total(first_cell: str) -> bool:
    """Say whether the word in the first cell of a row is that of a total line."""
    return first_cell.strip().lower() in TOTAL_WORDS


def _ended_by_total(text: str, action: str) -> str:
    """Return the text of a report that ends with a total line or holds no rows."""
    last = _last_line(text)
    ended = is_total(last.partition(",")[0].strip('"')) and not _DATE.search(last)
    if _has_rows(text) and not ended:
        raise IncompleteAnswerError(f"{action}: the report ends without its total line, it was cut short.")
    return text


def _has_rows(text: str) -> bool:
    """Say whether a report has more than a header and dates: a line with a figure."""
    lines = (line.strip('", \t') for line in text.splitlines())
    return any(re.search("[0-9]", line) and not _DATE.fullmatch(line) for line in lines)


def _cut(text: str, number: int, action: str) -> tuple[str, int]:
    """Return a page without its last line, and how many pages that line tells of."""
    match = _LAST_LINE.fullmatch(_last_line(text))
    if match is None:
        raise IncompleteAnswerError(f"{action}: page {number} lacks its last line, it was cut short.")
    told, count = int(match.group(1)), int(match.group(2))
    if told != number or count > MAX_PAGES or number > max(count, 1):
        raise IncompleteAnswerError(
            f"{action}: page {number} was asked for, page {told} of {count} was answered."
        )
    return text.rstrip().rpartition("\n")[0], count


def _last_line(text: str) -> str:
    return text.rstrip().rpartition("\n")[2].strip()


def _refuse_repeated(pages: Sequence[str], action: str, *, whole_pages_only: bool) -> None:
    """Refuse what stands on two pages: the pages moved while they were asked for.

    Rows of reports carry no identity, two of them may well be equal; whole pages may not.
    """
    seen: dict[str, int] = {}
    header = pages[0].partition("\n")[0].strip()
    for number, page in enumerate(pages, start=1):
        for part in [page] if whole_pages_only else _rows(page, header):
            if seen.setdefault(part, number) != number:
                raise IncompleteAnswerError(
                    f"{action}: what page {seen[part]} told is told again on page {number}."
                )


def _rows(page: str, header: str) -> Iterator[str]:
    for line in page.splitlines():
        row = line.strip()
        if row and row != header:
            yield row
