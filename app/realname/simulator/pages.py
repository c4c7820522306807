"""Show a person what the city holds: plain pages, readable on a phone, names and numbers masked.

Clauses: CC-4.1.3b
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import quote

from app.core.clock import CHINA
from app.core.errors import DomainError
from app.realname.protocol import EventType, RejectCode, ResultStatus
from app.realname.simulator.handlers import City
from app.realname.simulator.reconcile import ClassUnknown
from app.realname.simulator.store import load

_LATEST = 30
_CLASS_EVENTS = 500

_TYPES: dict[str, str] = {
    EventType.LEARNER_REGISTERED: "学员注册",
    EventType.LEARNER_ENROLLED: "学员报名",
    EventType.CLASS_OPENED: "开班",
    EventType.LESSON_SIGNED_IN: "课程签到",
    EventType.CHECKIN_COMPLETED: "随机打卡",
    EventType.SNAPSHOT_CAPTURED: "抽检照片",
    EventType.LESSON_COMPLETED: "完成课程",
    EventType.QUIZ_GATE_EVALUATED: "随堂测验",
    EventType.EXAM_STARTED: "考试开始",
    EventType.EXAM_IDENTITY_CHECKED: "考前核验",
    EventType.EXAM_SUBMITTED: "交卷",
    EventType.EXAM_GRADED: "评分",
    EventType.EXAM_PAPER_PDF: "答卷存档",
    EventType.CERTIFICATE_ELIGIBILITY: "发证资格",
    EventType.RISK_FINDING: "异常线索",
    EventType.CLASS_CLOSED: "结班",
    EventType.REPORT_PUBLISHED: "监管报告",
    EventType.EVENT_CORRECTED: "更正",
    EventType.EVENT_VOIDED: "作废",
}
_STATES = {"submitted": "待审批", "approved": "已获准", "closed": "已结班"}
_RESULTS = {ResultStatus.STORED: "已入库", ResultStatus.PENDING_FILES: "待补文件"}
_CODES = {
    RejectCode.SCHEMA_INVALID: "格式不正确",
    RejectCode.UNKNOWN_CLASS: "没有该班级",
    RejectCode.UNKNOWN_LEARNER: "名册中没有该学员",
    RejectCode.CLASS_NOT_APPROVED: "班级未获准",
    RejectCode.OUT_OF_CLASS_PERIOD: "不在培训期内",
    RejectCode.HASH_CONFLICT: "内容冲突",
    RejectCode.CHAIN_BROKEN: "事件链不衔接",
    RejectCode.REGION_NOT_ALLOWED: "区划不符",
    RejectCode.CLOSED_CLASS: "班级已结班",
    RejectCode.PACK_MISMATCH: "规则包不符",
    RejectCode.CLAIMABLE_MISMATCH: "演示标记不符",
}

_STYLE = """
:root{--ink:#1d2733;--soft:#5b6775;--line:#dfe5ec;--card:#fff;--ground:#f3f6f9;--accent:#0b5cad;--good:#16703c;
--bad:#b3261e;--warn:#8a5a00}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);line-height:1.6;
font-family:system-ui,-apple-system,"PingFang SC","Microsoft YaHei","Noto Sans SC",sans-serif}
header{background:#12324f;color:#fff;padding:1.1rem 1rem}
header div,main{max-width:68rem;margin:0 auto}
header h1{font-size:1.25rem;margin:0}
header p{margin:.2rem 0 0;color:#cfdceb;font-size:.9rem}
header a{color:#fff}
main{padding:1rem}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1rem;margin-bottom:1rem}
h2{font-size:1.05rem;margin:0 0 .7rem}
a{color:var(--accent)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(8rem,1fr));gap:.7rem;margin-bottom:1rem}
.figures div{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:.7rem 1rem}
.figures b{display:block;font-size:1.5rem;font-variant-numeric:tabular-nums}
.figures span{color:var(--soft);font-size:.85rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{text-align:left;padding:.45rem .7rem .45rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--soft);font-weight:600;white-space:nowrap}
td.n{font-variant-numeric:tabular-nums;white-space:nowrap}
code{font-size:.85em;color:var(--soft);word-break:break-all}
.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}.soft{color:var(--soft)}
@media (max-width:40rem){
tr:first-child{display:none}
tr{display:block;border-bottom:1px solid var(--line);padding:.5rem 0}
td{display:flex;gap:.8rem;border:0;padding:.1rem 0;white-space:normal}
td::before{content:attr(data-name);color:var(--soft);flex:0 0 5.2rem}
}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:0}
dt{color:var(--soft)}dd{margin:0}
"""


class Html(str):
    """Text that is already HTML and is not escaped again."""

    __slots__ = ()


def front(city: City) -> str:
    """Show classes, counts, latest events, files and digests."""
    return _page(
        "实名制系统（模拟）",
        "市级职业技能培训实名制系统的模拟程序。人员、机构和编号均为虚构。",
        _figures(city),
        _classes(city),
        _counts(city),
        _latest(city),
        _digests(city),
        _rejections(city, None),
        refresh_s=15,
    )


def of_class(city: City, class_code: str) -> str:
    """Show one class: its master data, roster and events with their receipts.

    Raises:
        ClassUnknown: No such class.
    """
    found = city.store.document("select document from class where class_code = ?", class_code)
    if found is None:
        raise ClassUnknown
    return _page(
        found["name"],
        Html(f'班级编号 {escape(class_code)} · <a href="/">返回首页</a>'),
        _master_data(found),
        _roster(city, class_code),
        _class_events(city, class_code),
        _rejections(city, class_code),
    )


def failure(error: DomainError) -> str:
    """Show a failure to a person."""
    return _page(error.title, Html('<a href="/">返回首页</a>'), _section("出错了", f"<p>{escape(error.detail)}</p>"))


def _figures(city: City) -> str:
    events = city.store.row("select count(*) from event where status = 'stored'")
    receipts = city.store.row("select count(*) from receipt")
    refused = city.store.row("select count(*) from rejection")
    files, size = city.files.count_and_bytes()
    cells = [
        ("已入库事件", f"{_number(events):,}"),
        ("回执", f"{_number(receipts):,}"),
        ("退回", f"{_number(refused):,}"),
        ("文件", f"{files:,}"),
        ("文件总量", _size(size)),
    ]
    inner = "".join(f"<div><b>{escape(value)}</b><span>{escape(name)}</span></div>" for name, value in cells)
    return f'<div class="figures">{inner}</div>'


def _classes(city: City) -> str:
    rows = []
    for row in city.store.rows(
        "select document, (select count(*) from event e where e.class_code = c.class_code) as n"
        " from class c order by class_code"
    ):
        item = load(row["document"])
        link = f'<a href="/classes/{quote(item["class_code"], safe="")}">{escape(item["name"])}</a>'
        state = "approved" if item["approval_no"] else "bad"
        rows.append(
            (
                Html(link),
                item["class_code"],
                Html(_mark("good" if state == "approved" else "bad", _STATES.get(item["status"], item["status"]))),
                f"{item['start']} 至 {item['end']}",
                f"{item['headcount']} 人",
                "是" if item["claimable"] else Html(_mark("warn", "否（演示）")),
                f"{row['n']:,}",
            )
        )
    return _table("班级", ("名称", "编号", "状态", "培训日期", "名册", "可申领补贴", "事件"), rows)


def _counts(city: City) -> str:
    rows = city.store.rows("select event_type, count(*) as n from event group by event_type order by n desc")
    return _table("各类事件", ("类型", "数量"), [(_type(row["event_type"]), f"{row['n']:,}") for row in rows])


def _latest(city: City) -> str:
    rows = city.store.rows("select * from event order by received_at desc, seq desc limit ?", _LATEST)
    cells = [
        (_clock(row["received_at"]), row["class_code"], row["seq"], _type(row["event_type"]), row["learner_ref"] or "—")
        for row in rows
    ]
    return _table("最近收到", ("收到时间", "班级", "序号", "类型", "学员编号"), cells)


def _digests(city: City) -> str:
    cells = []
    for row in city.store.rows("select * from digest order by day desc, class_code limit ?", _LATEST):
        answer = load(row["answer"])
        verdict = _mark("good", "一致") if answer["matched"] else _mark("bad", "不一致")
        kind = "结班" if row["kind"] == "close" else "每日"
        root = load(row["document"])["merkle_root"]
        cells.append((row["day"], kind, row["class_code"], Html(verdict), Html(f"<code>{escape(root[:16])}…</code>")))
    return _table("对账", ("日期", "类别", "班级", "结果", "默克尔根"), cells)


def _rejections(city: City, class_code: str | None) -> str:
    rows = city.store.rows(
        "select * from rejection where ?1 is null or class_code = ?1 order by rejection_id desc limit ?2",
        class_code,
        _LATEST,
    )
    cells = [
        (
            _clock(row["received_at"]),
            row["class_code"] or "—",
            Html(_mark("bad", _CODES.get(row["code"], row["code"]))),
            row["field"] or "—",
            row["detail"] or "—",
        )
        for row in rows
    ]
    return _table("退回记录", ("时间", "班级", "原因", "字段", "说明"), cells)


def _master_data(item: dict[str, Any]) -> str:
    profile = item["supervision_profile"]
    pairs = [
        ("状态", _STATES.get(item["status"], item["status"])),
        ("开班批准文号", item["approval_no"] or "尚未批准"),
        ("批准时间", item["approved_at"][:16].replace("T", " ") if item["approved_at"] else "—"),
        ("批准单位", item["approver_org"]),
        ("培训机构", f"{item['institution']['name']}（{item['institution_uscc']}）"),
        ("职业（工种）", f"{item['trade_name']} · {item['class_abc']} 类 · 等级 {item['level']}"),
        ("培训日期", f"{item['start']} 至 {item['end']}"),
        ("学时", f"共 {item['planned_hours']}，其中线上 {item['online_hours']}"),
        ("适用规则", item["pack"]),
        ("可申领补贴", "是" if item["claimable"] else "否（演示班级）"),
        ("监管要求", f"每学时打卡 {profile['checkins_per_hour']} 次，限时 {profile['window_s']} 秒"),
    ]
    inner = "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in pairs)
    return _section("班级资料", f"<dl>{inner}</dl>")


def _roster(city: City, class_code: str) -> str:
    rows = city.store.documents("select document from learner where class_code = ? order by position", class_code)
    cells = [
        (row["learner_ref"], row["name"][0] + "*" * (len(row["name"]) - 1), "****" + row["id_no"][-4:]) for row in rows
    ]
    return _table(f"名册（{len(rows)} 人）", ("学员编号", "姓名", "证件号"), cells)


def _class_events(city: City, class_code: str) -> str:
    rows = city.store.rows(
        "select * from event where class_code = ? order by seq desc limit ?", class_code, _CLASS_EVENTS
    )
    cells = [
        (
            row["seq"],
            _type(row["event_type"]),
            row["learner_ref"] or "—",
            _clock(row["recorded_at"]),
            Html(_mark("good" if row["status"] == "stored" else "warn", _RESULTS[ResultStatus(row["status"])])),
            f"第 {row['receipt_id']} 号",
            Html(f"<code>{escape(row['entry_hash'][:16])}…</code>"),
        )
        for row in rows
    ]
    heading = f"事件（最近 {_CLASS_EVENTS} 条）" if len(rows) == _CLASS_EVENTS else f"事件（{len(rows)} 条）"
    return _table(heading, ("序号", "类型", "学员编号", "记录时间", "状态", "回执", "摘要"), cells)


def _table(heading: str, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    body = "".join("<tr>" + "".join(map(_cell, names, row)) + "</tr>" for row in rows)
    if not body:
        return _section(heading, '<p class="soft">暂无</p>')
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    return _section(heading, f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>')


def _cell(name: str, value: Any) -> str:
    kind = ' class="n"' if isinstance(value, int) else ""
    inner = value if isinstance(value, Html) else escape(str(value))
    return f'<td{kind} data-name="{escape(name)}"><span>{inner}</span></td>'


def _section(heading: str, inner: str) -> str:
    return f"<section><h2>{escape(heading)}</h2>{inner}</section>"


def _mark(tone: str, text: str) -> str:
    return f'<span class="{tone}">{escape(text)}</span>'


def _type(name: str) -> str:
    return _TYPES.get(name, name)


def _clock(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(CHINA).strftime("%m-%d %H:%M:%S")


def _size(count: int) -> str:
    return f"{count / 1024 / 1024:.1f} MB" if count >= 1024 * 1024 else f"{count / 1024:.1f} KB"


def _number(row: Any) -> int:
    return int(row[0])


def _page(title: str, subtitle: str, *parts: str, refresh_s: int | None = None) -> str:
    refresh = f'<meta http-equiv="refresh" content="{refresh_s}">' if refresh_s else ""
    line = subtitle if isinstance(subtitle, Html) else escape(subtitle)
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"{refresh}<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f"<header><div><h1>{escape(title)}</h1><p>{line}</p></div></header>"
        f"<main>{''.join(parts)}</main></body></html>"
    )
