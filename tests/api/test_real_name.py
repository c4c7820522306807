from __future__ import annotations

import pytest
from sqlalchemy import select

from app.core.ledger import LedgerEntry
from storage.models import StoredObject
from storage.private import find_file, read_file
from tests.app.identity.authenticator import Authenticator
from tests.app.identity.samples import make_id_number, make_phone

pytestmark = [pytest.mark.commits, pytest.mark.clause("CC-A2-4.2")]

PDF = b"%PDF-1.7\n" + b"proof of insurance " * 10 + b"\n%%EOF\n"
NAME = {"name": "温若竹", "id_number": make_id_number(sequence=1)}


@pytest.fixture
def trainee(browser, listed, enrolled):
    person_id = listed(1)
    made = browser()
    made.person_id = person_id
    made.enrollment_id = enrolled(person_id)[person_id]
    made.sign_in()
    made.agree()
    return made


def send_proof(trainee, content=PDF, *, name="参保证明.pdf", enrollment_id=None):
    path = f"/me/real-name/{enrollment_id or trainee.enrollment_id}/proofs"
    return trainee.post(path, files={"file": (name, content, "application/pdf")})


def confirm(trainee, enrollment_id=None):
    return trainee.post(f"/me/real-name/{enrollment_id or trainee.enrollment_id}/confirm")


class TestMatch:
    def test_shows_everything_masked(self, trainee):
        person = trainee.get("/me/real-name").json()["person"]
        assert person == {
            "name_masked": "温**",
            "id_number_masked": f"990101********{make_id_number(sequence=1)[-4:]}",
            "phone_masked": "199****0001",
            "status": "activated",
            "matched": False,
        }

    def test_matches_and_shows_the_own_name_from_then_on(self, trainee):
        answer = trainee.post("/me/real-name", NAME)
        assert (answer.status_code, answer.json()["person"]["matched"]) == (200, True)
        assert trainee.get("/auth/me").json()["display_name"] == "温若竹"

    def test_counts_wrong_pairs_although_it_refuses(self, trainee):
        wrong = NAME | {"name": "江望舒"}
        assert [trainee.post("/me/real-name", wrong).status_code for _ in range(6)] == [409] * 5 + [429]
        assert trainee.post("/me/real-name", NAME).json()["code"] == "real-name-locked"

    @pytest.mark.parametrize(
        "body",
        [NAME | {"name": "温" * 1_000_000}, NAME | {"id_number": "1" * 1_000_000}, NAME | {"name": ""}, {}],
        ids=["long name", "long number", "no name", "nothing"],
    )
    def test_refuses_what_is_no_person(self, trainee, body):
        answer = trainee.post("/me/real-name", body)
        assert answer.status_code == 422
        assert len(answer.content) < 2000

    def test_never_writes_the_number_into_a_log(self, trainee, capsys):
        trainee.post("/me/real-name", NAME)
        trainee.post("/me/real-name", NAME | {"id_number": "11010519491231002Y"})
        logged = "".join(capsys.readouterr())
        assert make_id_number(sequence=1) not in logged
        assert "温若竹" not in logged

    def test_is_for_trainees_only(self, browser, hired):
        assert browser().get("/me/real-name").status_code == 401
        assert hired().post("/me/real-name", NAME).status_code == 403


class TestProofsAndConfirmation:
    def test_goes_all_the_way(self, trainee):
        trainee.post("/me/real-name", NAME)
        (before,) = trainee.get("/me/real-name").json()["enrollments"]
        assert (before["trade"], before["level"], before["needs_proof"]) == ("养老护理员", "初级工", True)
        assert (before["category"], before["proof_title"]) == ("employee", "社会保险参保证明")
        assert confirm(trainee).json()["code"] == "proof-needed"
        assert send_proof(trainee).status_code == 201
        answer = confirm(trainee).json()
        assert answer["person"]["status"] == "verified"
        (after,) = answer["enrollments"]
        assert (after["confirmed"], after["can_confirm"]) == (True, False)
        assert [proof["file_name"] for proof in after["proofs"]] == ["参保证明.pdf"]
        steps = {step["key"]: step["done"] for step in trainee.get("/auth/me").json()["steps"]}
        assert steps["real_name"]

    def test_writes_the_fact_once_without_personal_data(self, trainee):
        trainee.post("/me/real-name", NAME)
        send_proof(trainee)
        confirm(trainee)
        confirm(trainee)
        with trainee.platform.unit() as work:
            (entry,) = work.session.scalars(
                select(LedgerEntry).where(LedgerEntry.event_type == "learner.registered")
            ).all()
            written = f"{entry.payload}{entry.envelope}{entry.files}"
        assert entry.payload["verify_method"] == "roster_match+sms_code"
        assert len(entry.files) == 1
        assert not any(secret in written for secret in (*NAME.values(), make_phone(1)))

    def test_keeps_the_proof_encrypted_and_findable(self, trainee, tmp_path):
        trainee.post("/me/real-name", NAME)
        send_proof(trainee)
        assert not any(
            b"insurance" in path.read_bytes() for path in (tmp_path / "objects").rglob("*") if path.is_file()
        )
        platform = trainee.platform
        with platform.unit() as work:
            stored = work.session.scalars(select(StoredObject)).one()
            import hashlib

            place = find_file(work.session, hashlib.sha256(PDF).hexdigest())
        assert stored.retention == "proof"
        assert read_file(platform.store, platform.vault, place) == PDF

    @pytest.mark.parametrize(
        "content",
        [b"", b"MZ" + b"\x00" * 200, b"<html>" * 50, b"%PDF-1.7" + b"x" * 200, b"\xff\xd8\xff" + b"x" * 100],
        ids=["empty", "program", "page", "cut pdf", "cut jpeg"],
    )
    def test_refuses_other_files_whatever_they_are_called(self, trainee, content):
        trainee.post("/me/real-name", NAME)
        answer = send_proof(trainee, content)
        assert (answer.status_code, answer.json()["code"]) == (422, "proof-refused")

    def test_refuses_more_than_ten_megabytes(self, trainee):
        trainee.post("/me/real-name", NAME)
        assert send_proof(trainee, PDF + b"\x00" * 10 * 1024 * 1024 + b"%%EOF").status_code == 422

    def test_needs_the_match_first(self, trainee):
        assert send_proof(trainee).json()["code"] == "real-name-needed"
        assert confirm(trainee).json()["code"] == "real-name-needed"
        with trainee.platform.unit() as work:
            assert work.session.scalars(select(StoredObject)).all() == []

    def test_waits_for_the_class_to_open(self, trainee, enrolled):
        trainee.post("/me/real-name", NAME)
        waiting = enrolled(trainee.person_id, opened=False)[trainee.person_id]
        assert send_proof(trainee, enrollment_id=waiting).status_code == 201
        assert confirm(trainee, waiting).json()["code"] == "class-not-running"

    def test_is_nobody_elses(self, browser, listed, enrolled, trainee):
        other_id = listed(2, name="江望舒")
        foreign = enrolled(other_id)[other_id]
        trainee.post("/me/real-name", NAME)
        for answer in (send_proof(trainee, enrollment_id=foreign), confirm(trainee, foreign)):
            assert (answer.status_code, answer.json()["code"]) == (404, "enrollment-not-yours")
        assert foreign not in {item["enrollment_id"] for item in trainee.get("/me/real-name").json()["enrollments"]}


class TestPasskeys:
    @pytest.mark.clause("CC-A2-4.3")
    def test_are_the_other_way_for_whoever_refuses_faces(self, trainee):
        for purpose in ("face_verify", "face_store_and_transfer"):
            trainee.send("DELETE", f"/me/consents/{purpose}")
        trainee.post("/me/real-name", NAME)
        options = trainee.post("/me/passkeys/options").json()
        made = trainee.post("/me/passkeys", {"credential": Authenticator().create(options)})
        assert made.status_code == 201
        assert [item["id"] for item in trainee.get("/me/passkeys").json()["items"]] == [made.json()["id"]]
        steps = {step["key"]: step["done"] for step in trainee.get("/auth/me").json()["steps"]}
        assert steps["identity_method"]

    def test_are_refused_from_another_site(self, trainee):
        trainee.post("/me/real-name", NAME)
        options = trainee.post("/me/passkeys/options").json()
        credential = Authenticator(origin="https://evil.example").create(options)
        answer = trainee.post("/me/passkeys", {"credential": credential})
        assert (answer.status_code, answer.json()["code"]) == (409, "passkey-refused")

    def test_need_the_match_first(self, trainee):
        assert trainee.post("/me/passkeys/options").json()["code"] == "real-name-needed"

    @pytest.mark.parametrize("body", [{}, {"credential": []}, {"credential": {}}, {"credential": {"id": "x" * 10**6}}])
    def test_refuse_nonsense(self, trainee, body):
        trainee.post("/me/real-name", NAME)
        assert trainee.post("/me/passkeys", body).status_code in {409, 422}

    def test_are_for_trainees_only(self, browser, hired):
        assert browser().post("/me/passkeys/options").status_code == 401
        assert hired().get("/me/passkeys").status_code == 403
