"""From a page's view model to HTML that needs no script and nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from riskops.desk_page.addresses import PAGES
from riskops.desk_page.parts import Reader

TEMPLATES = Path(__file__).parent / "templates"
NOBODY = Reader("", may_write=False)


@dataclass(frozen=True, slots=True)
class Said:
    """What a page answers to a form: what was done, or why it was refused, with what was typed."""

    done: str = ""
    form: str = ""
    refused: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)

    def kept(self, form: str, name: str) -> str:
        """Return what was typed into a field of the form that was refused."""
        return self.typed.get(name, "") if form == self.form else ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A page that only says something, with one link on."""

    says: tuple[str, ...]
    words: str = ""
    href: str = ""


NOTHING_SAID = Said()


def html(
    template: str, title: str, page: Any, reader: Reader, *, here: str = "", said: Said = NOTHING_SAID
) -> str:
    """Return a page; `here` is the address of the page in the navigation that it belongs to."""
    shown = _environment().get_template(f"{template}.html")
    return shown.render(title=title, page=page, reader=reader, here=here, said=said, pages=PAGES)


@cache
def style_digest() -> str:
    """Return the digest of the style sheet as a Content-Security-Policy names it."""
    style = _environment().get_template("style.css").render()
    return f"sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}"


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
