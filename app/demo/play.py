"""Play the whole journey by itself: a platform of its own, Chromium with a fed camera, and what it leaves behind.

`make demo` shows in a few minutes what the product is for: a trainee goes from an SMS code to the marked paper, an
auditor looks at every step of it and takes the evidence away, and a program that knows nothing of the platform
confirms it.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Error as PlaywrightError

from app.demo.journey.browser import DESKTOP, PHONE, Album, Screen, camera_clip, open_studio
from app.demo.journey.console import ConsolePages
from app.demo.journey.people import Trainee, load_trainees
from app.demo.journey.stage import Stage, open_stage
from app.demo.journey.trainee import TraineePages

LEARNER = "YS0001001"
CLASS = "演示班"
LESSONS = ("老年人跌倒预防", "洗手与消毒")
PHOTO = "obama"

Say = Callable[[str], None]


class DemoFailed(Exception):
    """The journey stopped on the way; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a play leaves behind.

    Attributes:
        folder: Where everything lies.
        is_proven: Whether the evidence pack was confirmed.
        faults: What went wrong behind the pages.
    """

    folder: Path
    is_proven: bool
    faults: list[str]


def play_demo(cache: Path, *, say: Say) -> Result:
    """Play the journey on fresh data.

    Args:
        cache: The working copy's own `var`; the play happens in `demo-run` below it.
        say: Told about each step.

    Raises:
        DemoFailed: A step did not succeed; the last screenshot shows it.
    """
    started = time.monotonic()

    def tell(text: str) -> None:
        say(f"{time.monotonic() - started:5.0f} 秒  {text}")

    home = cache / "demo-run"
    with _only_one(cache / "run" / "demo.lock"):
        shutil.rmtree(home, ignore_errors=True)
        return _play(home, cache=cache, tell=tell)


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Keep a second demonstration from taking this one's data away."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DemoFailed("演示正在另一个终端运行，请等它结束，或在那里按 Ctrl-C 停止") from error
        yield


def _play(home: Path, *, cache: Path, tell: Say) -> Result:
    result = home / "result"
    result.mkdir(parents=True)
    tell("启动一套独立的平台和实名制系统模拟器")
    clip = camera_clip(PHOTO, cache)
    stage = open_stage(home / "platform", cache=cache)
    faults: list[str] = []
    try:
        with open_studio(clip) as studio:
            trainee = load_trainees()[LEARNER]
            with studio.screen(PHONE, Album(result / "screenshots" / PHONE.name)) as screen:
                _study(screen, trainee, stage=stage, result=result, tell=tell)
            faults += screen.faults
            with studio.screen(DESKTOP, Album(result / "screenshots" / DESKTOP.name)) as screen:
                _audit(screen, trainee, stage=stage, result=result, tell=tell)
            faults += screen.faults
        is_proven = _verify(result)
        tell("离线核对证据包：" + ("通过" if is_proven else "不通过，见 verify.txt"))
    finally:
        stage.stop()
    tell("平台已停止")
    return Result(result, is_proven, faults)


def _study(screen: Screen, trainee: Trainee, *, stage: Stage, result: Path, tell: Say) -> None:
    """Go from the SMS code to the marked paper."""
    pages = TraineePages(screen, trainee, stage.url)
    with _step(screen):
        tell(f"学员{trainee.name}用手机短信登录，逐项选择是否同意")
        pages.sign_in()
        pages.answer_consents()
        tell("核对实名信息")
        pages.confirm_real_name()
        tell("拍照登记人脸")
        pages.enrol_face()
        for number, title in enumerate(LESSONS, start=1):
            tell(f"第 {number} 课“{title}”：签到、听课、随机打卡、随堂测验")
            pages.open_class(CLASS)
            pages.take_lesson(title, verify=pages.verify_by_face)
            pages.pass_quiz()
        tell("结业考核：验证身份、答题、交卷")
        pages.enter_exam(verify=pages.verify_by_face)
        pages.answer_paper()
        pages.hand_in()
        pages.download_paper(result / "paper.pdf")


def _audit(screen: Screen, trainee: Trainee, *, stage: Stage, result: Path, tell: Say) -> None:
    """Look the trainee up, look at the records, take the evidence away."""
    pages = ConsolePages(screen, stage.url)
    with _step(screen):
        tell("人社局审计人员按身份证号查到学员，查看全过程，下载证据包")
        pages.sign_in("审计人员")
        pages.find_trainee(trainee.id_number, reason="日常抽查", class_name=CLASS)
        pages.wait_for_pictures()
        screen.shot("trace")
        pages.download_pack(result / "evidence-pack.zip")
        pages.open_menu("推送状态")
        screen.page.wait_for_load_state("networkidle")
        screen.shot("city-status")


@contextmanager
def _step(screen: Screen) -> Iterator[None]:
    """Show how far it came when the journey fails."""
    try:
        yield
    except (AssertionError, TimeoutError, PlaywrightError) as error:
        screen.shot("failure")
        raise DemoFailed(f"{error}\n{screen.faults}") from error


def _verify(result: Path) -> bool:
    """Check the pack with the program inside it, without any package and any network; keep what it says."""
    pack = result / "evidence-pack.zip"
    unpacked = result / "evidence-pack"
    shutil.unpack_archive(pack, unpacked)
    command = [sys.executable, "-I", str(unpacked / "verify.py"), str(pack)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    (result / "verify.txt").write_text(done.stdout, encoding="utf-8")
    return done.returncode == 0
