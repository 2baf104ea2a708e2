"""A page in headless Chromium that a test opens, fills in and looks at, through the browser's own protocol.

https://chromedevtools.github.io/devtools-protocol/ has the commands and events by name.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from tests.chromium import QUIET

LONGEST_WAIT_SECONDS = 60.0
POLL_SECONDS = 0.05
LISTENS = re.compile(r"DevTools listening on ws://127\.0\.0\.1:(\d+)/")
EVENTS = ("Page", "Network", "Runtime", "Log")
SEEN = """
(() => {
  const edge = document.documentElement.clientWidth, inside = e => e.closest(".wide, pre, svg");
  const beyond = [...document.body.querySelectorAll("*")]
    .filter(e => !inside(e) && !e.classList.contains("skip") && e.getBoundingClientRect().right > edge + 1)
    .map(e => e.tagName + " " + e.textContent.trim().slice(0, 40));
  return {
    width: edge, scrolls: document.documentElement.scrollWidth, beyond: beyond.slice(0, 5),
    words: document.body.innerText, ground: getComputedStyle(document.body).backgroundColor,
    title: document.title, address: location.pathname + location.search,
  };
})()
"""


class CommandError(Exception):
    """The browser did not do what it was told."""


class DrivenPage:
    """One page of a browser; `asked` are the addresses it requested, `complaints` what its console said."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._number = socket, 0
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self._loads = 0
        for domain in EVENTS:
            self.command(f"{domain}.enable")

    def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Give the browser a command and return its answer."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = self._next()
            if message.get("id") == self._number:
                if "error" in message:
                    raise CommandError(f"{method}: {message['error']}")
                return message["result"]

    def open(self, address: str) -> dict[str, Any]:
        """Go to an address, and return what is seen there."""
        return self._loading(lambda: self.command("Page.navigate", url=address))

    def click(self, selector: str) -> dict[str, Any]:
        """Click what a selector names and that leads to another page; return what is seen there."""
        return self._loading(lambda: self.evaluate(f"document.querySelector({json.dumps(selector)}).click()"))

    def fill(self, selector: str, text: str) -> None:
        """Type a text into a field."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).focus()")
        self.command("Input.insertText", text=text)

    def press(self, key: str, code: int) -> None:
        """Press a key, down and up."""
        for kind in ("rawKeyDown", "keyUp"):
            self.command("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def seen(self) -> dict[str, Any]:
        """Return what is seen: words, width, what is wider than the page, and its ground."""
        return self.evaluate(SEEN)

    def evaluate(self, program: str) -> Any:
        """Return the value of a piece of the page's own language."""
        found = self.command("Runtime.evaluate", expression=program, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, program: str) -> Any:
        """Wait until a piece of the page's own language says yes, and return what it says."""
        last = time.monotonic() + LONGEST_WAIT_SECONDS
        while time.monotonic() < last:
            with suppress(CommandError):  # the page is being left for another one
                if found := self.evaluate(program):
                    return found
            time.sleep(POLL_SECONDS)
        raise AssertionError(f"waited for {program}: {self.seen()}")

    def sized(self, width: int, height: int) -> None:
        """Be as wide and high as somebody's screen."""
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.command("Emulation.setDeviceMetricsOverride", **screen)

    def coloured(self, scheme: str) -> None:
        """Be looked at by somebody who likes ``light`` or ``dark`` pages."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.command("Emulation.setEmulatedMedia", features=features)

    def picture(self, path: Path) -> None:
        """Leave a picture of the whole page."""
        taken = self.command("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(taken["data"]))

    def _loading(self, begin: Any) -> dict[str, Any]:
        before = self._loads
        begin()
        last = time.monotonic() + LONGEST_WAIT_SECONDS
        while self._loads == before:
            assert time.monotonic() < last, "the page did not load"
            self._next()
        return self.seen()

    def _next(self) -> dict[str, Any]:
        message = json.loads(self._socket.recv(timeout=LONGEST_WAIT_SECONDS))
        told = message.get("params", {})
        match message.get("method"):
            case "Page.loadEventFired":
                self._loads += 1
            case "Network.requestWillBeSent":
                self.asked.append(told["request"]["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(str(told["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if told["type"] == "error":
                self.complaints.append(str(told["args"]))
            case "Log.entryAdded" if told["entry"]["level"] in ("error", "warning"):
                self.complaints.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
        return message


@contextmanager
def driven(browser: str) -> Iterator[DrivenPage]:
    """Start a browser with a profile of its own and hand out its page; it ends with the block."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [browser, *QUIET, f"--user-data-dir={folder}", "--remote-debugging-port=0", "about:blank"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        try:
            with connect(_address(process), max_size=None) as socket:
                yield DrivenPage(socket)
        finally:
            process.terminate()
            process.communicate(timeout=LONGEST_WAIT_SECONDS)


def _address(process: subprocess.Popen[str]) -> str:
    """Return where the browser's first page listens for commands."""
    assert process.stderr is not None
    for line in process.stderr:
        if found := LISTENS.search(line):
            pages = httpx.get(f"http://127.0.0.1:{found.group(1)}/json").json()
            return next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page")
    raise AssertionError(f"the browser ended with {process.wait()}")
