"""Failures of bank, paper and sitting.

::

    DomainError
    ├── NotFound       BankNotFound, ExamNotFound, AttemptNotFound, GateNotFound
    ├── Forbidden      OwnWork
    ├── Conflict       BankTooSmall, NotFeasible, ExamPublished, ExamNotPublished, AttemptClosed, AnswerConflict
    ├── Gone           TimeIsUp
    └── Unprocessable  NoSuchQuestion, FileRefused
"""

from __future__ import annotations

from app.core.errors import Conflict, Forbidden, Gone, NotFound, Unprocessable


class BankNotFound(NotFound):
    """The course has no question bank."""

    slug = "bank-not-found"
    title = "该课程还没有题库，请先导入题目"


class ExamNotFound(NotFound):
    """The course has no final exam."""

    slug = "exam-not-found"
    title = "该课程还没有设置结业考核"


class AttemptNotFound(NotFound):
    """There is no such attempt, or it is somebody else's."""

    slug = "attempt-not-found"
    title = "没有找到这次考试"


class GateNotFound(NotFound):
    """There is no such quiz, or it is somebody else's."""

    slug = "gate-not-found"
    title = "没有找到这次随堂测验"


class OwnWork(Forbidden):
    """Nobody approves or publishes what they made themselves."""

    slug = "own-work"
    title = "不能审核自己录入的内容，请由另一位老师审核"


class BankTooSmall(Conflict):
    """The bank holds too few approved, distinct questions for the paper."""

    slug = "bank-too-small"
    title = "题库题目不足，不能发布考核"


class NotFeasible(Conflict):
    """A kind of question has fewer questions than the paper asks for."""

    slug = "paper-not-feasible"
    title = "题库中某类题目不够组卷"


class ExamPublished(Conflict):
    """The exam is published and can no longer be changed."""

    slug = "exam-published"
    title = "考核已发布，不能再修改"


class ExamNotPublished(Conflict):
    """The exam is not published yet."""

    slug = "exam-not-published"
    title = "考核还没有发布，请等待培训机构发布"


class AttemptClosed(Conflict):
    """The attempt is not running."""

    slug = "attempt-closed"
    title = "这次考试已经交卷或还没有开始"


class AnswerConflict(Conflict):
    """The same sequence number came with another answer."""

    slug = "answer-conflict"
    title = "这个作答序号已经用过，请刷新页面后继续"


class TimeIsUp(Gone):
    """The deadline, grace included, has passed."""

    slug = "time-is-up"
    title = "考试时间已到，不能再作答"


class NoSuchQuestion(Unprocessable):
    """The paper has no such question, or the question no such option."""

    slug = "no-such-question"
    title = "试卷中没有这道题或这个选项"


class FileRefused(Unprocessable):
    """The uploaded file is not a workbook that can be read."""

    slug = "file-refused"
    title = "文件无法读取，请使用题库模板（XLSX）填写后再上传"
