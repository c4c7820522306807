from __future__ import annotations

import json
import zipfile
from io import BytesIO

import pytest
from sqlalchemy import select

from app.core.errors import NotFound
from app.core.ids import new_id
from app.reports.pack_facts import collect_pack
from storage.models import StoredObject
from storage.private import PrivateFile
from storage.service import delete_evidence, purge
from tests.app.identity.samples import make_id_number, make_phone
from tests.reports.forgery import check, contents

pytestmark = pytest.mark.clause("CC-4.1.5", "CC-A2-4.1", "CC-6.2")


class TestPack:
    def test_holds_everything_about_the_trainee(self, pack):
        files = contents(pack)
        assert {name for name in files if "/" not in name} == {
            "README.txt",
            "verify.py",
            "keys.json",
            "ledger.json",
            "heartbeats.json",
            "answers.json",
            "receipts.json",
            "manifest.json",
            "manifest.sig",
        }
        kinds = {name.rsplit(".", 1)[1] for name in files if name.startswith("files/")}
        assert kinds == {"jpg", "pdf"}
        ours = {
            entry["envelope"]["event_type"]
            for entry in json.loads(files["ledger.json"])["entries"]
            if entry["envelope"]["learner_ref"] == "XY001"
        }
        assert {"learner.registered", "lesson.completed", "exam.graded", "exam.paper_pdf"} <= ours

    def test_tells_nothing_of_other_trainees_but_their_envelopes(self, pack):
        entries = json.loads(contents(pack)["ledger.json"])["entries"]
        others = [entry for entry in entries if entry["envelope"]["learner_ref"] == "XY002"]
        assert len(others) > 3
        assert all("payload" not in entry for entry in others)
        assert all("payload" in entry for entry in entries if entry not in others)

    def test_holds_no_name_number_or_phone(self, pack):
        text = b"\n".join(data for name, data in contents(pack).items() if not name.startswith("files/"))
        for number in (1, 2):
            assert make_id_number(sequence=number).encode() not in text
            assert make_phone(number).encode() not in text
        assert "温若竹".encode() not in text

    def test_is_the_same_for_the_same_facts(self, graduate, pack):
        assert graduate.pack() == pack

    def test_names_the_trainee_and_class_in_the_readme(self, pack, graduate):
        text = contents(pack)["README.txt"].decode()
        assert "XY001" in text
        assert "【演示班级，不可用于申领补贴】" in text
        assert "python3 verify.py" in text

    def test_can_be_listed_by_ordinary_programs(self, pack):
        with zipfile.ZipFile(BytesIO(pack)) as archive:
            assert archive.testzip() is None
            assert {info.date_time for info in archive.infolist()} == {
                (2026, 4, 11, *archive.infolist()[0].date_time[3:])
            }

    def test_of_another_trainee_verifies_too(self, graduate):
        report = check(graduate.pack(1))
        assert report.is_ok(), report.problems

    def test_needs_an_enrolment(self, graduate):
        with graduate.unit() as work, pytest.raises(NotFound):
            collect_pack(work, new_id())


@pytest.mark.commits
class TestFilesThatAreGone:
    def test_are_named_when_their_time_was_over(self, world):
        world.register(0)
        with world.unit() as work:
            row = work.session.scalars(select(StoredObject)).one()
            ref = delete_evidence(work.session, row.id, reason="retention", now=work.now)
        purge(world.platform.store, [ref])
        report = check(world.pack())
        assert report.is_ok(), report.problems
        assert any("已按保存期限删除" in note for note in report.notes)

    def test_are_named_when_they_are_damaged(self, world, tmp_path):
        world.register(0)
        with world.unit() as work:
            sha256 = work.session.scalars(select(PrivateFile.sha256)).one()
        [data] = (tmp_path / "objects").rglob("data")
        data.write_bytes(data.read_bytes()[:-1] + b"x")
        report = check(world.pack())
        assert any(sha256 in problem and "已损坏" in problem for problem in report.problems)


@pytest.mark.commits
class TestUnfinished:
    def test_pack_of_a_class_that_goes_on_verifies(self, world):
        world.register(0)
        world.study(0, lessons=[1])
        report = check(world.pack())
        assert report.is_ok(), report.problems
        assert any("尚未结束" in note for note in report.notes)
        assert any("尚未得到实名制系统回执" in note for note in report.notes)
