"""One class whose first trainee goes all the way, through the real services: lessons, quiz, exam, paper, receipts."""

from __future__ import annotations

import io
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image
from sqlalchemy import select

from app.core.clock import FakeClock, china_iso
from app.core.ids import new_id
from app.core.ledger import DELIVERED, PENDING, FileRef, OutboxMessage
from app.core.work import Actor, Work
from app.identity.events import ProofFile, RealNameVerified
from app.identity.models import Organization, Passkey
from app.identity.people import import_person
from app.realname.protocol import MAX_BATCH_EVENTS, SigningKey, signed_document
from app.reports.evidence_pack import build_pack
from app.reports.pack_facts import PackFacts, collect_pack
from app.reports.paper_job import make_paper_pdf
from app.training.classes.imports import RosterEntry, import_class, import_roster
from app.training.classes.opening import close_class, get_seed, open_class
from app.training.models import Enrollment, LessonProgress, PlaybackSession
from app.training.playback.heartbeats import Submitted, TokenIssuer, record_heartbeats
from app.training.playback.rules import Beat
from app.training.playback.sessions import open_session
from app.wiring import Platform
from exam import answers, attempts, bank, design, gates
from exam.design import Blueprint
from exam.models import Attempt, GateAttempt
from exam.parameters import ExamRules
from proctoring import check_ins
from proctoring.models import DUE, CheckIn
from proctoring.ports import Outcome
from storage.private import put_private, record_private
from storage.rules import RetentionClass
from tests.app.identity.samples import make_id_number, make_phone
from tests.app.training.factories import Cast, class_spec
from tests.app.training.playback.builders import RULES

EXAM_RULES = ExamRules(attempts=1, bank_ratio=5, biometric_min=1, pdf_required=True, grace_s=3)
HEAD = ["题型", "题干", "选项A", "选项B", "选项C", "选项D", "正确答案", "知识点", "难度", "解析"]


def picture(number: int, *, size: tuple[int, int] = (320, 240)) -> bytes:
    """A small JPEG of nobody; another one for each number."""
    out = io.BytesIO()
    shade = (40 * number % 256, 90 + 30 * number % 160, 200 - 20 * number % 200)
    Image.linear_gradient("L").resize(size).convert("RGB").point(lambda value: value).save(out, "JPEG")
    flat = Image.blend(Image.open(io.BytesIO(out.getvalue())), Image.new("RGB", size, shade), 0.6)
    out = io.BytesIO()
    flat.save(out, "JPEG", quality=80)
    return out.getvalue()


@dataclass
class World:
    """A platform in which something happened."""

    platform: Platform
    clock: FakeClock
    cast: Cast
    class_id: UUID
    course_id: UUID
    enrollments: list[UUID]
    persons: list[UUID]
    city: SigningKey
    pictures: int = 0
    attempt_id: UUID | None = None

    @classmethod
    def make(cls, platform: Platform, clock: FakeClock, *, people: int = 2, **class_changes) -> World:
        """Open a class of demonstration lessons of one minute each."""
        with platform.unit() as work:
            cast = Cast.make(work)
            persons = [
                import_person(
                    work,
                    name=["温若竹", "江望舒", "柳如是"][number - 1],
                    id_number=make_id_number(sequence=number),
                    phone=make_phone(number),
                ).id
                for number in range(1, people + 1)
            ]
            for person_id in persons:
                _give_passkey(work, person_id)
            course = cast.published()
            _fill_bank(cast, course.id)
            found = import_class(work, class_spec(cast.organization_id, **class_changes), rules=RULES)
            entries = [
                RosterEntry(person_id=person_id, learner_ref=f"XY{number:03}", category_code="employee")
                for number, person_id in enumerate(persons, start=1)
            ]
            import_roster(work, class_id=found.id, roster_sha256="a" * 64, entries=entries)
            open_class(cast.as_author, class_id=found.id, course_id=course.id)
            enrollments = [row.id for row in cast.enrollments(found.id)]
            work.session.get_one(Organization, cast.organization_id).name = "长春市示例职业培训学校"
        return cls(
            platform=platform,
            clock=clock,
            cast=cast,
            class_id=found.id,
            course_id=course.id,
            enrollments=enrollments,
            persons=persons,
            city=SigningKey(Ed25519PrivateKey.generate()),
        )

    def unit(self, number: int | None = None) -> AbstractContextManager[Work]:
        """A transaction of the system, or of a trainee (from 0)."""
        if number is None:
            return self.platform.unit()
        return self.platform.unit(actor=Actor(kind="trainee", person_id=self.persons[number]))

    def files(self, count: int, *, kind: str = "checkin_image") -> list[FileRef]:
        """Seal pictures."""
        made = []
        for _ in range(count):
            self.pictures += 1
            private = put_private(
                self.platform.store,
                self.platform.vault,
                picture(self.pictures),
                kind=kind,
                media_type="image/jpeg",
                retention=RetentionClass.PRESENCE,
                now=self.clock.now(),
            )
            with self.unit() as work:
                made.append(record_private(work.session, private, now=work.now))
        return made

    def register(self, number: int = 0) -> None:
        """Prove who a trainee is, with one proof file."""
        [proof] = self.files(1, kind="real_name_proof")
        with self.unit() as work:
            enrollment = work.session.get_one(Enrollment, self.enrollments[number])
            work.publish(
                RealNameVerified(
                    person_id=self.persons[number],
                    enrollment_id=enrollment.id,
                    id_type="resident_id",
                    birth_year=1990,
                    sex="F",
                    hukou_region=None,
                    education=None,
                    trade_code="CC-087",
                    level="5",
                    category_code="employee",
                    verify_method="roster_match",
                    verified_at=work.now,
                    phone_verified_at=work.now,
                    consent_versions={"account": "2026-01"},
                    proofs=(
                        ProofFile(
                            object_id=new_id(),
                            sha256=proof.sha256,
                            size_bytes=proof.bytes,
                            media_type=proof.media_type,
                        ),
                    ),
                )
            )

    def pass_due(self, subject_id: UUID, number: int, *, pictures: int = 1) -> None:
        """Answer the check-in that is due with a passkey; pictures are taken on the way."""
        files = self.files(pictures)
        with self.unit(number) as work:
            due = work.session.scalars(
                select(CheckIn).where(CheckIn.subject_id == subject_id, CheckIn.status == DUE)
            ).one()
            nonce = check_ins.issue_nonce(work, due)
            assert nonce is not None
            answer = check_ins.begin_try(
                work, due.id, person_id=self.persons[number], nonce=nonce, method="passkey", frame_hashes=()
            )
            check_ins.finish_try(work, answer.id, outcome=Outcome.PASS, verdict={"user_verified": True}, files=files)

    def study(self, number: int = 0, *, lessons: Iterable[int] = (1, 2)) -> None:
        """Watch lessons honestly and pass their quizzes."""
        for position in lessons:
            self._watch(number, position)
            self._pass_gate(number, position)

    def _progress(self, work: Work, number: int, position: int) -> LessonProgress:
        return work.session.scalars(
            select(LessonProgress)
            .where(LessonProgress.enrollment_id == self.enrollments[number], LessonProgress.position == position)
            .execution_options(populate_existing=True)
        ).one()

    def _watch(self, number: int, position: int) -> None:
        issuer = TokenIssuer(self.platform.vault)
        with self.unit(number) as work:
            progress = self._progress(work, number, position)
            row = open_session(
                work,
                enrollment_id=self.enrollments[number],
                lesson_id=progress.lesson_id,
                device_id="phone-1",
                user_agent_class="phone",
                may_learn=lambda _session, _enrollment: None,
            )
            token, session_id, progress_id = issuer.token(row.id, 1), row.id, progress.id
        self.pass_due(progress_id, number)
        for seq in range(1, 30):
            self.clock.advance(timedelta(seconds=15))
            with self.unit() as work:
                covered = work.session.get_one(PlaybackSession, session_id).covered
                at = covered[-1][1] if covered else 0
                beat = Beat(seq, ((at, at + 15_000),), position_ms=at + 15_000)
                [ack] = record_heartbeats(
                    work,
                    [Submitted(session_id, self.persons[number], token, beat)],
                    issuer=issuer,
                    check_ins_of=lambda _session, ids, _now: {found: {"id": str(found)} for found in ids},
                )
            token = ack.next_token
            if ack.watched:
                return
            if ack.check_in:
                self.pass_due(progress_id, number)
        raise AssertionError("the lesson never ended")

    def _pass_gate(self, number: int, position: int) -> None:
        with self.unit(number) as work:
            progress = self._progress(work, number, position)
            gate = gates.open_gate(
                work,
                gates.Gate(
                    enrollment_id=self.enrollments[number],
                    person_id=self.persons[number],
                    lesson_id=progress.lesson_id,
                    progress_id=progress.id,
                    round=progress.round,
                    course_id=self.course_id,
                ),
                seed=get_seed(work, self.class_id),
                question_count=RULES.gate_questions,
                pass_ratio=RULES.gate_pass_ratio,
            )
            right = {int(no): keys for no, keys in work.session.get_one(GateAttempt, gate.id).key.items()}
            gates.submit(work, gate.id, person_id=self.persons[number], answers=right)

    def sit_exam(self, number: int = 0, *, wrong: int = 1, pictures: int = 3) -> UUID:
        """Sit the final exam with some wrong answers; the attempt."""
        with self.unit(number) as work:
            exam = design.find_exam(work, self.course_id)
            attempt = attempts.open_attempt(
                work,
                exam,
                enrollment_id=self.enrollments[number],
                person_id=self.persons[number],
                rules=EXAM_RULES,
            )
            attempt_id: UUID = attempt.id
        self.pass_due(attempt_id, number, pictures=pictures)
        with self.unit(number) as work:
            paper = attempts.paper_of(work, work.session.get_one(Attempt, attempt_id))
            assert paper is not None
            key = {int(no): tuple(keys) for no, keys in paper.key.items()}
        batch = []
        for seq, (no, keys) in enumerate(sorted(key.items()), start=1):
            self.clock.advance(timedelta(seconds=20))
            value = ("B" if keys != ("B",) else "A",) if no <= wrong else keys
            batch.append(
                answers.Answer(
                    attempt_id=attempt_id,
                    person_id=self.persons[number],
                    seq=seq,
                    no=no,
                    value=value,
                    client_at=None,
                    received_at=self.clock.now(),
                )
            )
        with self.unit(number) as work:
            answers.record_answers(work.session, batch)
        with self.unit(number) as work:
            attempts.submit(work, attempt_id, person_id=self.persons[number])
        self.attempt_id = attempt_id
        return attempt_id

    def make_paper(self, attempt_id: UUID) -> FileRef:
        return make_paper_pdf(
            self.platform.unit, store=self.platform.store, vault=self.platform.vault, attempt_id=attempt_id
        )

    def deliver(self) -> None:
        """Have the city confirm what waits, up to one batch, in one receipt."""
        with self.unit() as work:
            waiting = work.session.scalars(
                select(OutboxMessage)
                .where(OutboxMessage.chain_id == self.class_id, OutboxMessage.status == PENDING)
                .order_by(OutboxMessage.seq)
                .limit(MAX_BATCH_EVENTS)
            ).all()
            number = 1 + len(
                set(
                    work.session.scalars(
                        select(OutboxMessage.receipt["receipt_id"].astext).where(OutboxMessage.status == DELIVERED)
                    )
                )
            )
            document = signed_document(
                {
                    "batch_id": str(new_id()),
                    "receipt_id": number,
                    "results": [
                        {
                            "event_id": str(message.entry_id),
                            "status": "stored",
                            "code": None,
                            "field": None,
                            "detail": None,
                        }
                        for message in waiting
                    ],
                    "receiver_time": china_iso(work.now),
                },
                signer=self.city,
            )
            for message in waiting:
                message.status, message.delivered_at = DELIVERED, work.now
                message.receipt = {"receipt_id": number, "document": document}

    def close(self) -> None:
        """Close the class: the seed is revealed."""
        with self.unit() as work:
            close_class(work, class_id=self.class_id)

    def city_keys(self) -> dict[str, bytes]:
        return {self.city.key_id: self.city.private_key.public_key().public_bytes_raw()}

    def facts(self, number: int = 0) -> PackFacts:
        with self.unit() as work:
            return collect_pack(work, self.enrollments[number])

    def pack(self, number: int = 0) -> bytes:
        """The evidence pack of a trainee."""
        out = io.BytesIO()
        build_pack(
            self.facts(number),
            store=self.platform.store,
            vault=self.platform.vault,
            city_keys=self.city_keys(),
            target=out,
        )
        return out.getvalue()


def _give_passkey(work: Work, person_id: UUID) -> None:
    work.session.add(
        Passkey(
            person_id=person_id,
            credential_id=new_id().bytes,
            public_key=b"x",
            sign_count=0,
            transports=[],
            created_at=work.now,
            is_backed_up=False,
        )
    )
    work.session.flush()


def _fill_bank(cast: Cast, course_id: UUID) -> None:
    rows = [HEAD]
    rows += [
        [
            "单选题",
            f"给老人翻身时，第 {n} 步应当怎样做才安全？",
            "先说明再动手",
            "直接翻",
            "叫家属翻",
            "不用翻",
            "A",
            "翻身",
            "易",
            "",
        ]
        for n in range(10)
    ]
    rows += [
        [
            "多选题",
            f"下列哪些属于第 {n} 类手卫生时机？",
            "接触老人前",
            "接触老人后",
            "看电视前",
            "喝水前",
            "AB",
            "手卫生",
            "中",
            "",
        ]
        for n in range(5)
    ]
    rows += [["判断题", f"洗手时揉搓不少于 {n + 20} 秒。", "", "", "", "", "正确", "", "", ""] for n in range(5)]
    bank.import_rows(cast.as_author, course_id, organization_id=cast.organization_id, rows=rows, dry_run=False)
    bank.review(cast.as_reviewer, course_id, question_ids=None)
    blueprint = Blueprint(
        title="养老护理员（五级）结业考核",
        counts={"single": 2, "multiple": 1, "true_false": 1},
        scores={"single": 30, "multiple": 20, "true_false": 20},
        pass_score=60,
        duration=timedelta(minutes=60),
    )
    design.put_blueprint(cast.as_author, course_id, blueprint)
    design.publish(cast.as_reviewer, course_id, rules=EXAM_RULES)
