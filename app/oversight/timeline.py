"""Say in plain Chinese what an entry of the ledger means, with its numbers.

Every sentence is made from the sealed payload alone; what a payload does not say is left out, never guessed.

Vocabulary: 上课签到 sign-in · 随机打卡 check-in · 补打卡 make-up.

Clauses: CC-4.1.5, CC-6.2
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from app.core.clock import CHINA
from app.core.db import Json
from app.training.vocabulary import Level, PersonCategory
from exam.vocabulary import OUTCOME_TITLES

METHODS = {
    "face": "人脸比对",
    "passkey": "通行密钥（指纹等）",
    "fingerprint": "指纹",
    "screenshot": "截屏",
    "screen_record": "录屏",
    "system": "系统",
}
RESULTS = {"passed": "通过", "failed": "未通过", "missed": "超时未做"}
PURPOSES = {"sign_in": "上课签到", "random": "随机打卡", "make_up": "补打卡", "exam_identity": "考试身份核验"}
MODES = {"learner": "本人交卷", "auto_timeout": "到时自动交卷", "forced": "强制交卷"}
REASONS = {
    "hours_incomplete": "学时未完成",
    "exam_not_passed": "考试不合格",
    "identity_unverified": "考试身份未验证",
}
UNKNOWN = "本版本不认识的记录"


def title_of(event_type: str) -> str:
    """Name a kind of entry."""
    return _TABLE[event_type][0] if event_type in _TABLE else UNKNOWN


def summary_of(event_type: str, payload: Json) -> str:
    """Say what an entry means in one or two sentences."""
    if event_type not in _TABLE:
        return f"事件类型 {event_type}"
    sentences = _TABLE[event_type][1](payload)
    return "，".join(part for part in sentences if part)


def passed_of(payload: Json) -> bool | None:
    """Tell whether what an entry proves was passed; None where there is nothing to pass."""
    if isinstance(result := payload.get("result"), str):
        return result == "passed"
    for name in ("passed", "eligible"):
        if isinstance(found := payload.get(name), bool):
            return found
    return None


def duration(seconds: object) -> str:
    """Write seconds: `40 分 12 秒`."""
    if not isinstance(seconds, int):
        return "—"
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    parts = [f"{count} {unit}" for count, unit in ((hours, "小时"), (minutes, "分"), (left, "秒")) if count]
    return " ".join(parts) or "0 秒"


def _clock(text: object) -> str:
    """Write an instant of the payload: `3月2日 09:14:07`."""
    if not isinstance(text, str):
        return "—"
    local = datetime.fromisoformat(text).astimezone(CHINA)
    return f"{local.month}月{local.day}日 {local:%H:%M:%S}"


def _level(code: object) -> str:
    known = {level.value: level.label for level in Level}
    return known.get(str(code), str(code))


def _category(code: object) -> str:
    known = {category.value: category.label for category in PersonCategory}
    return known.get(str(code), str(code))


def _lesson(payload: Json) -> str:
    name = f"第 {payload['lesson_no']} 课" if payload.get("lesson_no") is not None else "课程"
    if payload.get("lesson_title"):
        name += f"《{payload['lesson_title']}》"
    return name + (f"（第 {payload['round']} 遍）" if payload.get("round", 1) > 1 else "")


def _registered(payload: Json) -> list[str]:
    versions = payload.get("consent_versions") or {}
    return [
        "姓名、身份证号与名册一致，手机号已用短信验证",
        f"等级{_level(payload['level'])}" if payload.get("level") else "",
        f"人员类别“{_category(payload['category_code'])}”" if payload.get("category_code") else "",
        f"已同意 {len(versions)} 项告知" if versions else "",
    ]


def _enrolled(payload: Json) -> list[str]:
    return [
        f"列入班级名册：工种编号 {payload.get('trade_code')}",
        _level(payload.get("level")),
        f"人员类别“{_category(payload.get('category_code'))}”",
    ]


def _class_opened(payload: Json) -> list[str]:
    return [
        f"{payload.get('name')}开班：{payload.get('trade_name')} {_level(payload.get('level'))}",
        f"计划 {payload.get('planned_hours')} 学时，其中线上 {payload.get('online_hours')} 学时",
        f"名册 {payload.get('headcount')} 人",
        f"{payload.get('start')} 至 {payload.get('end')}",
        f"批准文号 {payload['approval_no']}" if payload.get("approval_no") else "",
    ]


def _roster_changed(payload: Json) -> list[str]:
    return [f"名册更新：增加 {len(payload.get('added', []))} 人，减少 {len(payload.get('removed', []))} 人"]


def _class_closed(payload: Json) -> list[str]:
    return [f"班级结束：共 {payload.get('last_seq')} 条记录", "随机种子已公布，随机打卡和抽题可以重新推算"]


def _verdict(payload: Json) -> str:
    verdict = payload.get("verdict") or {}
    distance, threshold = verdict.get("distance_e4"), verdict.get("threshold_e4")
    if distance is None or threshold is None:
        return ""
    return f"人脸距离 {distance / 10_000:.4f}，阈值 {threshold / 10_000:.4f}"


def _answered(payload: Json) -> list[str]:
    method = payload.get("method")
    due, tries = payload.get("due_time"), payload.get("attempts")
    return [
        f"方式：{METHODS.get(method, method)}" if method else "",
        _verdict(payload),
        f"发起于 {_clock(due)}，限时 {duration(payload.get('window_s'))}" if due else "",
        f"作答 {tries} 次" if tries else "",
    ]


def _signed_in(payload: Json) -> list[str]:
    return [f"{_lesson(payload)}上课签到{RESULTS.get(payload.get('result', ''), '')}", *_answered(payload)]


def _check_in(payload: Json) -> list[str]:
    purpose = PURPOSES.get(payload.get("purpose", ""), "随机打卡")
    return [f"{_lesson(payload)}{purpose}{RESULTS.get(payload.get('result', ''), '')}", *_answered(payload)]


def _snapshot(payload: Json) -> list[str]:
    faces = payload.get("face_count")
    return ["抓拍一张画面", f"画面中 {faces} 张人脸" if faces is not None else ""]


def _lesson_completed(payload: Json) -> list[str]:
    lost = sum((payload.get("excluded_seconds") or {}).values())
    required = payload.get("checkins_required")
    return [
        f"{_lesson(payload)}完成",
        f"认定 {payload.get('hours_granted')} 学时",
        f"观看 {duration(payload.get('media_seconds'))}",
        f"未计 {duration(lost)}" if lost else "没有不计的时间",
        f"随机打卡应做 {required} 次，通过 {payload.get('checkins_passed')} 次" if required is not None else "",
        f"依据 {payload['heartbeat_count']} 条学习心跳" if payload.get("heartbeat_count") is not None else "",
    ]


def _gate(payload: Json) -> list[str]:
    is_passed = payload.get("passed")
    return [
        f"第 {payload.get('lesson_no')} 课第 {payload.get('attempt_no')} 次随堂测验{'通过' if is_passed else '未通过'}",
        f"答对 {payload.get('score')} 题，共 {payload.get('total')} 题，需答对 {payload.get('pass_score')} 题",
        "进入下一课" if is_passed else "重新学习本课",
    ]


def _exam_started(payload: Json) -> list[str]:
    return [
        f"结业考核开始：{payload.get('question_count')} 题，限时 {duration(payload.get('duration_s'))}",
        f"题库 {payload.get('bank_count')} 题",
        f"截止 {_clock(payload.get('deadline_at'))}",
    ]


def _identity_checked(payload: Json) -> list[str]:
    return [f"考试身份核验{RESULTS.get(payload.get('result', ''), '')}", *_answered(payload)]


def _exam_submitted(payload: Json) -> list[str]:
    return [
        MODES.get(payload.get("mode", ""), "交卷"),
        f"作答 {payload.get('answered')} 题，用时 {duration(payload.get('elapsed_s'))}",
        f"共 {payload['answer_count']} 条作答记录" if payload.get("answer_count") is not None else "",
    ]


def _exam_graded(payload: Json) -> list[str]:
    score = payload.get("objective_score", 0) + payload.get("subjective_score", 0)
    outcome = OUTCOME_TITLES.get(payload.get("outcome", ""), "合格" if payload.get("passed") else "不合格")
    return [
        f"得分 {score} 分，满分 {payload.get('total')} 分，合格线 {payload.get('pass_score')} 分",
        f"结果：{outcome}",
        f"身份核验通过 {payload['identity_checks']} 次" if payload.get("identity_checks") is not None else "",
    ]


def _paper_pdf(payload: Json) -> list[str]:
    return [f"答卷已生成 PDF，共 {payload.get('pages')} 页"]


def _eligibility(payload: Json) -> list[str]:
    reasons = "、".join(REASONS.get(reason, reason) for reason in payload.get("reasons", []))
    return [
        "符合发证条件" if payload.get("eligible") else f"不符合发证条件：{reasons}",
        f"线上学时完成 {payload.get('online_hours_valid')}，应完成 {payload.get('online_hours_planned')}",
        f"考核得分 {payload['score']} 分" if payload.get("score") is not None else "",
    ]


def _finding(payload: Json) -> list[str]:
    decided = payload.get("decision")
    return [f"风险提示 {payload.get('rule_id')}", f"处理结果：{decided}" if decided else "等待人工核查"]


def _report(payload: Json) -> list[str]:
    return [f"监管报告已发布：{payload.get('period', '')}"]


def _corrected(payload: Json) -> list[str]:
    return [f"更正原因：{payload.get('reason', '—')}"]


def _voided(payload: Json) -> list[str]:
    return [f"作废原因：{payload.get('reason', '—')}"]


_TABLE: dict[str, tuple[str, Callable[[Json], list[str]]]] = {
    "learner.registered": ("实名认证", _registered),
    "learner.enrolled": ("报名入班", _enrolled),
    "class.opened": ("开班", _class_opened),
    "class.roster_changed": ("名册变更", _roster_changed),
    "class.closed": ("结班", _class_closed),
    "lesson.signed_in": ("上课签到", _signed_in),
    "checkin.completed": ("随机打卡", _check_in),
    "snapshot.captured": ("抓拍", _snapshot),
    "lesson.completed": ("课程完成", _lesson_completed),
    "quiz.gate_evaluated": ("随堂测验", _gate),
    "exam.started": ("开始考试", _exam_started),
    "exam.identity_checked": ("考试身份核验", _identity_checked),
    "exam.submitted": ("交卷", _exam_submitted),
    "exam.graded": ("阅卷", _exam_graded),
    "exam.paper_pdf": ("答卷存档", _paper_pdf),
    "certificate.eligibility": ("发证资格", _eligibility),
    "risk.finding": ("风险提示", _finding),
    "report.published": ("监管报告", _report),
    "event.corrected": ("更正", _corrected),
    "event.voided": ("作废", _voided),
}
