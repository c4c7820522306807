from __future__ import annotations

import io
import random
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app.core import ledger
from app.core.clock import local_date
from app.core.ids import new_id
from app.core.ledger import Fact, FileRef, OutboxMessage
from app.policy.packs import load_packs
from app.realname import digests, pull, relay
from app.realname.models import CityDigest
from app.realname.protocol import SigningKey
from app.training.models import Enrollment, TrainingClass
from app.wiring.supervision import class_terms
from tests.realname.conftest import DEMO_CLASS, LEARNER, REAL_CLASS, ROSTERLESS_CLASS, UNAPPROVED_CLASS, write_keys

JPEG = b"\xff\xd8 not a real picture, but bytes with a hash \xff\xd9"


@pytest.fixture
def unit(database, make_work):
    @contextmanager
    def opened():
        with database.transaction() as session:
            yield make_work(session)

    return opened


@pytest.fixture
def client(city, vault):
    signer = SigningKey(vault.signing_key)
    write_keys(city.key_file, signer)
    return city.client(signer=signer)


@pytest.fixture
def files():
    from app.core.canonical import sha256_hex

    held = {sha256_hex(JPEG): JPEG}

    @contextmanager
    def opened(sha256: str):
        yield io.BytesIO(held[sha256]), len(held[sha256])

    return opened


@pytest.fixture
def chain_id(unit):
    made = new_id()
    with unit() as work:
        ledger.open_chain(work, made, code=REAL_CLASS, region="220100", pack="changchun@2020.1", is_claimable=True)
    return made


def add(unit, chain_id, count: int, *, with_file: bool = False) -> None:
    from app.core.canonical import sha256_hex

    picture = FileRef(sha256=sha256_hex(JPEG), bytes=len(JPEG), media_type="image/jpeg", kind="checkin_image")
    for number in range(count):
        with unit() as work:
            fact = Fact(
                event_type="checkin.completed",
                payload={"result": "passed", "number": number},
                occurred_at=work.now,
                learner_ref=LEARNER,
                files=[picture] if with_file else [],
            )
            ledger.append(work, chain_id, fact, platform_id="P001")


def deliver(unit, client, files, chain_id) -> None:
    relay.relay_chain(chain_id, unit=unit, city=client, files=files, rng=random.Random(1))


def statuses(unit) -> dict[str, int]:
    with unit() as work:
        rows = work.session.execute(
            select(OutboxMessage.status, func.count().label("count_")).group_by(OutboxMessage.status)
        )
        return {row.status: row.count_ for row in rows}


@pytest.mark.commits
@pytest.mark.clause("CC-4.1.3b", "CC-A2-3.1")
class TestRelayChain:
    def test_delivers_everything_in_order_with_receipts(self, unit, client, files, chain_id, city):
        add(unit, chain_id, 7, with_file=True)
        deliver(unit, client, files, chain_id)
        assert statuses(unit) == {"delivered": 7}
        held = city.rows("SELECT seq FROM event ORDER BY seq")
        assert [row[0] for row in held] == [1, 2, 3, 4, 5, 6, 7]
        with unit() as work:
            message = work.session.scalars(select(OutboxMessage).limit(1)).one()
            assert message.receipt["receipt_id"] > 0

    def test_costs_nothing_but_delay_when_the_city_is_down(self, unit, client, files, chain_id, city, clock):
        add(unit, chain_id, 3)
        city.misbehave(down_s=600)
        deliver(unit, client, files, chain_id)
        assert statuses(unit) == {"pending": 3}
        add(unit, chain_id, 2)
        clock.advance(timedelta(minutes=11))
        for _ in range(3):
            deliver(unit, client, files, chain_id)
        assert statuses(unit) == {"delivered": 5}

    def test_gets_through_every_kind_of_fault_exactly_once(self, unit, client, files, chain_id, city, clock):
        city.misbehave(error_ratio=0.25, lost_answer_ratio=0.15, broken_answer_ratio=0.1, duplicate_ratio=0.2, seed=3)
        add(unit, chain_id, 40, with_file=True)
        for _ in range(200):
            deliver(unit, client, files, chain_id)
            if statuses(unit) == {"delivered": 40}:
                break
            clock.advance(timedelta(minutes=16))
        assert statuses(unit) == {"delivered": 40}
        assert [row[0] for row in city.rows("SELECT seq FROM event ORDER BY seq")] == list(range(1, 41))

    def test_stops_the_channel_when_our_key_is_refused_and_goes_on_when_mended(
        self, unit, client, files, chain_id, city, vault
    ):
        from tests.realname.conftest import new_key

        add(unit, chain_id, 2)
        write_keys(city.key_file, new_key())
        deliver(unit, client, files, chain_id)
        with unit() as work:
            assert relay.status_of(work.session).stopped_reason is not None
        write_keys(city.key_file, SigningKey(vault.signing_key))
        with unit() as work:
            relay.restart_channel(work)
        deliver(unit, client, files, chain_id)
        assert statuses(unit) == {"delivered": 2}


@pytest.mark.commits
@pytest.mark.clause("CC-4.1.3b", "CC-6.2")
class TestPostDigests:
    def test_agrees_on_both_sides(self, unit, client, files, chain_id, clock):
        add(unit, chain_id, 4, with_file=True)
        deliver(unit, client, files, chain_id)
        day = local_date(clock.now())
        assert digests.post_digests(day, unit=unit, city=client, platform_id="P001")
        with unit() as work:
            row = work.session.scalars(select(CityDigest)).one()
            assert (row.matched, row.document["checkins"]["passed"]) == (True, 4)

    def test_sends_again_what_the_city_lacks(self, unit, client, files, chain_id, clock, city):
        add(unit, chain_id, 3)
        with unit() as work:
            work.session.execute(
                OutboxMessage.__table__.update().where(OutboxMessage.seq > 1).values(status="delivered")
            )
        deliver(unit, client, files, chain_id)
        day = local_date(clock.now())
        assert not digests.post_digests(day, unit=unit, city=client, platform_id="P001")
        assert statuses(unit) == {"delivered": 1, "pending": 2}
        deliver(unit, client, files, chain_id)
        assert digests.post_digests(day, unit=unit, city=client, platform_id="P001")


@pytest.mark.commits
class TestPull:
    @pytest.mark.clause("CC-5.3.1", "CC-5.3.2a", "CC-5.3.2e", "CC-5.3.2f")
    def test_takes_over_classes_rosters_and_institutions(self, unit, client):
        pulled = pull.pull(unit=unit, city=client, terms=class_terms(load_packs()))
        assert pulled.refused == {}
        with unit() as work:
            by_code = {row.code: row for row in work.session.scalars(select(TrainingClass))}
            assert by_code[REAL_CLASS].status == "startable"
            assert by_code[DEMO_CLASS].is_claimable is False
            assert by_code[UNAPPROVED_CLASS].status == "imported"
            assert by_code[ROSTERLESS_CLASS].status == "imported"
            count = work.session.scalar(
                select(func.count()).select_from(Enrollment).where(Enrollment.class_id == by_code[REAL_CLASS].id)
            )
            assert count == 20

    def test_changes_nothing_the_second_time(self, unit, client):
        pull.pull(unit=unit, city=client, terms=class_terms(load_packs()))
        again = pull.pull(unit=unit, city=client, terms=class_terms(load_packs()))
        assert again.roster_count == 0

    def test_says_so_when_the_city_does_not_answer(self, unit, client, city):
        city.misbehave(down_s=60)
        with pytest.raises(pull.CityUnreachable):
            pull.pull(unit=unit, city=client, terms=class_terms(load_packs()))
