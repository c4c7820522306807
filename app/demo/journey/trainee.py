"""A trainee at the pages: every step by the labels that people read."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from app.demo.journey.answers import right_texts
from app.demo.journey.browser import Screen
from app.demo.journey.people import Trainee
from app.demo.journey.rest import PROOF

LESSON_MS = 150_000
"""A demonstration lesson with its check-ins, slow machines included."""
PAPER_MS = 60_000
FACE_TITLES = re.compile("人脸|打卡照片")
BURST_STEP_S = 0.13
"""Every burst begins a little later on the looping clip, so that no frame is ever handed in twice."""
TRIES = 3

Verify = Callable[[Locator], None]


class TraineePages:
    """The pages of a trainee in one browser.

    Args:
        screen: The browser.
        trainee: Who it is.
        url: Address of the platform.
    """

    def __init__(self, screen: Screen, trainee: Trainee, url: str) -> None:
        self.screen = screen
        self.trainee = trainee
        self.url = url
        self._bursts = 0

    @property
    def page(self) -> Page:
        """The page in front."""
        return self.screen.page

    # From the telephone to the first lesson

    def sign_in(self) -> None:
        """Ask for a code, look it up among the demonstration's messages, sign in."""
        page = self.page
        page.goto(self.url)
        page.get_by_label("手机号").fill(self.trainee.phone)
        self.screen.shot("login")
        page.get_by_role("button", name="获取验证码").click()
        expect(page.get_by_text("验证码已发送")).to_be_visible()
        page.get_by_role("link", name="演示短信箱").click()
        message = page.locator("article").filter(has_text=self.trainee.phone[-4:]).first
        code = message.locator(".code").inner_text()
        self.screen.shot("outbox")
        page.get_by_role("link", name="返回登录").click()
        page.get_by_label("短信验证码").fill(code)
        page.get_by_role("button", name="登录", exact=True).click()
        expect(page.get_by_role("heading", name="须知与同意")).to_be_visible()

    def answer_consents(self, *, refuse_face: bool = False) -> None:
        """Answer every consent by itself."""
        page = self.page
        waiting = page.locator("article").filter(has_text="等您选择")
        waiting.first.wait_for()
        self.screen.shot("consents", whole=False)
        while (left := waiting.count()) > 0:
            card = waiting.first
            is_face = FACE_TITLES.search(card.get_by_role("heading").first.inner_text()) is not None
            card.get_by_role("button", name="不同意" if refuse_face and is_face else "同意", exact=True).click()
            expect(waiting).to_have_count(left - 1)
        self.screen.shot("consents-answered", whole=False)
        page.get_by_role("button", name="选好了，继续").click()

    def confirm_real_name(self, *, proof: Path | None = None) -> None:
        """Give name and ID number, add a proof where one is asked for, confirm every class."""
        page = self.page
        page.get_by_label("姓名").fill(self.trainee.name)
        page.get_by_label("身份证号").fill(self.trainee.id_number)
        self.screen.shot("real-name")
        page.get_by_role("button", name="核对身份").click()
        expect(page.get_by_text("已核对")).to_be_visible()
        confirm = page.get_by_role("button", name="以上信息无误，确认")
        while (left := confirm.count()) > 0:
            card = page.locator("section").filter(has=confirm).first
            chooser = card.locator("input[type=file]")
            if chooser.count():
                self._add_proof(card, chooser, proof)
            card.get_by_role("button", name="以上信息无误，确认").click()
            expect(confirm).to_have_count(left - 1)
        self.screen.shot("real-name-confirmed")
        page.get_by_role("button", name="下一步").click()

    def _add_proof(self, card: Locator, chooser: Locator, proof: Path | None) -> None:
        if proof is None:
            chooser.set_input_files({"name": "证明.pdf", "mimeType": "application/pdf", "buffer": PROOF})
        else:
            chooser.set_input_files(proof)
        expect(card.get_by_text("已上传")).to_be_visible()

    def enrol_face(self) -> None:
        """Have the photos taken."""
        page = self.page
        way = page.get_by_role("link", name=re.compile("^人脸"))
        way.wait_for()
        self.screen.shot("identity")
        way.click()
        start = page.get_by_role("button", name=re.compile("开始拍照|重拍这一张|继续拍第"))
        expect(start).to_be_enabled()
        self.screen.shot("face-enrolment")
        done = page.get_by_role("heading", name="人脸照片已登记")
        for _ in range(2 * TRIES):
            start.click()
            expect(start).to_be_hidden()
            expect(done.or_(start.and_(page.locator(":enabled"))).first).to_be_visible(timeout=PAPER_MS)
            if done.is_visible():
                break
        expect(done).to_be_visible()
        self.screen.shot("face-enrolled")
        page.get_by_role("link", name="完成", exact=True).click()
        page.get_by_role("link", name="下一步").click()

    def register_passkey(self) -> None:
        """Set a passkey up on this device."""
        page = self.page
        way = page.get_by_role("link", name=re.compile("^通行密钥"))
        way.wait_for()
        self.screen.shot("identity")
        way.click()
        page.get_by_role("button", name="在这台设备上登记").click()
        expect(page.get_by_text("已登记的设备")).to_be_visible()
        self.screen.shot("passkey-registered")
        page.get_by_role("link", name="完成", exact=True).click()
        page.get_by_role("link", name="下一步").click()

    # Lessons

    def open_class(self, name: str) -> None:
        """Go to a class from the home page."""
        page = self.page
        page.goto(self.url)
        expect(page.get_by_role("heading", name="我的班级")).to_be_visible()
        self.screen.shot("home", whole=False)
        page.get_by_role("link").filter(has_text=name).first.click()
        expect(page.get_by_role("heading", name=name)).to_be_visible()
        self.screen.shot("class")

    def verify_by_face(self, sheet: Locator) -> None:
        """Look into the camera; again when the picture was not good enough."""
        start = sheet.get_by_role("button", name=re.compile("开始验证|再试一次"))
        for _ in range(TRIES):
            expect(start).to_be_enabled()
            time.sleep(BURST_STEP_S * self._bursts)
            self._bursts += 1
            start.click()
            expect(start).to_be_hidden()
            self.page.wait_for_function("() => !document.querySelector('.sheet [aria-busy=true]')", timeout=PAPER_MS)
            if not start.is_visible():
                return

    def verify_by_passkey(self, sheet: Locator) -> None:
        """Put the finger on the reader."""
        sheet.get_by_role("button", name="用指纹或锁屏密码验证").click()
        expect(sheet).to_be_hidden()

    def take_lesson(self, title: str, *, verify: Verify, misses: bool = False) -> None:
        """Sign in to a lesson and watch it to its end.

        Args:
            title: The lesson.
            verify: How to prove who I am.
            misses: Let the random check-in pass by, then make up for it.
        """
        page = self.page
        page.get_by_role("link").filter(has_text=title).first.click()
        sheet = page.locator(".sheet")
        expect(sheet.get_by_role("heading", name="课程签到")).to_be_visible()
        self._shot_of_sheet("sign-in", sheet)
        verify(sheet)
        expect(sheet).to_be_hidden()
        page.get_by_role("button", name="播放", exact=True).click()
        expect(page.get_by_role("button", name="暂停", exact=True)).to_be_visible()
        random = sheet.get_by_role("heading", name="随机打卡")
        expect(random).to_be_visible(timeout=LESSON_MS)
        self._shot_of_sheet("check-in", sheet)
        if misses:
            expect(sheet.get_by_role("heading", name="没有在规定时间内完成")).to_be_visible(timeout=LESSON_MS)
            self.screen.shot("check-in-missed", whole=False)
            sheet.get_by_role("button", name="重新验证").click()
            expect(sheet.get_by_role("heading", name="补打卡")).to_be_visible()
        verify(sheet)
        expect(sheet).to_be_hidden()
        expect(page.get_by_role("button", name="暂停", exact=True)).to_be_visible()
        expect(page.get_by_text("正在缓冲")).to_be_hidden()
        self.screen.shot("lesson")
        expect(page.get_by_role("link", name="做随堂测验")).to_be_visible(timeout=LESSON_MS)
        self.screen.shot("lesson-watched")

    def _shot_of_sheet(self, name: str, sheet: Locator) -> None:
        """Take a screenshot of a check-in once its camera runs."""
        expect(sheet.get_by_text("正在打开摄像头")).to_be_hidden()
        self.screen.shot(name, whole=False)

    def pass_quiz(self) -> None:
        """Answer the quiz after a lesson."""
        page = self.page
        page.get_by_role("link", name="做随堂测验").click()
        expect(page.locator("fieldset").first).to_be_visible()
        for question in page.locator("fieldset").all():
            self.answer(question)
        self.screen.shot("quiz")
        page.get_by_role("button", name="交卷").click()
        expect(page.get_by_role("heading", name="测验通过，本课完成")).to_be_visible()
        page.wait_for_load_state("networkidle")
        self.screen.shot("quiz-passed")
        page.get_by_role("link", name="返回班级").click()

    def answer(self, question: Locator) -> None:
        """Choose the right options of a question."""
        stem = question.locator(".question__stem").inner_text().split(". ", 1)[1]
        right = right_texts(stem)
        for option in question.locator("label").all():
            if option.locator("span:last-child").inner_text().strip() in right:
                option.click()

    # The final exam

    def enter_exam(self, *, verify: Verify) -> None:
        """Read the rules, start, prove who I am."""
        page = self.page
        page.get_by_role("link", name="查看考核须知").click()
        page.get_by_label("我已看过以上规则").check()
        self.screen.shot("exam-rules")
        page.get_by_role("button", name="开始考核").click()
        sheet = page.locator(".sheet")
        expect(sheet.get_by_role("heading", name="考试身份验证")).to_be_visible()
        self._shot_of_sheet("exam-identity", sheet)
        verify(sheet)
        expect(page.get_by_role("timer")).to_be_visible()

    def answer_paper(self, *, until: int | None = None) -> None:
        """Answer from the question in front on; stop before number `until`, else at the last one."""
        page = self.page
        while True:
            place = page.get_by_text(re.compile(r"^第 \d+ / \d+ 题$"))
            at, count = map(int, re.findall(r"\d+", place.inner_text()))
            if at == until:
                return
            self.answer(page.locator("fieldset"))
            expect(page.get_by_text("已保存", exact=True)).to_be_visible()
            if at == count:
                return
            page.get_by_role("button", name="下一题").click()
            expect(page.get_by_text(f"第 {at + 1} / {count} 题", exact=True)).to_be_visible()

    def reload_exam(self) -> None:
        """Load the page again in the middle of the exam; the saved answers are there."""
        page = self.page
        page.reload()
        expect(page.get_by_role("timer")).to_be_visible()

    def try_second_tab(self) -> None:
        """Open the exam in a second tab; it says where the exam is, and the first tab goes on."""
        first = self.page
        second = self.screen.context.new_page()
        self.screen.watch(second)
        second.goto(first.url)
        expect(second.get_by_role("heading", name="考试已在另一个标签页打开")).to_be_visible()
        self.screen.album.add(second, "exam-second-tab", whole=False)
        second.close()
        first.bring_to_front()

    def answered(self) -> tuple[int, int]:
        """Read how many questions the page counts as answered, and how many there are."""
        card = self.page.get_by_text(re.compile(r"^(答题卡|已答) \d+ ?/ ?\d+$")).locator("visible=true").first
        done, count = map(int, re.findall(r"\d+", card.inner_text()))
        return done, count

    def hand_in(self) -> None:
        """Hand the paper in, wait for the result and the document."""
        page = self.page
        self.screen.shot("exam-paper")
        page.get_by_role("button", name="交卷").first.click()
        page.get_by_role("dialog").get_by_role("button", name="交卷").click()
        expect(page.get_by_role("heading", name="合格")).to_be_visible(timeout=PAPER_MS)
        expect(page.get_by_role("link", name="下载试卷")).to_be_visible(timeout=PAPER_MS)
        self.screen.shot("exam-result")

    def download_paper(self, target: Path) -> Path:
        """Download the marked paper."""
        with self.page.expect_download() as waiting:
            self.page.get_by_role("link", name="下载试卷").click()
        waiting.value.save_as(target)
        return target
