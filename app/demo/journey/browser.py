"""Chromium with a camera fed from a file: one studio per play, one screen per visitor.

Whatever goes wrong behind the pages is remembered: errors of pages, of the console, and answers of 500 and above.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, expect, sync_playwright

from app.demo.journey.stage import ROOT

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
CLIP_S = 12
PATIENCE_MS = 20_000
SERVER_ERROR = 500

_ORDINARY = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")
"""Refusals are shown to people in words; Chromium also writes each of them to the console."""


@dataclass(frozen=True, slots=True)
class Size:
    """A screen.

    Attributes:
        width: In CSS pixels.
        height: In CSS pixels.
        is_phone: With touch and a phone's browser.
    """

    width: int
    height: int
    is_phone: bool = False

    @property
    def name(self) -> str:
        """Name of its folder of screenshots."""
        return f"{self.width}x{self.height}"


PHONE = Size(390, 844, is_phone=True)
DESKTOP = Size(1440, 900)


class Album:
    """Screenshots in the order they were taken: `NN-name.png`.

    Args:
        folder: Where they go; made when absent.
        first: Number of the first one, so that two plays can share a folder.
    """

    def __init__(self, folder: Path, *, first: int = 1) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._next = first

    def add(self, page: Page, name: str, *, whole: bool = True) -> None:
        """Take a picture of a page from its top; `whole` goes beyond the screen to its end."""
        if whole:
            page.evaluate("() => window.scrollTo(0, 0)")
        page.screenshot(path=self.folder / f"{self._next:02d}-{name}.png", full_page=whole, animations="disabled")
        self._next += 1


@dataclass
class Screen:
    """A visitor's browser: its own cookies, one page in front.

    Attributes:
        page: The page.
        context: Its cookies and permissions.
        album: Where its screenshots go.
        faults: What went wrong behind the pages.
    """

    page: Page
    context: BrowserContext
    album: Album
    faults: list[str] = field(default_factory=list)

    def shot(self, name: str, *, whole: bool = True) -> None:
        """Take a screenshot."""
        self.album.add(self.page, name, whole=whole)

    @property
    def origin(self) -> str:
        """Scheme, host and port of the page in front."""
        parts = urlsplit(self.page.url)
        return f"{parts.scheme}://{parts.netloc}"

    def watch(self, page: Page) -> None:
        """Remember what goes wrong on a page."""
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.faults.append(f"页面出错 {page.url}：{error}"))
        page.on("console", lambda message: self._heard(page, message))
        page.on("response", self._answered)

    def _heard(self, page: Page, message: ConsoleMessage) -> None:
        if message.type == "error" and not _ORDINARY.match(message.text):
            self.faults.append(f"控制台 {page.url}：{message.text}")

    def _answered(self, response: Response) -> None:
        if response.status >= SERVER_ERROR:
            self.faults.append(f"{response.status} {response.request.method} {response.url}")

    def add_authenticator(self) -> None:
        """Give the page a fingerprint reader that always recognises its owner."""
        devtools = self.context.new_cdp_session(self.page)
        devtools.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


class Studio:
    """A running Chromium.

    Args:
        browser: Started with the flags of `open_studio`.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    @contextmanager
    def screen(self, size: Size, album: Album) -> Iterator[Screen]:
        """Open a visitor's browser for the duration of the block."""
        context = self._browser.new_context(
            viewport={"width": size.width, "height": size.height},
            device_scale_factor=2 if size.is_phone else 1,
            is_mobile=size.is_phone,
            has_touch=size.is_phone,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            permissions=["camera"],
            accept_downloads=True,
        )
        try:
            page = context.new_page()
            screen = Screen(page, context, album)
            screen.watch(page)
            yield screen
        finally:
            context.close()


@contextmanager
def open_studio(camera: Path | None = None) -> Iterator[Studio]:
    """Start Chromium for the duration of the block; call it in the thread that plays.

    Args:
        camera: A clip (`.mjpeg`) that every camera of it shows, from its beginning; None without a camera.
    """
    arguments = ["--no-sandbox", "--mute-audio"]
    if camera is not None:
        arguments += [
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={camera}",
        ]
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), headless=True, args=arguments)
        try:
            yield Studio(browser)
        finally:
            browser.close()


def find_chromium() -> str:
    """Find the browser of this machine.

    Raises:
        FileNotFoundError: There is none.
    """
    for name in CHROMIUM:
        found = shutil.which(name)
        if found is not None:
            return found
    raise FileNotFoundError("Chromium")


_making = threading.Lock()


def camera_clip(photo: str, cache: Path) -> Path:
    """Give a clip of a person before a camera; made once, which takes about half a minute.

    Args:
        photo: Name of a test photo, such as `obama`.
        cache: The working copy's own `var`.
    """
    clip = cache / "test-photos" / "clips" / f"{photo}-{CLIP_S}s.mjpeg"
    with _making:
        if not clip.is_file():
            command = [sys.executable, "-m", "tests.photos", photo, str(clip), str(CLIP_S)]
            subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command
    return clip
