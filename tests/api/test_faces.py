"""Faces through the real routes: enrol, answer a check-in, be refused, take everything back."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select, text

from app.core.ledger import LedgerEntry
from proctoring.ports import QualityIssue
from proctoring.rules.faces import quality_issues
from tests.api.browser import Browser
from tests.api.conftest import staged
from tests.api.faces import LabelledFaces, picture
from tests.api.stage import Stage, with_ids

pytestmark = pytest.mark.commits

FACE_CONSENTS = ("face_verify", "face_store_and_transfer")
TURNS = (-0.1, 0.0, 0.1)


class TestLabelledFaces:
    """The fake keeps the promises of the port that the rules rely on."""

    def test_reads_the_same_bytes_alike_and_other_people_apart(self):
        read = partial(LabelledFaces().read, deadline_s=1)
        one, again, same, other = read(
            [picture("wen"), picture("wen"), picture("wen", number=1), picture("jiang", number=1)]
        )
        assert one == again
        assert not quality_issues(one)
        assert 1e-3 < one.face.embedding.distance_to(same.face.embedding) < 0.1
        assert one.face.embedding.distance_to(other.face.embedding) > 0.6

    def test_tells_what_is_no_picture_no_face_or_many(self):
        nobody, crowd, noise = LabelledFaces().read(
            [picture("wen", count=0), picture("wen", count=2), b"noise"], deadline_s=1
        )
        assert [quality_issues(one)[0] for one in (nobody, crowd, noise)] == [
            QualityIssue.NO_FACE,
            QualityIssue.MANY_FACES,
            QualityIssue.UNSUPPORTED,
        ]


@pytest.fixture(scope="class")
def own_stage(template, tmp_path_factory):
    """A stage of this class alone: its tests are one story."""
    with staged(template, tmp_path_factory.mktemp("faces")) as made:
        yield made


@pytest.fixture
def trainee(own_stage) -> Browser:
    return own_stage.browser("trainee")


def enrol(stage: Stage, trainee: Browser, photo: bytes):
    stage.clock.advance(timedelta(seconds=3))
    return trainee.post("/me/face-enrolment/photos", files={"photo": ("x.jpg", photo, "image/jpeg")})


def answer(stage: Stage, trainee: Browser, frames: list[bytes]):
    check_in = trainee.get(with_ids("/me/check-ins/{check_in_id}", stage.ids)).json()
    files = [("frames", (f"{n}.jpg", frame, "image/jpeg")) for n, frame in enumerate(frames)]
    path = with_ids("/me/check-ins/{check_in_id}/face", stage.ids)
    return trainee.post(path, files=files, data={"nonce": check_in["nonce"]})


@pytest.mark.clause("CC-5.3.3c", "CC-A2-4.2")
class TestStory:
    """One trainee, in this order."""

    def test_1_needs_both_consents_before_a_face_is_read(self, own_stage, trainee):
        assert enrol(own_stage, trainee, picture("wen")).json()["code"] == "face-consent-missing"
        trainee.agree("account", "id_card", "push_to_realname_system", FACE_CONSENTS[0])
        assert enrol(own_stage, trainee, picture("wen")).json()["code"] == "face-consent-missing"
        trainee.agree(FACE_CONSENTS[1])
        assert trainee.get("/me/face-enrolment").json()["state"] == "none"

    def test_2_says_at_once_what_is_wrong_with_a_photo(self, own_stage, trainee):
        for photo, code in (
            (picture("wen", count=0), "no_face"),
            (picture("wen", count=2), "many_faces"),
            (b"noise", "unsupported"),
        ):
            refused = enrol(own_stage, trainee, photo).json()
            assert (refused["accepted"], refused["issues"][0]["code"]) == (False, code)
        assert trainee.get("/me/face-enrolment").json()["photos_taken"] == 0

    def test_3_is_enrolled_by_three_good_photos(self, own_stage, trainee):
        states = [
            enrol(own_stage, trainee, picture("wen", turn=turn, number=number)).json()["enrolment"]["state"]
            for number, turn in enumerate(TURNS)
        ]
        assert states == ["collecting", "collecting", "complete"]

    def test_4_answers_a_check_in_that_was_opened_for_another_way_only_by_that_way(self, own_stage, trainee):
        refused = answer(own_stage, trainee, [picture("wen", number=n) for n in (11, 12)])
        assert (refused.status_code, refused.json()["code"]) == (409, "method-not-offered")

    def test_5_fails_with_somebody_elses_face(self, own_stage, trainee):
        self._offer_faces(own_stage)
        result = answer(own_stage, trainee, [picture("jiang", number=n) for n in (13, 14)]).json()
        assert (result["outcome"], result["status"]) == ("fail", "due")

    def test_6_loses_no_try_while_the_engine_is_down(self, own_stage, trainee):
        before = trainee.get(with_ids("/me/check-ins/{check_in_id}", own_stage.ids)).json()["tries_left"]
        own_stage.faces.is_down = True
        try:
            refused = answer(own_stage, trainee, [picture("wen", number=n) for n in (15, 16)])
        finally:
            own_stage.faces.is_down = False
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        after = trainee.get(with_ids("/me/check-ins/{check_in_id}", own_stage.ids)).json()["tries_left"]
        assert after == before

    def test_7_passes_with_the_enrolled_face_and_the_ledger_has_the_fact_without_the_face(self, own_stage, trainee):
        result = answer(own_stage, trainee, [picture("wen", number=n) for n in (17, 18)]).json()
        assert (result["outcome"], result["status"], result["advice"]) == ("pass", "passed", [])
        with own_stage.platform.unit() as work:
            entry = work.session.scalars(select(LedgerEntry).order_by(LedgerEntry.recorded_at.desc()).limit(1)).one()
            stored = work.session.scalars(text("SELECT template FROM face_enrolment")).one()
        assert entry.event_type == "lesson.signed_in"
        assert len(entry.files) >= 2
        embedding = own_stage.faces.read([picture("wen")], deadline_s=1)[0].face.embedding.data
        assert embedding[:16] not in stored
        session = trainee.get(with_ids("/me/sessions/{session_id}", own_stage.ids)).json()
        assert session["state"] == "active"

    def test_8_takes_the_photos_back(self, own_stage, trainee):
        assert trainee.send("DELETE", "/me/face-enrolment").status_code == 204
        assert trainee.get("/me/face-enrolment").json()["state"] == "none"
        with own_stage.platform.unit() as work:
            assert work.session.scalars(text("SELECT template FROM face_enrolment")).all() == [None]

    @staticmethod
    def _offer_faces(stage: Stage) -> None:
        with stage.platform.unit() as work:
            work.session.execute(
                text('UPDATE check_in SET methods = \'["face", "passkey"]\' WHERE id = :id'),
                {"id": stage.ids["check_in_id"]},
            )
