"""The staff at the pages: making, reviewing and opening a course, and looking at what a trainee did."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from app.demo.journey.browser import Screen
from app.demo.journey.rest import TOTP_STEP_S

MEDIA_MS = 90_000
"""Upload, measuring and converting of a short video, slow machines included."""


class ConsolePages:
    """The pages of a member of staff in one browser.

    Args:
        screen: The browser.
        url: Address of the platform.
    """

    def __init__(self, screen: Screen, url: str) -> None:
        self.screen = screen
        self.url = f"{url}/console/"

    @property
    def page(self) -> Page:
        """The page in front."""
        return self.screen.page

    def sign_in(self, title: str) -> None:
        """Choose an account of the demonstration; a code that was used already is waited out."""
        page = self.page
        page.goto(self.url)
        account = page.get_by_role("button", name=re.compile(title))
        account.wait_for()
        self.screen.shot("console-login")
        inside = page.get_by_role("navigation", name="主菜单")
        refused = page.get_by_role("alert")
        account.click()
        expect(inside.or_(refused).first).to_be_visible()
        if refused.is_visible():
            time.sleep(TOTP_STEP_S + 1 - time.time() % TOTP_STEP_S)
            account.click()
        expect(inside).to_be_visible()

    def open_menu(self, name: str) -> None:
        """Go to a page of the menu."""
        self.page.get_by_role("navigation", name="主菜单").get_by_role("link", name=name).click()

    # Courses

    def create_course(self, texts: Mapping[str, str], *, trade: str) -> None:
        """Begin a demonstration course: the texts by their labels, and the trade."""
        page = self.page
        page.get_by_role("button", name="新建课程").click()
        for label, text in texts.items():
            page.get_by_label(label).fill(text)
        chooser = page.get_by_role("combobox", name="工种")
        chooser.click()
        chooser.fill(trade)
        page.get_by_role("option", name=re.compile(f"^{trade}")).first.click()
        page.get_by_text("演示课程（学时缩短").click()
        self.screen.shot("course-new")
        page.get_by_role("button", name="保存，下一步").click()
        expect(page.get_by_role("heading", name="课件")).to_be_visible()

    def open_course(self, title: str) -> None:
        """Go to a course of the list."""
        self.page.goto(f"{self.url}courses")
        self.page.get_by_role("link", name=title, exact=True).click()
        expect(self.page.get_by_role("heading", name=title, level=1)).to_be_visible()

    def show_step(self, name: str) -> None:
        """Show a step of the course."""
        page = self.page
        page.get_by_role("navigation", name="课程步骤").get_by_role("button", name=re.compile(rf"\d\. {name}")).click()
        expect(page.get_by_role("heading", name=name, level=2)).to_be_visible()

    def add_lesson(self, title: str) -> Locator:
        """Add a lesson of one hour; give its card."""
        page = self.page
        card = page.locator("article").filter(has_text=title)
        name = page.get_by_label("课时名称")
        more = page.get_by_role("button", name="添加课时")
        expect(name.or_(more).first).to_be_visible()
        if more.is_visible():
            more.click()
        name.fill(title)
        page.get_by_role("button", name="添加", exact=True).click()
        expect(card).to_be_visible()
        return card

    def upload(self, card: Locator, video: Path, *, seconds: str) -> None:
        """Give a lesson its video and wait until it is measured."""
        card.locator("input[type=file]").set_input_files(video)
        expect(card.get_by_text(video.name)).to_be_visible(timeout=MEDIA_MS)
        expect(card.get_by_text(seconds, exact=True)).to_be_visible(timeout=MEDIA_MS)

    def choose_workbook(self, workbook: Path) -> None:
        """Choose a workbook of questions; it is only looked at."""
        self.page.locator("input[type=file][accept='.xlsx']").set_input_files(workbook)
        expect(self.page.get_by_text(f"「{workbook.name}」共")).to_be_visible()

    def import_workbook(self, workbook: Path) -> None:
        """Take all questions of a workbook."""
        self.choose_workbook(workbook)
        self.page.get_by_role("button", name=re.compile("导入这 \\d+ 道题")).click()
        expect(self.page.get_by_text(re.compile("已导入 \\d+ 道题")).last).to_be_visible()

    def approve_questions(self) -> None:
        """Let all waiting questions of the bank pass."""
        self.page.get_by_role("button", name=re.compile("全部通过")).click()
        expect(self.page.get_by_text(re.compile("已通过 \\d+ 道题")).last).to_be_visible()

    def set_exam(self, counts: Mapping[str, int], *, pass_score: int) -> None:
        """Set how many questions of each kind the exam has."""
        page = self.page
        for kind, count in counts.items():
            page.get_by_label(f"{kind}题数").fill(str(count))
            page.get_by_label(f"{kind}题数").press("Tab")
        score = page.get_by_label("及格分")
        score.fill(str(pass_score))
        score.press("Tab")
        page.get_by_role("button", name="保存考核设置").click()
        expect(page.get_by_text("考核设置已保存")).to_be_visible()

    def publish_exam(self) -> None:
        """Publish the exam."""
        self.page.get_by_role("button", name="发布考核").click()
        self._agree("发布考核")
        expect(self.page.get_by_text("考核已发布，不能再修改")).to_be_visible()

    def submit(self) -> None:
        """Hand the course in for review."""
        self.page.get_by_role("button", name="送审", exact=True).click()
        expect(self.page.get_by_text("等待本单位另一位同事审核")).to_be_visible()

    def approve(self) -> None:
        """Confirm every point and let the course pass."""
        page = self.page
        for box in page.locator(".check .el-checkbox").all():
            box.click()
        self.screen.shot("review")
        page.get_by_role("button", name="审核通过", exact=True).click()
        expect(page.get_by_text("已审核通过").first).to_be_visible()

    def publish_course(self) -> None:
        """Publish the course."""
        self.page.get_by_role("button", name="发布课程").click()
        self._agree("发布课程")
        expect(self.page.get_by_text("可以在“班级”里用它开班")).to_be_visible()

    def _agree(self, action: str) -> None:
        self.page.get_by_role("dialog").get_by_role("button", name=action).click()

    # Classes

    def open_class(self, name: str, *, course: str) -> None:
        """Open a class with a course."""
        page = self.page
        self.open_menu("班级")
        page.get_by_role("link", name=name).click()
        expect(page.get_by_text("批准、名册和监管要求都已齐备")).to_be_visible()
        page.locator(".el-select").click()
        page.get_by_role("option", name=course).click()
        self.screen.shot("class-startable")
        page.get_by_role("button", name="开课", exact=True).click()
        self._agree("开课")
        expect(page.get_by_text("抽签承诺值")).to_be_visible()
        self.screen.shot("class-opened")

    # The bureau

    def find_trainee(self, id_number: str, *, reason: str, class_name: str) -> None:
        """Look a trainee up by ID number and open the records of a class."""
        page = self.page
        page.get_by_label("身份证号码").fill(id_number)
        page.get_by_label("查询事由").fill(reason)
        page.get_by_role("button", name="查询", exact=True).click()
        found = page.get_by_role("link").filter(has_text=class_name)
        expect(found.first).to_be_visible()
        self.screen.shot("trace-search")
        found.first.click()
        expect(page.get_by_role("heading", name="记录完整")).to_be_visible()

    def pictures(self) -> Locator:
        """Give the pictures of the timeline."""
        return self.page.locator(".pictures img")

    def wait_for_pictures(self) -> int:
        """Wait until every picture of the timeline is really shown; give their number."""
        self.pictures().first.wait_for()
        for picture in self.pictures().all():
            picture.scroll_into_view_if_needed()
        self.page.wait_for_function(
            "() => [...document.querySelectorAll('.pictures img')].every((one) => one.complete && one.naturalWidth > 0)"
        )
        return self.pictures().count()

    def download_pack(self, target: Path) -> Path:
        """Download the evidence pack."""
        with self.page.expect_download() as waiting:
            self.page.get_by_role("button", name="下载证据包").click()
        waiting.value.save_as(target)
        return target
