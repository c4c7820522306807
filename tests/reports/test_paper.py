from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pypdfium2
import pytest
from sqlalchemy import select

from app.core.canonical import canonical_bytes, canonical_hash
from app.core.ids import new_id
from app.core.ledger import LedgerEntry
from app.reports import glyphs, typesetting
from app.reports.errors import FontsMissing, PaperNotReady
from app.reports.glyphs import covered_characters, showable
from app.reports.models import SealedPaper
from app.reports.paper import (
    DEMONSTRATION_MARK,
    ChainPlace,
    IdentityCheck,
    PaperQuestion,
    PaperReport,
    paper_data,
    render_paper,
)
from app.reports.paper_facts import read_paper_facts
from app.reports.paper_job import find_sealed, make_paper_pdf
from storage.errors import StoreUnavailable
from storage.models import StoredObject
from storage.private import find_file, read_file
from tests.reports.world import picture

pytestmark = pytest.mark.clause("CC-4.1.4b", "CC-A2-4.6")

START = datetime(2026, 3, 2, 1, 14, 7, tzinfo=UTC)
PICTURES = {hashlib.sha256(data).hexdigest(): data for data in (picture(1), picture(2))}
STEM = "焊工进入受限空间作业之前，下列哪一项措施必须首先完成？"


def question(no: int, **changes) -> PaperQuestion:
    values = {
        "no": no,
        "kind_title": "单选题",
        "stem": f"{STEM}（{no}）",
        "options": (("A", "检测氧含量和可燃气体浓度"), ("B", "佩戴普通口罩"), ("C", "直接进入"), ("D", "打开照明")),
        "given": ("A",),
        "is_right": True,
        "score": 5,
        "max_score": 5,
    }
    return PaperQuestion(**(values | changes))


def report(**changes) -> PaperReport:
    values = {
        "title": "焊工（五级）结业考核",
        "class_name": "2026年第一期焊工班",
        "class_code": "220100-2026-YL-0001",
        "institution": "长春市示例职业培训学校",
        "trade": "焊工",
        "level": "初级工",
        "is_claimable": True,
        "name_masked": "温**",
        "id_number_masked": "990101********001X",
        "learner_ref": "XY0001001",
        "started_at": START,
        "submitted_at": START + timedelta(seconds=1925),
        "graded_at": START + timedelta(seconds=1926),
        "duration_s": 3600,
        "elapsed_s": 1925,
        "mode": "learner",
        "score": 95,
        "total": 100,
        "pass_score": 60,
        "outcome_title": "合格",
        "identity": (IdentityCheck(at=START, method="face", result="passed", pictures=tuple(PICTURES)),),
        "questions": tuple(question(no) for no in range(1, 21)),
        "paper_hash": "ab" * 32,
        "answers_sha256": "cd" * 32,
        "place": ChainPlace(seq=133, entry_hash="ef" * 32),
    }
    return PaperReport(**(values | changes))


def rendered(shown: PaperReport, pictures=PICTURES):
    return render_paper(paper_data(shown), pictures=pictures, graded_at=shown.graded_at)


def texts(pdf: bytes) -> list[str]:
    """The text of each page, as a search would find it."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [page.get_textpage().get_text_range().replace(" ", "") for page in document]
    finally:
        document.close()


class TestData:
    def test_has_a_hash_over_everything_it_shows(self):
        data = paper_data(report())
        rest = {name: value for name, value in data.items() if name != "content_sha256"}
        assert data["content_sha256"] == canonical_hash(rest)

    @pytest.mark.parametrize(
        "change",
        [
            {"score": 94},
            {"name_masked": "江**"},
            {"answers_sha256": "00" * 32},
            {"place": ChainPlace(seq=134, entry_hash="ef" * 32)},
            {"is_claimable": False},
            {"questions": (question(1, given=("B",)),)},
            {"identity": ()},
        ],
    )
    def test_has_another_hash_for_other_facts(self, change):
        assert paper_data(report(**change))["content_sha256"] != paper_data(report())["content_sha256"]

    def test_writes_times_and_durations_in_chinese(self):
        facts = dict(paper_data(report())["facts"])
        assert facts["开始时间"] == "2026年3月2日 09:14:07"
        assert facts["考试时长"] == "1 小时"
        assert facts["实际用时"] == "32 分 5 秒"

    def test_says_what_was_not_answered(self):
        data = paper_data(report(questions=(question(1, given=(), is_right=False, score=0),)))
        assert (data["questions"][0]["given"], data["questions"][0]["verdict"]) == ("未作答", "未作答")


class TestDocument:
    def test_is_the_same_bytes_for_the_same_data_in_any_process(self, tmp_path):
        first = rendered(report()).pdf
        assert rendered(report()).pdf == first
        (tmp_path / "data.json").write_bytes(canonical_bytes(paper_data(report())))
        program = (
            "import sys, json, hashlib, pathlib; from datetime import datetime;"
            "from app.reports.paper import render_paper;"
            "data = json.loads(pathlib.Path(sys.argv[1]).read_bytes());"
            "at = datetime.fromisoformat(sys.argv[2]);"
            "sys.stdout.write(hashlib.sha256(render_paper(data, pictures={}, graded_at=at).pdf).hexdigest())"
        )
        command = [sys.executable, "-c", program, tmp_path / "data.json", report().graded_at.isoformat()]
        elsewhere = subprocess.run(command, capture_output=True, check=True, cwd=Path(__file__).parents[2])
        assert elsewhere.stdout.decode() == hashlib.sha256(rendered(report(), pictures={}).pdf).hexdigest()

    def test_is_archival_tagged_and_dated(self):
        pdf = rendered(report()).pdf
        document = pypdfium2.PdfDocument(pdf)
        meta = document.get_metadata_dict()
        document.close()
        assert meta["CreationDate"] == "D:20260302014613Z"
        assert meta["Title"] == "焊工（五级）结业考核（答卷）"
        for mark in (
            b"<pdfaid:part>2</pdfaid:part>",
            b"<pdfaid:conformance>A<",
            b"<pdfuaid:part>1<",
            b"/StructTreeRoot",
        ):
            assert mark in pdf

    def test_shows_everything_as_text_that_can_be_searched(self):
        pages = texts(rendered(report()).pdf)
        whole = "".join(pages)
        for wanted in (
            "焊工（五级）结业考核",
            "温**",
            "990101********001X",
            "2026年3月2日09:14:07",
            "95/100分",
            "合格",
            STEM,
            "检测氧含量和可燃气体浓度",
            "作答：A",
            "判定：正确",
            "ab" * 32,
            "cd" * 32,
            "第133条",
            "ef" * 32,
        ):
            assert wanted in whole, wanted
        digest = paper_data(report())["content_sha256"]
        assert all(digest in page and f"共{len(pages)}页" in page for page in pages)

    def test_holds_the_pictures_byte_for_byte(self):
        pdf = rendered(report()).pdf
        assert all(data[200:] in pdf for data in PICTURES.values())

    def test_says_when_a_picture_is_gone(self):
        assert "照片已按保存期限删除" in "".join(texts(rendered(report(), pictures={}).pdf))

    def test_marks_a_demonstration_class_on_every_page(self):
        pages = texts(rendered(report(is_claimable=False)).pdf)
        assert len(pages) > 2
        assert all(page.count(DEMONSTRATION_MARK) == 2 for page in pages)
        assert all(DEMONSTRATION_MARK not in page for page in texts(rendered(report()).pdf))

    def test_counts_its_pages(self):
        made = rendered(report())
        assert made.page_count == len(texts(made.pdf))

    @pytest.mark.parametrize(
        "stem",
        [
            '#panic("x") #sys.inputs',
            "$a^2$ *b* _c_ `d` <label> @ref // 注释 /* x */ \\ [ ] { }",
            "= 标题\n- 列表\n\n+ 项",
            "表情😀、生僻字𠮷、零宽\u200b字、控制\x07符",
            "长" * 3000,
            "https://example.org/" + "a" * 400,
        ],
    )
    def test_takes_any_text_as_text(self, stem):
        made = rendered(report(questions=(question(1, stem=stem), question(2))))
        assert "（2）" in "".join(texts(made.pdf))

    def test_is_set_in_less_than_a_second(self):
        many = report(questions=tuple(question(no) for no in range(1, 61)))
        rendered(many)
        begun = time.perf_counter()
        made = rendered(many)
        assert made.page_count >= 8
        assert time.perf_counter() - begun < 1

    def test_needs_its_font(self, monkeypatch, tmp_path):
        monkeypatch.setattr(typesetting, "FONTS", tmp_path)
        with pytest.raises(FontsMissing):
            rendered(report())


class TestGlyphs:
    @pytest.fixture
    def covered(self) -> frozenset[int]:
        return covered_characters(next(typesetting.FONTS.glob("*.ttf")))

    def test_knows_what_the_font_can_show(self, covered):
        assert {ord(one) for one in "证学①㎡℃Ωμ≥√ⅣAz09，。《》"} <= covered
        assert not {ord(one) for one in "😀𠮷\ue000"} & covered

    def test_shows_the_number_of_what_it_cannot(self, covered):
        assert showable({"k": ["好😀", 1, None]}, covered) == {"k": ["好（U+1F600）", 1, None]}

    def test_drops_what_nobody_sees(self, covered):
        assert showable("a\u200b\ufe0f\x00b\tc\nd", covered) == "ab c\nd"

    def test_refuses_a_font_without_a_map(self, tmp_path):
        path = tmp_path / "font.ttf"
        path.write_bytes(b"\x00\x01\x00\x00" + bytes(8))
        with pytest.raises(ValueError, match="no character map"):
            glyphs.covered_characters(path)


class TestFacts:
    def test_are_those_of_the_attempt(self, graduate):
        with graduate.unit() as work:
            facts = read_paper_facts(work, graduate.attempt_id)
            submitted = work.session.scalars(
                select(LedgerEntry).where(LedgerEntry.event_type == "exam.submitted")
            ).one()
            started = work.session.scalars(select(LedgerEntry).where(LedgerEntry.event_type == "exam.started")).one()
            graded = work.session.scalars(select(LedgerEntry).where(LedgerEntry.event_type == "exam.graded")).one()
        shown = facts.report
        assert (shown.score, shown.total, shown.outcome_title) == (70, 100, "合格")
        assert (shown.name_masked, shown.level, shown.learner_ref) == ("温**", "初级工", "XY001")
        assert [one.is_right for one in shown.questions] == [False, True, True, True]
        assert shown.answers_sha256 == submitted.payload["answer_log_sha256"]
        assert shown.paper_hash == started.payload["paper_sha256"]
        assert shown.place == ChainPlace(seq=graded.seq, entry_hash=graded.entry_hash)
        assert [len(check.pictures) for check in shown.identity] == [3]

    def test_are_refused_before_the_attempt_is_marked(self, graduate):
        with graduate.unit() as work, pytest.raises(PaperNotReady):
            read_paper_facts(work, new_id())


class TestSealing:
    def test_writes_the_paper_into_the_ledger_with_its_hash(self, graduate):
        with graduate.unit() as work:
            sealed = find_sealed(work.session, graduate.attempt_id)
            entry = work.session.scalars(select(LedgerEntry).where(LedgerEntry.event_type == "exam.paper_pdf")).one()
            place = find_file(work.session, sealed.sha256)
        assert entry.files == [
            {
                "sha256": sealed.sha256,
                "bytes": sealed.size_bytes,
                "media_type": "application/pdf",
                "kind": "paper_pdf",
            }
        ]
        assert entry.payload["content_sha256"] == sealed.content_sha256
        assert entry.payload["pages"] == sealed.page_count
        data = read_file(graduate.platform.store, graduate.platform.vault, place)
        assert hashlib.sha256(data).hexdigest() == sealed.sha256
        assert len(texts(data)) == sealed.page_count

    def test_lies_encrypted_and_is_kept_as_proof(self, graduate):
        with graduate.unit() as work:
            row = work.session.scalars(select(StoredObject).where(StoredObject.kind == "paper_pdf")).one()
            assert (row.media_type, row.retention) == ("application/octet-stream", "proof")
            assert row.retain_until.year == 2036
            assert not graduate.platform.store.get(row.key).startswith(b"%PDF")

    def test_happens_once_however_often_the_job_runs(self, graduate):
        first = graduate.make_paper(graduate.attempt_id)
        assert graduate.make_paper(graduate.attempt_id) == first
        with graduate.unit() as work:
            assert len(work.session.scalars(select(SealedPaper)).all()) == 1
            entries = select(LedgerEntry).where(LedgerEntry.event_type == "exam.paper_pdf")
            assert len(work.session.scalars(entries).all()) == 1

    def test_gives_the_same_paper_again_from_the_same_facts(self, graduate):
        with graduate.unit() as work:
            facts = read_paper_facts(work, graduate.attempt_id)
            sealed = find_sealed(work.session, graduate.attempt_id)
        store, vault = graduate.platform.store, graduate.platform.vault
        pictures = {place.sha256: read_file(store, vault, place) for place in facts.pictures}
        data = paper_data(facts.report)
        made = render_paper(data, pictures=pictures, graded_at=facts.report.graded_at)
        assert data["content_sha256"] == sealed.content_sha256
        assert hashlib.sha256(made.pdf).hexdigest() == sealed.sha256

    @pytest.mark.commits
    def test_happens_once_when_two_workers_do_it_at_the_same_time(self, world):
        world.study(0)
        attempt_id = world.sit_exam(0)
        with ThreadPoolExecutor(3) as workers:
            made = list(workers.map(lambda _: world.make_paper(attempt_id), range(3)))
        assert len(set(made)) == 1
        with world.unit() as work:
            entries = select(LedgerEntry).where(LedgerEntry.event_type == "exam.paper_pdf")
            assert len(work.session.scalars(entries).all()) == 1

    @pytest.mark.commits
    def test_leaves_nothing_behind_when_the_store_is_down(self, world):
        world.study(0)
        attempt_id = world.sit_exam(0)

        class Down:
            def __getattr__(self, name):
                return getattr(world.platform.store, name)

            def put(self, *args, **more):
                raise StoreUnavailable

        with pytest.raises(StoreUnavailable):
            make_paper_pdf(world.platform.unit, store=Down(), vault=world.platform.vault, attempt_id=attempt_id)
        with world.unit() as work:
            assert find_sealed(work.session, attempt_id) is None
        assert world.make_paper(attempt_id).kind == "paper_pdf"


def test_a_report_is_a_value():
    assert replace(report(), score=1) != report()
