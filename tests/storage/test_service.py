from __future__ import annotations

import hashlib
from contextlib import suppress
from datetime import datetime, timedelta
from io import BytesIO
from uuid import uuid4

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.core.ids import new_id
from storage.errors import EvidenceDamaged, ObjectLocked, ObjectMissing, StoreUnavailable
from storage.models import StoredObject
from storage.queries import (
    due_report,
    evidence_link,
    find_missing,
    find_orphans,
    find_record,
    get_stored,
    pending_purge,
)
from storage.rules import DEFAULT_PERIODS, Period, RetentionClass
from storage.service import (
    begin_retention,
    delete_due,
    delete_evidence,
    lift_legal_hold,
    mirror_lock,
    purge,
    read_evidence,
    record_purged,
    record_sealed,
    ref_of,
    seal_evidence,
    set_legal_hold,
    store_bytes,
    verify_evidence,
)

DAY = timedelta(days=1)


@pytest.fixture
def now(clock) -> datetime:
    """The test's time."""
    return clock.now()


@pytest.fixture
def store(tmp_path, clock):
    """A local store that lives in the test's time."""
    from storage.local import LocalStore

    return LocalStore(tmp_path / "store", url_secret=b"secret", clock=clock)


@pytest.fixture
def seal(session, store, now):
    """Seal a picture."""

    def make(content: bytes = b"picture", **more) -> StoredObject:
        values = {"retention": RetentionClass.PRESENCE, "now": now, **more}
        return seal_evidence(session, store, content, kind="check_in_photo", media_type="image/jpeg", **values)

    return make


class TestSealEvidence:
    @pytest.mark.clause("CC-5.3.3c")
    def test_stores_the_bytes_and_records_their_hash(self, seal, store, session, now):
        person = uuid4()
        row = seal(b"picture", created_by=person)
        session.expire_all()
        row = get_stored(session, row.id)
        assert row.sha256 == hashlib.sha256(b"picture").hexdigest()
        assert (row.size_bytes, row.media_type, row.kind) == (7, "image/jpeg", "check_in_photo")
        assert (row.created_at, row.created_by) == (now, person)
        assert row.sha256 in row.key
        assert read_evidence(store, ref_of(row)) == b"picture"

    def test_of_the_same_bytes_twice_makes_two_records_that_live_apart(self, seal, store, session, now):
        first, second = seal(b"same"), seal(b"same")
        assert first.sha256 == second.sha256
        purge(store, [delete_evidence(session, first.id, reason="撤回同意", now=now)])
        assert read_evidence(store, ref_of(second)) == b"same"

    def test_records_nothing_when_the_store_is_down(self, session, store, now, helper):
        down = helper("faults").FaultyStore(store, broken={"put"})
        with pytest.raises(StoreUnavailable):
            seal_evidence(session, down, b"x", kind="photo", media_type="a/b", retention=RetentionClass.PROOF, now=now)
        assert session.query(StoredObject).count() == 0

    @pytest.mark.parametrize("retention", list(RetentionClass))
    def test_begins_the_period_only_of_what_is_kept_from_its_making(self, seal, retention, now):
        kept_from_making = {"proof", "audit", "consent", "working"}
        row = seal(retention=retention)
        assert (row.retain_until is not None) == (retention.value in kept_from_making)
        if row.retain_until is not None:
            assert row.retain_until == DEFAULT_PERIODS[retention].after(now)

    def test_has_the_store_lock_what_must_be_kept(self, seal, store):
        row = seal(retention=RetentionClass.PROOF)
        assert store.lock(row.key).retain_until == row.retain_until
        with pytest.raises(ObjectLocked):
            store.delete(row.key)


class TestStoreBytes:
    def test_takes_a_stream_with_its_hash(self, session, store, now):
        sha256 = hashlib.sha256(b"video").hexdigest()
        sealed = store_bytes(
            store,
            BytesIO(b"video"),
            kind="recording",
            media_type="video/webm",
            retention=RetentionClass.PRESENCE,
            now=now,
            sha256=sha256,
        )
        row = record_sealed(session, sealed, now=now)
        verify_evidence(store, ref_of(row))
        assert row.sha256 == sha256

    def test_wants_the_hash_of_a_stream(self, store, now):
        with pytest.raises(TypeError):
            store_bytes(store, BytesIO(b"v"), kind="k", media_type="a/b", retention=RetentionClass.PROOF, now=now)


class TestReadEvidence:
    def test_finds_one_changed_bit(self, seal, store, tmp_path):
        ref = ref_of(seal(b"picture"))
        path = tmp_path / "store" / "objects" / f"{ref.key}~" / "data"
        path.write_bytes(b"pictuse")
        with pytest.raises(EvidenceDamaged):
            read_evidence(store, ref)
        with pytest.raises(EvidenceDamaged):
            verify_evidence(store, ref)


class TestTheDatabase:
    @pytest.mark.parametrize(
        "change",
        [
            "sha256 = repeat('0', 64)",
            "size_bytes = size_bytes + 1",
            "key = 'other'",
            "kind = 'other'",
            "media_type = 'x/y'",
            "created_at = created_at - interval '1 day'",
            "created_by = gen_random_uuid()",
            "version_id = 'x'",
            "id = gen_random_uuid()",
        ],
    )
    def test_refuses_to_change_what_was_sealed(self, seal, session, change):
        seal()
        with pytest.raises(DBAPIError, match="does not change"), session.begin_nested():
            session.execute(text(f"UPDATE stored_object SET {change}"))

    @pytest.mark.parametrize("statement", ["DELETE FROM stored_object", "TRUNCATE stored_object CASCADE"])
    def test_refuses_to_delete_records(self, seal, session, statement):
        seal()
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text(statement))

    def test_refuses_to_revive_a_tombstone(self, seal, session, now):
        row = seal()
        delete_evidence(session, row.id, reason="撤回同意", now=now)
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(update(StoredObject).values(deleted_at=None, deletion_reason=None))

    @pytest.mark.parametrize(
        "values",
        [
            {"deletion_reason": "x"},
            {"legal_hold": True},
            {"legal_hold": True, "legal_hold_reason": "x", "deletion_reason": "y", "deleted_at": ...},
            {"purged_at": ...},
        ],
    )
    def test_refuses_contradictory_records(self, seal, session, now, values):
        seal()
        values = {key: now if value is ... else value for key, value in values.items()}
        with pytest.raises(IntegrityError), session.begin_nested():
            session.execute(update(StoredObject).values(**values))


class TestBeginRetention:
    @pytest.mark.clause("CC-5.3.3d")
    def test_sets_the_end_by_the_regions_period(self, seal, session, now):
        row = seal()
        begin_retention(
            session,
            [row.id],
            begins_at=now,
            periods={**DEFAULT_PERIODS, RetentionClass.PRESENCE: Period(years=6)},
        )
        assert row.retain_until == now.replace(year=2032)

    def test_never_moves_an_end_forward(self, seal, session, now):
        row = seal()
        begin_retention(session, [row.id], begins_at=now)
        begin_retention(session, [row.id], begins_at=now - 90 * DAY)
        assert row.retain_until == now.replace(year=2028)


class TestLegalHold:
    def test_outlives_the_retention(self, seal, session, now):
        row = seal()
        begin_retention(session, [row.id], begins_at=now)
        set_legal_hold(session, row.id, reason="复核中")
        late = now + 5000 * DAY
        assert delete_due(session, now=late) == []
        with pytest.raises(ObjectLocked):
            delete_evidence(session, row.id, reason="x", now=late)
        lift_legal_hold(session, row.id)
        assert [ref.id for ref in delete_due(session, now=late)] == [row.id]
        assert row.legal_hold_reason == "复核中"

    def test_is_mirrored_to_the_store_and_back(self, seal, session, store):
        row = seal()
        set_legal_hold(session, row.id, reason="复核中")
        mirror_lock(store, ref_of(row), until=row.retain_until, legal_hold=row.legal_hold)
        with pytest.raises(ObjectLocked):
            store.delete(row.key)
        lift_legal_hold(session, row.id)
        mirror_lock(store, ref_of(row), until=row.retain_until, legal_hold=row.legal_hold)
        store.delete(row.key)

    def test_of_what_is_deleted_is_refused(self, seal, session, now):
        row = seal()
        delete_evidence(session, row.id, reason="x", now=now)
        with pytest.raises(ObjectMissing):
            set_legal_hold(session, row.id, reason="y")
        with pytest.raises(ObjectMissing):
            set_legal_hold(session, new_id(), reason="y")


class TestDeleteEvidence:
    def test_leaves_a_tombstone_with_hash_and_reason(self, seal, session, store, now):
        row = seal(b"picture")
        ref = delete_evidence(session, row.id, reason="本人撤回同意", now=now)
        assert purge(store, [ref]) == [ref]
        record_purged(session, [ref], now=now)
        with pytest.raises(ObjectMissing):
            get_stored(session, row.id)
        stone = find_record(session, row.id)
        assert stone is not None
        assert stone.sha256 == hashlib.sha256(b"picture").hexdigest()
        assert (stone.deletion_reason, stone.deleted_at, stone.purged_at) == ("本人撤回同意", now, now)
        assert list(store.list_objects("")) == []

    def test_is_refused_while_retention_runs(self, seal, session, now):
        row = seal(retention=RetentionClass.PROOF)
        with pytest.raises(ObjectLocked):
            delete_evidence(session, row.id, reason="x", now=now + 3650 * DAY)
        delete_evidence(session, row.id, reason="x", now=now.replace(year=2036))


class TestDeleteDue:
    def test_takes_exactly_what_the_report_announces(self, seal, session, store, now):
        for content in (b"12345", b"1234567"):
            begin_retention(session, [seal(content).id], begins_at=now - 730 * DAY)
        seal(b"period has not begun")
        kept = seal(b"kept", retention=RetentionClass.PROOF)
        (line,) = due_report(session, now=now)
        assert (line.retention, line.count, line.size_bytes) == ("presence", 2, 12)
        refs = delete_due(session, now=now)
        assert sorted(ref.size_bytes for ref in refs) == [5, 7]
        assert due_report(session, now=now) == []
        assert pending_purge(session) == refs
        record_purged(session, purge(store, refs), now=now)
        assert pending_purge(session) == []
        assert get_stored(session, kept.id)

    def test_leaves_bytes_that_the_store_still_locks_for_the_next_run(self, seal, session, store, now):
        row = seal()
        begin_retention(session, [row.id], begins_at=now - 731 * DAY)
        store.extend_retention(row.key, until=now + DAY)
        refs = delete_due(session, now=now)
        assert purge(store, refs) == []
        assert pending_purge(session) == refs


class TestEvidenceLink:
    def test_is_short_lived_and_names_the_download(self, seal, store, now):
        from urllib.parse import parse_qsl, urlsplit

        from storage.urls import check_url

        ref = ref_of(seal())
        url = evidence_link(store, ref, now=now, download_name="签到.jpg")
        query = dict(parse_qsl(urlsplit(url).query))
        target = check_url(ref.key, query, method="GET", secret=b"secret", now=now + 9.9 * timedelta(minutes=1))
        assert target.download_name == "签到.jpg"


class TestFindOrphans:
    def test_lists_old_objects_without_a_record(self, seal, session, store, clock):
        from contextlib import nullcontext

        def transaction():
            return nullcontext(session)

        recorded = seal(b"recorded")
        lost = store_bytes(
            store,
            b"crashed before the row",
            kind="photo",
            media_type="a/b",
            retention=RetentionClass.PRESENCE,
            now=clock.now(),
        )
        made_at = max(info.modified_at for info in store.list_objects(""))
        found = list(find_orphans(transaction, store, now=made_at + DAY))
        assert [info.key for info in found] == [lost.ref.key]
        assert list(find_orphans(transaction, store, now=made_at + timedelta(hours=23))) == []
        assert get_stored(session, recorded.id)


class TestFindMissing:
    def test_lists_records_whose_bytes_are_gone(self, seal, session, store):
        from contextlib import nullcontext

        seal(b"here")
        gone = ref_of(seal(b"gone"))
        store.delete(gone.key)
        assert list(find_missing(lambda: nullcontext(session), store)) == [gone]


@pytest.mark.commits
class TestACrash:
    def test_between_bytes_and_row_leaves_an_orphan_and_no_row(self, database, store, now):
        with suppress(ZeroDivisionError), database.transaction() as session:
            seal_evidence(session, store, b"x", kind="photo", media_type="a/b", retention=RetentionClass.PROOF, now=now)
            raise ZeroDivisionError
        (info,) = store.list_objects("")
        found = list(find_orphans(database.transaction, store, now=info.modified_at + 2 * DAY))
        assert [each.key for each in found] == [info.key]
        assert list(find_missing(database.transaction, store)) == []

    def test_between_tombstone_and_purge_is_made_good_by_the_next_run(self, database, store, now):
        with database.transaction() as session:
            row = seal_evidence(
                session, store, b"x", kind="photo", media_type="a/b", retention=RetentionClass.PRESENCE, now=now
            )
            begin_retention(session, [row.id], begins_at=now)
        late = now + 800 * DAY
        with database.transaction() as session:
            delete_due(session, now=late)
        # the process dies here
        with database.transaction() as session:
            refs = pending_purge(session)
        gone = purge(store, refs)
        with database.transaction() as session:
            record_purged(session, gone, now=late)
            assert pending_purge(session) == []
        assert list(store.list_objects("")) == []

    def test_of_one_worker_does_not_stop_the_other(self, database, store, now):
        ids = []
        with database.transaction() as session:
            for number in range(4):
                row = seal_evidence(
                    session,
                    store,
                    bytes([number]),
                    kind="photo",
                    media_type="a/b",
                    retention=RetentionClass.PRESENCE,
                    now=now,
                )
                ids.append(row.id)
            begin_retention(session, ids, begins_at=now)
        late = now + 800 * DAY
        with database.transaction() as first:
            taken = delete_due(first, now=late, limit=2)
            with database.transaction() as second:
                others = delete_due(second, now=late, limit=10)
        assert {ref.id for ref in taken} | {ref.id for ref in others} == set(ids)
        assert len(taken) + len(others) == 4
