"""Pages in a real browser: headless Chromium, driven by its command line, one start for many pages.

``python -m tests.chromium FOLDER`` leaves pictures of the kept mails, light, dark and on a telephone.
"""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--proxy-server=127.0.0.1:9",  # nothing is there: a page that asks for anything gets nothing
)
SCHEMES = {
    "light": "--blink-settings=preferredColorScheme=1",
    "dark": "--blink-settings=preferredColorScheme=0",
}
LONGEST_WAIT_SECONDS = 60
MEASURE = """
function channel(c) { c /= 255; return c <= 0.03928 ? c / 12.92 : Math.pow((c + 0.055) / 1.055, 2.4); }
function light(rgb) { return 0.2126 * channel(rgb[0]) + 0.7152 * channel(rgb[1]) + 0.0722 * channel(rgb[2]); }
function numbers(colour) { return colour.match(/[\\d.]+/g).map(Number); }
function ground(element) {
  for (; element; element = element.parentElement) {
    const found = numbers(getComputedStyle(element).backgroundColor);
    if (found.length < 4 || found[3] > 0) return found;
  }
  return null;
}
function contrast(element) {
  const below = ground(element);
  if (!below) return 0;
  const both = [light(numbers(getComputedStyle(element).color)), light(below)].sort((a, b) => b - a);
  return (both[0] + 0.05) / (both[1] + 0.05);
}
function measure(frame) {
  const page = frame.contentDocument, edge = page.documentElement.clientWidth, faint = [];
  const walker = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const ratio = node.data.trim() ? contrast(node.parentElement) : 21;
    if (ratio < 4.5) faint.push([node.data.trim().slice(0, 40), ratio]);
  }
  const beyond = [...page.body.querySelectorAll("*")].filter(e => e.getBoundingClientRect().right > edge + 1);
  return {
    width: edge, scrolls: page.documentElement.scrollWidth, faint: faint,
    beyond: beyond.map(e => e.tagName + " " + e.textContent.trim().slice(0, 40)).slice(0, 5),
    ground: ground(page.body), mail: page.querySelector("table").getBoundingClientRect().width,
    pictures: [...page.images].map(i => [i.naturalWidth, i.getBoundingClientRect().width]),
    words: page.body.innerText.length, height: page.body.scrollHeight,
  };
}
window.onload = () => {
  const found = {};
  for (const frame of document.querySelectorAll("iframe"))
    found[frame.name] = measure(frame);
  document.getElementById("found").textContent = JSON.stringify(found);
};
"""


def measured(browser: str, pages: Mapping[str, str], widths: Sequence[int], scheme: str) -> dict[str, Any]:
    """Return what every page measures at every width: ``name@width`` to its figures."""
    frames = [
        f'<iframe name="{html.escape(name)}@{width}" style="width:{width}px;height:600px;border:0" '
        f'srcdoc="{html.escape(page)}"></iframe>'
        for name, page in pages.items()
        for width in widths
    ]
    harness = (
        "<!doctype html><meta charset='utf-8'><style>:root, iframe { color-scheme: light dark }</style>"
        f"<pre id='found'></pre>{''.join(frames)}<script>{MEASURE}</script>"
    )
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "harness.html"
        page.write_text(harness, encoding="utf-8")
        dumped = _run(browser, folder, SCHEMES[scheme], "--dump-dom", page.as_uri())
    found = re.search(r'<pre id="found">(.*?)</pre>', dumped, re.DOTALL)
    if found is None or not found.group(1):
        raise RuntimeError(f"the browser measured nothing: {dumped[:2_000]}")
    return json.loads(html.unescape(found.group(1)))


def pictured(browser: str, page: str, width: int, height: int, scheme: str, path: Path) -> None:
    """Leave a picture of a page as somebody sees it."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "page.html"
        source.write_text(page, encoding="utf-8")
        size = f"--window-size={width},{height}"
        _run(browser, folder, SCHEMES[scheme], size, f"--screenshot={path}", source.as_uri())


def _run(browser: str, folder: str, *asked: str) -> str:
    command = [browser, *QUIET, f"--user-data-dir={folder}/profile", *asked]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=LONGEST_WAIT_SECONDS, check=True, encoding="utf-8"
    )
    return done.stdout


def main(folder: Path) -> None:
    """Leave pictures of the kept mails in a folder."""
    from riskops.report.pictures import draw
    from riskops.report.render import as_html
    from riskops.report.shown_alone import shown_alone
    from tests.golden.mornings import MORNINGS
    from tests.outside_programs import require

    folder.mkdir(parents=True, exist_ok=True)
    for name, morning in MORNINGS.items():
        mail = morning()
        page = shown_alone(as_html(mail), draw(mail.charts))
        for scheme, width, height in (("light", 640, 2_400), ("dark", 640, 2_400), ("light", 380, 3_400)):
            path = folder / f"{name}-{scheme}-{width}.png"
            pictured(require("chromium"), page, width, height, scheme, path.resolve())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
