"""The page at / in a real browser, driven over a pipe: what is pasted in, what is shown, on a desk and on a phone."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
KEY = "k" * 16
SERVER = f"""
import numpy as np
from polycritic.core import Binary, Interval, Scores, Task
from polycritic.serving import Served, serve

class Stub:
    def score(self, candidates, tasks, /):
        values = np.array([[np.nan if c.response == "abstain" else min(len(c.response), 100) / 100] for c in candidates])
        values = values * [10.0 if task.scale == Interval(0, 10) else 1.0 for task in tasks]
        return Scores(tuple(tasks), values, values * 0 + 0.05, np.stack([values - 0.1, values + 0.2], axis=-1))

tasks = (Task("answers/right", "Is it right?", Binary()), Task("useful", "Is it useful?", Interval(0, 10)))
serve(Served("stub", Stub(), tasks), port=0, keys=["{KEY}"])
"""

# Chrome reads commands from file 3 and answers into file 4.
START = """
import os, sys
for here, there in ((int(sys.argv[1]), 20), (int(sys.argv[2]), 21), (20, 3), (21, 4)):
    os.dup2(here, there)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """Chrome's DevTools protocol over a pipe: no socket, no package."""

    def __init__(self, folder: Path) -> None:
        assert BROWSER is not None
        ours, theirs = os.pipe(), os.pipe()
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        flags += ["--disable-background-networking", "--disable-extensions", "--remote-debugging-pipe"]
        words = [
            sys.executable,
            "-c",
            START,
            str(ours[0]),
            str(theirs[1]),
            BROWSER,
            *flags,
            f"--user-data-dir={folder}",
        ]
        null = subprocess.DEVNULL
        self.process = subprocess.Popen(words, pass_fds=(ours[0], theirs[1]), stdout=null, stderr=null)
        os.close(ours[0])
        os.close(theirs[1])
        self.to, self.of = os.fdopen(ours[1], "wb", buffering=0), os.fdopen(theirs[0], "rb")
        self.count, self.session, self.rest, self.loaded = 0, "", b"", False
        self.trouble: list[Any] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def open(self, url: str) -> None:
        self.loaded = False
        self.ask("Page.navigate", url=url)
        while not self.loaded:
            self.read()

    def ask(self, method: str, **arguments: Any) -> Any:
        self.count += 1
        message = {"id": self.count, "method": method, "params": arguments}
        self.to.write(json.dumps(message | ({"sessionId": self.session} if self.session else {})).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.count:
                assert "error" not in answer, answer
                return answer["result"]

    def read(self) -> Any:
        while b"\0" not in self.rest:
            more = self.of.raw.read(2**16)  # type: ignore[attr-defined]
            assert more, "the browser is gone"
            self.rest += more
        message, _, self.rest = self.rest.partition(b"\0")
        said = json.loads(message)
        if said.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
            self.trouble.append(said["params"])
        self.loaded |= said.get("method") == "Page.loadEventFired"
        return said

    def run(self, script: str) -> Any:
        """The value of an expression of JavaScript."""
        done = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def wait(self, condition: str) -> None:
        until = time.monotonic() + 60
        while not self.run(condition):
            assert time.monotonic() < until, f"{condition}: {self.run('document.body.innerText')}"
            time.sleep(0.05)

    def click(self, selector: str) -> None:
        self.run(f"document.querySelector('{selector}').scrollIntoView({{block: 'center'}})")
        box = self.run(
            f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])({element(selector)}.getBoundingClientRect())"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def write(self, selector: str, text: str) -> None:
        self.run(f"{element(selector)}.focus()")
        self.ask("Input.insertText", text=text)

    def press(self, key: str, code: int, *, control: bool = False) -> None:
        for kind in ("rawKeyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, modifiers=2 * control)

    def look(self, width: int, height: int, *, dark: bool = False) -> None:
        phone = width < 600
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, name: str) -> None:
        """Keep what is seen, where the environment names a folder for it."""
        if folder := os.environ.get("POLYCRITIC_PICTURES"):
            data = self.ask("Page.captureScreenshot", captureBeyondViewport=True)["data"]
            (Path(folder) / f"{name}.png").write_bytes(base64.b64decode(data))

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.to.close()
        self.of.close()


def element(selector: str) -> str:
    return f"document.querySelector('{selector}')"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "server.py").write_text(SERVER)
    server = subprocess.Popen([sys.executable, tmp_path / "server.py"], stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    try:
        found = next(filter(None, (re.search(r"running on (\S+)", line) for line in server.stderr)))
        yield found.group(1)
    finally:
        server.kill()
        server.wait()
        server.stderr.close()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    if BROWSER is None:
        pytest.skip("needs a browser: chromium or chrome")
    it = Browser(tmp_path / "browser")
    yield it
    it.close()


ROWS = """[...document.querySelectorAll('#result ol')].map(list => [...list.children].map(item =>
    ['.rank', '.text', '.value'].map(part => item.querySelector(part).textContent)))"""
WIDE = "document.documentElement.scrollWidth - window.innerWidth"
PASTE = """(() => { const data = new DataTransfer(); data.setData('text', %s); %s.dispatchEvent(
    new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true})); })()"""


def test_candidates_are_pasted_scored_and_shown(browser: Browser, address: str) -> None:
    browser.look(1280, 900)
    browser.open(address)
    browser.wait("document.getElementById('error').textContent.includes('a valid key')")
    assert browser.run("document.activeElement.id") == "key"
    browser.write("#key", KEY)
    browser.press("Tab", 9)  # leaving the field is enough
    browser.wait("document.querySelectorAll('#tasks input').length === 2")
    assert browser.run("document.getElementById('error').textContent") == ""

    browser.click("#go")
    assert browser.run("document.getElementById('error').textContent") == "Write a candidate first."
    browser.write("#prompt", "2 + 2 = ?")
    attack = "<img src=x onerror=document.title='owned'>"
    pasted = f"four\n---\n{attack}\n---\nabstain\n---\nfive\n---\n{'x' * 300}"
    browser.run(PASTE % (json.dumps(pasted), element(".candidate textarea")))
    assert browser.run("texts().map(t => t.value)") == ["four", attack, "abstain", "five", "x" * 300]
    browser.click("#tasks label:nth-child(2)")
    browser.write("#own", "Is it polite?")
    assert browser.run("[...document.querySelectorAll('input, textarea')].filter(e => !e.labels.length).length") == 0
    browser.click("#go")
    browser.wait("document.querySelectorAll('#result ol').length === 3")
    share = len(attack) / 100
    first = [
        ["1", "x" * 300, "1 from 0.9 to 1.2"],
        ["2", attack, f"{share:g} from {share - 0.1:g} to {share + 0.2:g}"],
        ["3", "four", "0.04 from -0.06 to 0.24"],
        ["3", "five", "0.04 from -0.06 to 0.24"],
        ["–", "abstain", "The judge abstains."],
    ]
    shown = browser.run(ROWS)
    assert shown[0] == shown[2] == first
    assert [row[2].split()[0] for row in shown[1][:4]] == ["10", f"{share * 10:g}", "0.4", "0.4"]
    assert browser.run("[...document.querySelectorAll('h2')].map(h => h.textContent)") == [
        "All tasks", "answers/right", "useful", "Is it polite?",
    ]  # fmt: skip
    cells = browser.run("[...document.querySelectorAll('tbody tr')].map(r => [...r.cells].map(c => c.textContent))")
    assert cells[0] == ["1. four", "0.04", "0.4", "0.04"]
    assert cells[2] == ["3. abstain", "–", "–", "–"]
    bars = "[...document.querySelectorAll('ol')[0].querySelectorAll('.bar i')].map(b => parseFloat(b.style.left))"
    low, high = -0.06, 1.2
    assert browser.run(bars) == pytest.approx(
        [100 * (v - low) / (high - low) for v in (1, share, 0.04, 0.04)], abs=0.01
    )
    assert browser.run("document.title") == "Try the critic"
    assert browser.run(WIDE) <= 0
    browser.picture("desk")
    browser.look(1280, 900, dark=True)
    ground = "getComputedStyle(document.body).backgroundColor"
    assert browser.run(ground) == "rgb(22, 24, 27)"
    browser.picture("desk-dark")

    browser.look(390, 844)
    assert browser.run(ground) == "rgb(255, 255, 255)"
    assert browser.run("window.innerWidth") == 390
    assert browser.run(WIDE) <= 0
    browser.picture("phone")

    browser.run("document.getElementById('result').replaceChildren()")
    browser.run("texts()[0].focus()")
    browser.press("Enter", 13, control=True)
    browser.wait("document.querySelectorAll('#result ol').length === 3")
    browser.run("document.querySelector('.candidate button').click()")
    assert browser.run("texts().length") == 4
    assert browser.run("document.querySelectorAll('.candidate label')[3].textContent") == "Candidate 4"
    known = [t for t in browser.trouble if "401" not in json.dumps(t)]
    assert known == []


def test_what_goes_wrong_is_said(browser: Browser, address: str) -> None:
    browser.look(390, 844, dark=True)
    browser.open(address)
    browser.wait("document.activeElement.id === 'key'")
    browser.write("#key", KEY)
    browser.press("Tab", 9)
    browser.wait("document.querySelectorAll('#tasks input').length === 2")
    browser.write(".candidate textarea", "four")
    browser.run("document.querySelectorAll('#tasks input').forEach(box => { box.checked = false; })")
    browser.click("#go")
    assert "Choose a task" in browser.run("document.getElementById('error').textContent")
    browser.run(
        "document.querySelector('#tasks input').checked = true; window.fetch = () => Promise.reject(new TypeError())"
    )
    browser.click("#go")
    browser.wait("document.getElementById('error').textContent === 'The server does not answer.'")
    assert browser.run("document.getElementById('go').disabled") is False
    assert browser.run(WIDE) <= 0
    browser.picture("phone-error")
