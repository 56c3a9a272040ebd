"""Firefox as Debian ships it, driven through its own remote protocol (Marionette).

Playwright drives only a Firefox of its own making, which no package registry has. Marionette is in every Firefox: the
commands of WebDriver as JSON, each behind its length, over a socket on this machine.
https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FIREFOX = Path("/usr/bin/firefox-esr")
ENTER, TAB = "\ue007", "\ue004"
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # WebDriver's name for a reference to an element
_PREFERENCES = {
    "marionette.port": 0,  # the one that it takes stands in MarionetteActivePort
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
    "app.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "http://127.0.0.1:1",
}


class FirefoxPage:
    """One window, with the few actions that the tests of forms need; each waits until its page is loaded."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._number = connection, 0
        self._buffer = b""
        self._receive()  # it introduces itself
        self.command("WebDriver:NewSession", {"pageLoadStrategy": "normal", "timeouts": {"pageLoad": 30_000}})

    def command(self, name: str, parameters: dict[str, Any] | None = None) -> Any:
        """Send a command of WebDriver, and return its value."""
        self._number += 1
        body = json.dumps([0, self._number, name, parameters or {}]).encode()
        self._connection.sendall(b"%d:%b" % (len(body), body))
        _, _, error, value = self._receive()
        if error:
            raise AssertionError(f"{name}: {error['error']}: {error['message']}")
        return value["value"] if isinstance(value, dict) and value.keys() == {"value"} else value

    def goto(self, url: str) -> None:
        """Open an address."""
        self.command("WebDriver:Navigate", {"url": url})

    def back(self) -> None:
        """Go back."""
        self.command("WebDriver:Back")

    @property
    def url(self) -> str:
        """The address of the page."""
        return str(self.command("WebDriver:GetCurrentURL"))

    def run(self, script: str, *arguments: Any) -> Any:
        """Run JavaScript, which may `return` a value."""
        return self.command("WebDriver:ExecuteScript", {"script": script, "args": list(arguments)})

    def fill(self, selector: str, text: str) -> None:
        """Put a text into a field in place of what it holds, by keys."""
        found = self._find(selector)
        self.command("WebDriver:ElementClear", {"id": found})
        if text:
            self.command("WebDriver:ElementSendKeys", {"id": found, "text": text})

    def click(self, selector: str) -> None:
        """Click, and wait for the page that this may lead to."""
        self.command("WebDriver:ElementClick", {"id": self._find(selector)})

    def enter(self, selector: str) -> None:
        """Press Enter in a field, and wait for the next page."""
        self.run("document.documentElement.dataset.before = 'yes'")
        # By the keyboard: keys that are sent to a field of a time only set its value.
        self.run("document.querySelector(arguments[0]).focus()", selector)
        self.press(ENTER)
        # Between the two pages there may be an empty document, which is complete as well.
        loaded = "document.readyState === 'complete' && document.body?.childElementCount > 0"
        self.wait(f"{loaded} && !document.documentElement.dataset.before")

    def press(self, key: str) -> None:
        """Press a key where the focus is."""
        strokes = [{"type": stroke, "value": key} for stroke in ("keyDown", "keyUp")]
        self.command("WebDriver:PerformActions", {"actions": [{"type": "key", "id": "keys", "actions": strokes}]})

    def wait(self, condition: str, seconds: float = 20.0) -> None:
        """Wait until a JavaScript expression is true."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                if self.run(f"return Boolean({condition})"):
                    return
            except AssertionError:
                pass  # between two pages there is no document
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {condition}, at {self.url}")

    def text(self, selector: str) -> str:
        """What an element shows."""
        return str(self.command("WebDriver:GetElementText", {"id": self._find(selector)}))

    def value(self, selector: str) -> str:
        """What a field holds."""
        return str(self.run("return document.querySelector(arguments[0]).value", selector))

    def is_visible(self, selector: str) -> bool:
        """Whether an element is shown."""
        return bool(self.command("WebDriver:IsElementDisplayed", {"id": self._find(selector)}))

    def _find(self, selector: str) -> str:
        found = self.command("WebDriver:FindElement", {"using": "css selector", "value": selector})
        return str(found[_ELEMENT])

    def _receive(self) -> Any:
        while b":" not in self._buffer:
            self._read()
        length, _, self._buffer = self._buffer.partition(b":")
        while len(self._buffer) < int(length):
            self._read()
        body, self._buffer = self._buffer[: int(length)], self._buffer[int(length) :]
        return json.loads(body)

    def _read(self) -> None:
        piece = self._connection.recv(1 << 16)
        if not piece:
            raise AssertionError("Firefox has ended")
        self._buffer += piece


@contextmanager
def firefox(profile: Path) -> Iterator[FirefoxPage]:
    """A Firefox with a new profile in this folder, ended afterwards."""
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in _PREFERENCES.items())
    (profile / "user.js").write_text("\n".join(lines))
    command = [FIREFOX, "--headless", "--no-remote", "--marionette", "--profile", profile]
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(profile), "MOZ_DISABLE_CONTENT_SANDBOX": "1"},
    )
    try:
        with socket.create_connection(("127.0.0.1", _port(profile, process)), timeout=60) as connection:
            yield FirefoxPage(connection)
    finally:
        process.terminate()
        process.wait(30)


def _port(profile: Path, process: subprocess.Popen[bytes]) -> int:
    file, until = profile / "MarionetteActivePort", time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        if file.exists() and (text := file.read_text()).strip():
            return int(text)
        time.sleep(0.1)
    raise AssertionError("Firefox did not start")
