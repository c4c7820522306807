"""Uploaded files on their way to a lesson: stored, prepared, recorded."""

import hashlib
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from app.core.clock import FakeClock
from app.core.ids import new_id
from app.training.adapters.workshop import ChildWorkshop
from app.training.errors import MediaNotFound
from app.training.events import MediaProcessed
from app.training.media.intake import get_media, register_media
from app.training.media.models import MediaAsset
from app.training.media.ports import Prepared
from app.training.media.processing import process_media
from storage.errors import StoreUnavailable
from storage.local import LocalStore
from storage.models import StoredObject
from storage.service import ObjectRef
from tests.app.training.media.films import make_film


@pytest.fixture
def store(tmp_path, clock: FakeClock):
    return LocalStore(tmp_path / "objects", url_secret=b"x" * 32, clock=clock)


@pytest.fixture
def shelf(cast, store, tmp_path):
    """Put bytes into the store and register them."""

    def put(data: bytes, *, sha256: str | None = None, upload_id=None) -> MediaAsset:
        key = f"upload/media/{new_id()}"
        true = hashlib.sha256(data).hexdigest()
        store.put(key, data, media_type="video/mp4", sha256=true)
        source = ObjectRef(new_id(), key, sha256 or true, len(data), None)
        return register_media(cast.as_author, upload_id=upload_id or new_id(), source=source, file_name="课件.mp4")

    return put


@pytest.fixture
def run(cast, store, tmp_path):
    @contextmanager
    def unit():
        yield cast.work
        cast.work.session.flush()

    def go(media_id, *, workshop=None, store=store):
        process_media(unit, store, media_id, workshop=workshop or ChildWorkshop(timeout_s=60), scratch=tmp_path)
        cast.work.session.expire_all()
        return cast.work.session.get_one(MediaAsset, media_id)

    return go


class TestProcessMedia:
    @pytest.mark.clause("CC-4.3.3", "CC-4.3.4")
    def test_makes_a_good_film_ready_with_what_was_measured(self, shelf, run, store, tmp_path, work):
        seen = []
        work.bus.on(MediaProcessed, lambda _work, event: seen.append(event.status))
        media = run(shelf(make_film(tmp_path / "a.flv", container="flv").read_bytes()).id)
        assert (media.status, media.container, media.height, media.has_audio) == ("ready", "flv", 720, True)
        assert 3_800 <= media.duration_ms <= 4_200
        assert hashlib.sha256(store.get(media.play_key)).hexdigest() == media.play_sha256
        record = work.session.scalars(select(StoredObject).where(StoredObject.key == media.play_key)).one()
        assert (record.kind, record.retention) == ("courseware", "courseware")
        assert seen == ["ready"]

    @pytest.mark.clause("CC-4.3.4")
    def test_rejects_a_renamed_text_with_a_chinese_reason(self, shelf, run):
        media = run(shelf("第一章 概述".encode()).id)
        assert (media.status, media.play_key) == ("rejected", None)
        assert "只支持 mp4 和 flv" in media.problem

    def test_rejects_bytes_that_changed_in_the_store(self, shelf, run):
        media = run(shelf(b"x", sha256="0" * 64).id)
        assert "不一致" in media.problem

    def test_does_its_work_once(self, shelf, run, tmp_path, work):
        media = shelf(make_film(tmp_path / "a.mp4").read_bytes())
        first = run(media.id).play_key
        assert run(media.id).play_key == first
        assert work.session.scalars(select(func.count()).select_from(StoredObject)).one() == 1

    def test_of_an_unknown_file_does_nothing(self, run, cast, store):
        process_media(lambda: _given(cast.work), store, new_id(), workshop=ChildWorkshop())

    def test_leaves_the_file_waiting_when_the_store_is_down(self, shelf, run, store, tmp_path, work):
        class Down:
            def open_range(self, key):
                raise StoreUnavailable

        media = shelf(make_film(tmp_path / "a.mp4").read_bytes())
        with pytest.raises(StoreUnavailable):
            run(media.id, store=Down())
        assert run(media.id).status == "ready"

    def test_keeps_no_temporary_files(self, shelf, run, tmp_path):
        run(shelf(make_film(tmp_path / "a.mp4").read_bytes()).id)
        assert [path for path in tmp_path.iterdir() if path.name.startswith("zx-media-")] == []

    def test_keeps_a_decision_that_was_made_meanwhile(self, shelf, run, work):
        media = shelf(b"x" * 100)

        class Slow:
            def prepare(self, source, target) -> Prepared:
                media.status, media.problem = "rejected", "已取消"
                return ChildWorkshop().prepare(make_film(source.parent / "b.mp4"), target)

        assert run(media.id, workshop=Slow()).problem == "已取消"


@contextmanager
def _given(work):
    yield work


class TestRegisterMedia:
    def test_takes_an_upload_once(self, shelf):
        upload_id = new_id()
        assert shelf(b"x", upload_id=upload_id).id == shelf(b"x", upload_id=upload_id).id


class TestGetMedia:
    def test_hides_the_files_of_other_organisations(self, shelf, cast):
        media = shelf(b"x")
        assert get_media(cast.work.session, media.id, organization_id=cast.organization_id) is media
        assert get_media(cast.work.session, media.id, organization_id=None) is media
        stranger = replace(cast.author, organization_id=new_id())
        with pytest.raises(MediaNotFound):
            get_media(cast.work.session, media.id, organization_id=stranger.organization_id)
