"""The paper of a final exam as a document: questions as shown, answers, marks, identity, hashes.

The document is a function of its data: the same data gives the same bytes. A hash over the data is printed in it.

Vocabulary: 答卷 paper with answers · 合格线 pass line · 存证 evidence.

Clauses: CC-4.1.4b, CC-A2-4.6
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.core.canonical import canonical_hash
from app.core.db import Json
from app.reports.typesetting import Document, typeset
from app.reports.words import MODE_TITLES, RESULT_TITLES, chinese_duration, chinese_time

TEMPLATE_VERSION = "paper-1"
TEMPLATE = "paper"
DEMONSTRATION_MARK = "演示班级，不可用于申领补贴"

_METHOD_TITLES = {"face": "人脸比对", "passkey": "通行密钥"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperQuestion:
    """One question as it was shown, with what was answered.

    Attributes:
        no: Its number on the paper, from 1.
        kind_title: For example 单选题.
        stem: The question.
        options: Key and text, in the order shown.
        given: Chosen keys; empty when not answered.
        is_right: Whether it was marked right.
        score: Points it earned.
        max_score: Points it could earn.
    """

    no: int
    kind_title: str
    stem: str
    options: tuple[tuple[str, str], ...]
    given: tuple[str, ...]
    is_right: bool
    score: int
    max_score: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityCheck:
    """One passed proof of identity inside the attempt.

    Attributes:
        at: When.
        method: `face` or `passkey`.
        result: `passed`, `failed` or `missed`.
        pictures: SHA-256 of each picture taken.
    """

    at: datetime
    method: str | None
    result: str
    pictures: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainPlace:
    """Where in the class's ledger the marks stand.

    Attributes:
        seq: Number of the entry.
        entry_hash: Its hash.
    """

    seq: int
    entry_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperReport:
    """Everything a paper shows; personal data are masked already.

    Attributes:
        title: Title of the exam.
        class_name: The class.
        class_code: The authority's number of the class.
        institution: Who runs the class.
        trade: Name of the trade.
        level: Name of the level.
        is_claimable: False for demonstration classes, which are marked on every page.
        name_masked: The trainee.
        id_number_masked: Their ID number.
        learner_ref: The authority's number of the trainee.
        started_at: Start.
        submitted_at: End.
        graded_at: When it was marked; becomes the document's date.
        duration_s: Time given, in seconds.
        elapsed_s: Time used, in seconds.
        mode: `learner` or `auto_timeout`.
        score: Points reached.
        total: Points possible.
        pass_score: Points needed.
        outcome_title: For example 合格.
        identity: Proofs of identity, in order.
        questions: The questions in order.
        paper_hash: Hash of the canonical questions as frozen.
        answers_sha256: Hash of the canonical list of all answer records.
        place: Where in the ledger the marks stand.
    """

    title: str
    class_name: str
    class_code: str
    institution: str
    trade: str
    level: str
    is_claimable: bool
    name_masked: str
    id_number_masked: str
    learner_ref: str
    started_at: datetime
    submitted_at: datetime
    graded_at: datetime
    duration_s: int
    elapsed_s: int
    mode: str
    score: int
    total: int
    pass_score: int
    outcome_title: str
    identity: tuple[IdentityCheck, ...]
    questions: tuple[PaperQuestion, ...]
    paper_hash: str
    answers_sha256: str
    place: ChainPlace


def paper_data(report: PaperReport) -> Json:
    """Write what the document shows, as canonical JSON; `content_sha256` is the hash over everything else."""
    data: Json = {
        "template_version": TEMPLATE_VERSION,
        "title": report.title,
        "mark": None if report.is_claimable else DEMONSTRATION_MARK,
        "class_code": report.class_code,
        "made_on": chinese_time(report.graded_at),
        "facts": _facts(report),
        "result": {
            "score": report.score,
            "total": report.total,
            "pass_score": report.pass_score,
            "outcome": report.outcome_title,
        },
        "identity": [_identity(check) for check in report.identity],
        "questions": [_question(question) for question in report.questions],
        "proofs": [
            ["试卷摘要", report.paper_hash],
            ["作答记录摘要", report.answers_sha256],
            ["账本位置", f"班级 {report.class_code} 存证账本第 {report.place.seq} 条（阅卷结果）"],
            ["该条摘要", report.place.entry_hash],
        ],
    }
    return data | {"content_sha256": canonical_hash(data)}


def render_paper(data: Json, *, pictures: Mapping[str, bytes], graded_at: datetime) -> Document:
    """Set the document.

    Args:
        data: What `paper_data` wrote.
        pictures: JPEG by SHA-256; one that is missing is shown as deleted.
        graded_at: Becomes the document's creation time.

    Raises:
        FontsMissing: Set-up has not put the fonts in place.
    """
    shown = data | {"pictures": sorted(pictures)}
    return typeset(TEMPLATE, shown, pictures=pictures, made_at=graded_at)


def _facts(report: PaperReport) -> list[list[str]]:
    return [
        ["班级", report.class_name],
        ["班级编号", report.class_code],
        ["培训机构", report.institution],
        ["工种", report.trade],
        ["等级", report.level],
        ["学员", report.name_masked],
        ["身份证号", report.id_number_masked],
        ["学员编号", report.learner_ref],
        ["开始时间", chinese_time(report.started_at)],
        ["交卷时间", chinese_time(report.submitted_at)],
        ["考试时长", chinese_duration(report.duration_s)],
        ["实际用时", chinese_duration(report.elapsed_s)],
        ["交卷方式", MODE_TITLES.get(report.mode, report.mode)],
        ["阅卷时间", chinese_time(report.graded_at)],
    ]


def _identity(check: IdentityCheck) -> Json:
    return {
        "at": chinese_time(check.at),
        "method": _METHOD_TITLES.get(check.method or "", "—"),
        "result": RESULT_TITLES.get(check.result, check.result),
        "pictures": list(check.pictures),
    }


def _question(question: PaperQuestion) -> Json:
    given = "、".join(question.given)
    return {
        "no": question.no,
        "kind": question.kind_title,
        "stem": question.stem,
        "options": [{"key": key, "text": text, "chosen": key in question.given} for key, text in question.options],
        "given": given or "未作答",
        "verdict": "正确" if question.is_right else "错误" if given else "未作答",
        "is_right": question.is_right,
        "score": question.score,
        "max_score": question.max_score,
    }
