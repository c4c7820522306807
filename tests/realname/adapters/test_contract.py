"""What every `CitySystem` promises: the same tests for the real client and for the fake."""

import hashlib
import io

import pytest

from app.core.clock import local_date
from app.realname.ports import Failure
from app.realname.protocol import DigestKind, ErrorKind, RejectCode, ResultStatus, compute_digest
from tests.realname.conftest import (
    DEMO_CLASS,
    LEARNER,
    REAL_CLASS,
    ROSTERLESS_CLASS,
    UNAPPROVED_CLASS,
    Chain,
)
from tests.realname.fakes import FakeCity

PICTURE = b"a picture" * 100
SHA256 = hashlib.sha256(PICTURE).hexdigest()
FILE = {"sha256": SHA256, "bytes": len(PICTURE), "media_type": "image/jpeg", "kind": "checkin_image"}


@pytest.fixture(params=["rnp1", "fake"])
def system(request, client, clock):
    if request.param == "rnp1":
        return client
    classes = client.pull_classes()
    rosters = {item.class_code: client.pull_roster(item.class_code).rows for item in classes}
    return FakeCity(classes=classes, rosters=rosters, clock=clock)


def statuses(receipt):
    return [(result.status, result.code) for result in receipt.results]


def digest_of(chain, events, *, kind=DigestKind.DAILY):
    return compute_digest(events, platform_id="P001", class_code=chain.class_code, kind=kind, day=local_date(chain.now))


@pytest.mark.clause("CC-5.3.1", "CC-5.3.2e", "CC-5.3.2f")
class TestPullClasses:
    def test_brings_approval_institution_and_supervision_profile(self, system):
        found = {item.class_code: item for item in system.pull_classes()}
        real = found[REAL_CLASS]
        assert real.approval_no
        assert real.institution.is_designated
        assert real.institution.uscc == real.institution_uscc
        assert real.supervision_profile["checkins_per_hour"] == 1
        assert (real.claimable, found[DEMO_CLASS].claimable) == (True, False)
        assert found[UNAPPROVED_CLASS].approval_no is None

    def test_brings_nothing_that_is_not_newer(self, system, clock):
        from datetime import timedelta

        assert system.pull_classes(updated_since=clock.now() + timedelta(seconds=1)) == ()


@pytest.mark.clause("CC-5.3.2a", "CC-5.3.2f")
class TestPullRoster:
    def test_brings_every_trainee_with_the_citys_number(self, system):
        roster = system.pull_roster(REAL_CLASS)
        assert len(roster.rows) == 20
        assert roster.rows[0].learner_ref == LEARNER
        assert len(roster.roster_sha256) == 64

    def test_is_empty_when_the_city_has_not_handed_it_out(self, system):
        assert system.pull_roster(ROSTERLESS_CLASS).rows == ()

    def test_fails_for_a_class_nobody_knows(self, system):
        found = system.pull_roster("nothing")
        assert isinstance(found, Failure)
        assert found.code == "unknown_class"


@pytest.mark.clause("CC-4.1.3b")
class TestPushEvents:
    def test_stores_a_batch_and_gives_one_result_each(self, system, chain, batch_id):
        batch = batch_id()
        receipt = system.push_events(chain.add_many(3), batch_id=batch)
        assert statuses(receipt) == [(ResultStatus.STORED, None)] * 3
        assert receipt.batch_id == batch

    def test_gives_the_same_receipt_for_the_same_batch_again(self, system, chain, batch_id):
        batch, events = batch_id(), chain.add_many(2)
        first = system.push_events(events, batch_id=batch)
        assert system.push_events(events, batch_id=batch) == first

    def test_refuses_another_content_under_the_same_batch_number(self, system, chain, batch_id):
        batch = batch_id()
        system.push_events(chain.add_many(1), batch_id=batch)
        found = system.push_events(chain.add_many(1), batch_id=batch)
        assert (found.kind, found.code) == (ErrorKind.CONFLICT, "idempotency_conflict")

    def test_calls_an_event_sent_before_a_duplicate(self, system, chain, batch_id):
        events = chain.add_many(2)
        system.push_events(events, batch_id=batch_id())
        receipt = system.push_events(events, batch_id=batch_id())
        assert statuses(receipt) == [(ResultStatus.DUPLICATE, None)] * 2
        assert all(result.is_delivered for result in receipt.results)

    def test_refuses_another_event_in_the_same_place(self, system, chain, batch_id):
        other = chain.event(payload={"result": "failed"})
        system.push_events([chain.add()], batch_id=batch_id())
        receipt = system.push_events([other], batch_id=batch_id())
        assert statuses(receipt) == [(ResultStatus.REJECTED, RejectCode.HASH_CONFLICT)]

    def test_takes_an_event_after_a_gap_and_asks_for_the_rest(self, system, chain, batch_id):
        first, second, third = chain.add_many(3)
        receipt = system.push_events([first, third], batch_id=batch_id())
        assert statuses(receipt) == [(ResultStatus.STORED, None), (ResultStatus.STORED, RejectCode.SEQ_GAP)]
        receipt = system.push_events([second], batch_id=batch_id())
        assert statuses(receipt) == [(ResultStatus.STORED, None)]

    def test_does_not_hold_up_good_events_for_a_bad_one(self, system, chain, batch_id):
        good = chain.add()
        bad = chain.event(learner_ref="stranger")
        receipt = system.push_events([good, bad], batch_id=batch_id())
        assert statuses(receipt) == [
            (ResultStatus.STORED, None),
            (ResultStatus.REJECTED, RejectCode.UNKNOWN_LEARNER),
        ]

    def test_waits_for_files(self, system, chain, batch_id):
        event = chain.add(files=[FILE])
        receipt = system.push_events([event], batch_id=batch_id())
        assert statuses(receipt) == [(ResultStatus.PENDING_FILES, RejectCode.FILE_MISSING)]
        assert not receipt.results[0].is_delivered
        system.put_file(SHA256, content=io.BytesIO(PICTURE), size_bytes=len(PICTURE))
        receipt = system.push_events([event], batch_id=batch_id())
        assert receipt.results[0].is_delivered

    @pytest.mark.clause("CC-5.3.2b", "CC-5.3.2e")
    def test_refuses_events_of_a_class_without_approval(self, system, clock, batch_id):
        chain = Chain(UNAPPROVED_CLASS, learner_ref="XY0088001", now=clock.now())
        receipt = system.push_events([chain.add()], batch_id=batch_id())
        assert statuses(receipt) == [(ResultStatus.REJECTED, RejectCode.CLASS_NOT_APPROVED)]

    def test_refuses_demonstration_events_that_claim_to_count(self, system, clock, batch_id):
        chain = Chain(DEMO_CLASS, learner_ref="YS0001001", now=clock.now())
        receipt = system.push_events([chain.event(claimable=True)], batch_id=batch_id())
        assert statuses(receipt) == [(ResultStatus.REJECTED, RejectCode.CLAIMABLE_MISMATCH)]
        receipt = system.push_events([chain.event()], batch_id=batch_id())
        assert statuses(receipt) == [(ResultStatus.STORED, None)]

    def test_refuses_a_batch_of_more_than_200(self, system, chain, batch_id):
        found = system.push_events(chain.add_many(201), batch_id=batch_id())
        assert found.kind is ErrorKind.TOO_LARGE


class TestReceipts:
    def test_are_read_once_in_order(self, system, chain, batch_id):
        batches = [batch_id() for _ in range(3)]
        for batch in batches:
            system.push_events([chain.add()], batch_id=batch)
        page = system.receipts()
        assert [receipt.batch_id for receipt in page.receipts] == batches
        assert system.receipts(cursor=page.next_cursor).receipts == ()


class TestPutFile:
    def test_makes_a_file_known(self, system):
        assert not system.head_file(SHA256).is_complete
        state = system.put_file(SHA256, content=io.BytesIO(PICTURE), size_bytes=len(PICTURE))
        assert state.is_complete
        assert system.head_file(SHA256).is_complete

    def test_refuses_bytes_that_are_not_those_of_the_hash(self, system):
        content = io.BytesIO(PICTURE[::-1])
        found = system.put_file(SHA256, content=content, size_bytes=len(PICTURE))
        assert (found.kind, found.code) == (ErrorKind.INVALID, "file_hash_mismatch")
        assert not system.head_file(SHA256).is_complete


@pytest.mark.clause("CC-4.1.3b")
class TestPostDigest:
    def test_matches_when_both_hold_the_same(self, system, chain, batch_id):
        events = chain.add_many(5)
        system.push_events(events, batch_id=batch_id())
        assert system.post_digest(digest_of(chain, events)).matched
        assert system.post_digest(digest_of(chain, events, kind=DigestKind.CLOSE)).matched

    def test_names_missing_ranges_until_they_arrive(self, system, chain, batch_id):
        events = chain.add_many(6)
        system.push_events([events[0], events[3], events[5]], batch_id=batch_id())
        answer = system.post_digest(digest_of(chain, events))
        assert (answer.matched, answer.missing) == (False, ((2, 3), (5, 5)))
        system.push_events(events, batch_id=batch_id())
        assert [found.matched for found in system.digest_diff(local_date(chain.now))] == [True]

    def test_shows_the_citys_hashes_when_something_differs(self, system, chain, batch_id):
        events = chain.add_many(2)
        system.push_events(events, batch_id=batch_id())
        other = [events[0], {**events[1], "payload_hash": "f" * 64}]
        answer = system.post_digest(digest_of(chain, other))
        assert answer.differences == ("merkle_root",)
        assert answer.entries == tuple((event["seq"], event["payload_hash"]) for event in events)


class TestPersonClaims:
    def test_counts_nothing_for_a_new_person(self, system):
        row = system.pull_roster(REAL_CLASS).rows[0]
        assert system.person_claims(row.person_key).claims_in_year == 0


class TestHealth:
    def test_answers(self, system):
        assert system.health().status == "ok"
