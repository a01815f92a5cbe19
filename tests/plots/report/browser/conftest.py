"""A real browser, headless, driven through its DevTools protocol.

It speaks the protocol over two pipes (messages of JSON that end in NUL), so that nothing but the
standard library and a Chromium is needed. Without one these tests are skipped, unless the
environment insists.
"""

import base64
import fcntl
import json
import os
import re
import select
import shutil
import signal
import time

import pytest

from nnscratch_plots.report import write_report

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless", "--remote-debugging-pipe", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--disable-dev-shm-usage", "--no-proxy-server",
)  # fmt: skip
KEYS = {"End": 35, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}


class Browser:
    """One headless Chromium with one page."""

    def __init__(self, program, profile):
        ours, theirs = self._pipes()
        self._write, self._read = ours
        flags = [*FLAGS, f"--user-data-dir={profile}", "about:blank"]
        if os.geteuid() == 0:
            flags.insert(0, "--no-sandbox")  # Chromium refuses to run as root with it
        null = (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)
        to_child = [
            (os.POSIX_SPAWN_DUP2, fd, number) for fd, number in zip(theirs, (3, 4), strict=True)
        ]
        self._process = os.posix_spawn(
            program, [program, *flags], os.environ, file_actions=[null, *to_child], setpgroup=0
        )
        for fd in theirs:
            os.close(fd)
        self._buffer, self._number, self.session, self.events = b"", 0, None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    @staticmethod
    def _pipes():
        """Two pipes with numbers above 9, so that moving them to 3 and 4 covers none of them."""
        (child_read, write), (read, child_write) = os.pipe(), os.pipe()
        moved = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (child_read, child_write)]
        os.close(child_read)
        os.close(child_write)
        return (write, read), moved

    def call(self, method, **arguments):
        """Send one command and return its result; events that arrive meanwhile are kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": arguments}
        if self.session:
            message["sessionId"] = self.session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 60
        while True:
            answer = self._next(deadline, method)
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self.events.append(answer)

    def _next(self, deadline, waiting_for):
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"the browser did not answer {waiting_for} within a minute"
            got = os.read(self._read, 1 << 20)
            assert got, f"the browser ended while answering {waiting_for}"
            self._buffer += got
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def open(self, path, *, width=1280, height=900, script=True, **media):
        """Open a file, with a fresh page and an empty list of events, and wait until it is loaded.

        `media` sets features by name: ``prefers_color_scheme="dark"``; `media_type` is the medium.
        """
        kind = media.pop("media_type", "screen")
        features = [{"name": k.replace("_", "-"), "value": v} for k, v in media.items()]
        self.call("Emulation.setEmulatedMedia", media=kind, features=features)
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        self.call("Emulation.setScriptExecutionDisabled", value=not script)
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        deadline = time.monotonic() + 60
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next(deadline, "Page.navigate"))
        if script:
            self.settle()

    def evaluate(self, expression):
        """Value of a JavaScript expression in the page."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def settle(self):
        """Wait until the page has drawn."""
        self.evaluate("new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")

    def place(self, chart, *arguments):
        """Viewport pixels of a point of a chart, after scrolling to it."""
        given = ", ".join(json.dumps(one) if not isinstance(one, str) else one for one in arguments)
        self.evaluate(f"{chart}.canvas.scrollIntoView({{block: 'center'}})")
        return self.evaluate(
            f"(() => {{ const box = {chart}.canvas.getBoundingClientRect();"
            f" const [x, y] = {chart}.locate({given}); return [box.left + x, box.top + y]; }})()"
        )

    def hover(self, chart, *arguments):
        """Move the pointer there and return the text that appears."""
        x, y = self.place(chart, *arguments)
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        self.settle()
        assert not self.evaluate("byId('tip').hidden")
        return self.evaluate("byId('tip').innerText")

    def click(self, x, y):
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        self.settle()

    def press(self, key, times=1):
        code = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key]}
        for _ in range(times):
            for kind in ("keyDown", "keyUp"):
                self.call("Input.dispatchKeyEvent", type=kind, **code)
        self.settle()

    def go_to(self, position):
        """Move the slider with the keyboard, from its left end."""
        self.evaluate("byId('step').focus()")
        self.press("Home")
        self.press("ArrowRight", position)

    def choose(self, select, value):
        """Take an option of a list, as a reader does."""
        change = "dispatchEvent(new Event('change'))"
        self.evaluate(f"byId('{select}').value = '{value}'; byId('{select}').{change}")
        self.settle()
        assert self.evaluate(f"byId('{select}').value") == value

    def screenshot(self, path, whole=True):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        options = {"captureBeyondViewport": True, "clip": clip} if whole else {}
        data = self.call("Page.captureScreenshot", format="png", **options)["data"]
        path.write_bytes(base64.b64decode(data))

    def complaints(self):
        """Errors of scripts and of the log, and every address asked for but the file itself."""
        self.call("Runtime.evaluate", expression="0")  # lets the events before it arrive
        found = []
        for event in self.events:
            method, values = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                found.append(values["exceptionDetails"])
            elif method == "Log.entryAdded" and values["entry"]["level"] == "error":
                found.append(values["entry"])
            elif method == "Network.requestWillBeSent":
                url = values["request"]["url"]
                if not re.match(r"data:|file:///[^?]*\.html?$", url):
                    found.append(url)
        return found

    def close(self):
        os.close(self._write)
        os.close(self._read)
        for _ in range(50):
            if os.waitpid(self._process, os.WNOHANG)[0]:
                return
            time.sleep(0.1)
        os.killpg(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    program = os.environ.get("NNSCRATCH_BROWSER") or next(
        (found for name in NAMES if (found := shutil.which(name))), None
    )
    if program is None:
        reason = "no Chromium found: install one, or name it in NNSCRATCH_BROWSER"
        if os.environ.get("NNSCRATCH_REQUIRE_PEERS"):
            pytest.fail(f"NNSCRATCH_REQUIRE_PEERS is set, but there is {reason}")
        pytest.skip(reason)
    started = Browser(program, tmp_path_factory.mktemp("browser"))
    yield started
    started.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Write records as a page and open it; nothing may have gone wrong by the end."""

    def open_(records, *, findings=None, **options):
        path = write_report(records, tmp_path / "report.html", findings=findings)
        browser.open(path, **options)
        return browser

    yield open_
    assert browser.complaints() == []
