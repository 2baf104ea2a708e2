"""The HTML of a mail outside of the mail that carries its pictures."""

from __future__ import annotations

import base64
from collections.abc import Iterable

from riskops.records import Picture


def shown_alone(html: str, pictures: Iterable[Picture]) -> str:
    """Return the HTML of a mail with its pictures within, for whoever opens it outside of the mail."""
    for picture in pictures:
        data = base64.b64encode(picture.png).decode()
        html = html.replace(f'src="cid:{picture.content_id}"', f'src="data:image/png;base64,{data}"')
    return html
