"""Every face engine must pass these, whatever it is made of."""

from __future__ import annotations

import pytest

from app.core.errors import Unavailable
from proctoring.ports import FaceReading, QualityIssue, Rejection
from tests import photos

FAR_APART = 0.6
"""Distance that no two pictures of one moment reach, and these two people exceed, with every dlib encoder."""


@pytest.fixture(params=["dlib_onnx", "pooled", "reference"])
def matcher(request):
    return request.getfixturevalue(request.param)


def read_one(matcher, frame):
    (reading,) = matcher.read([frame], deadline_s=30)
    return reading


@pytest.mark.clause("CC-4.1.3a")
class TestEngine:
    def test_names_what_computes_the_embeddings(self, matcher):
        engine = matcher.engine
        assert engine.name
        assert engine.version
        assert len(engine.model_sha256) == 64
        assert engine.dimension == 128


@pytest.mark.clause("CC-5.3.3c", "CC-A2-4.7")
class TestRead:
    def test_finds_the_one_face_and_encodes_it(self, matcher, selfie):
        reading = read_one(matcher, selfie)
        assert isinstance(reading, FaceReading)
        assert (reading.width, reading.height, reading.face_count) == (640, 480, 1)
        assert 120 < reading.face.box.width < 260
        assert reading.face.box.left < 320 < reading.face.box.left + reading.face.box.width
        assert abs(reading.face.turn) < 0.15
        assert reading.face.embedding.dimension == matcher.engine.dimension

    def test_gives_the_same_embedding_for_the_same_picture(self, matcher, selfie):
        first, second = matcher.read([selfie, selfie], deadline_s=30)
        assert first == second

    def test_tells_one_person_from_another(self, matcher, selfie):
        same = read_one(matcher, photos.camera_frame("obama", moment_s=3)).face.embedding
        other = read_one(matcher, photos.camera_frame("biden")).face.embedding
        mine = read_one(matcher, selfie).face.embedding
        assert mine.distance_to(same) < FAR_APART / 2
        assert mine.distance_to(other) > FAR_APART

    def test_counts_two_people(self, matcher, selfie):
        both = photos.side_by_side(selfie, photos.camera_frame("biden"))
        assert read_one(matcher, both).face_count == 2

    def test_finds_nobody_in_an_empty_room(self, matcher):
        reading = read_one(matcher, photos.nobody())
        assert (reading.face_count, reading.face) == (0, None)

    def test_sees_the_head_turn_to_either_side(self, matcher):
        left = read_one(matcher, photos.camera_frame("obama", turn=-0.3)).face.turn
        right = read_one(matcher, photos.camera_frame("obama", turn=0.3)).face.turn
        assert left < -0.15
        assert right > 0.15

    @pytest.mark.parametrize(
        ("spoil", "issue"),
        [
            (photos.truncated, QualityIssue.DAMAGED),
            (lambda image: b"", QualityIssue.UNSUPPORTED),
            (lambda image: photos.text_file(), QualityIssue.UNSUPPORTED),
            (lambda image: photos.bomb_png(), QualityIssue.TOO_MANY_PIXELS),
            (photos.bomb_jpeg, QualityIssue.TOO_MANY_PIXELS),
            (lambda image: image + bytes(5_000_000), QualityIssue.TOO_MANY_BYTES),
        ],
    )
    def test_rejects_what_it_cannot_read(self, matcher, selfie, spoil, issue):
        reading = read_one(matcher, spoil(selfie))
        assert isinstance(reading, Rejection)
        assert reading.issue is issue

    @pytest.mark.parametrize("convert", [photos.as_png, photos.as_webp])
    def test_reads_other_formats_whatever_their_name(self, matcher, selfie, convert):
        assert read_one(matcher, convert(selfie)).face_count == 1

    def test_keeps_the_order_when_some_cannot_be_read(self, matcher, selfie):
        readings = matcher.read([photos.text_file(), selfie, photos.nobody()], deadline_s=30)
        assert [type(reading) for reading in readings] == [Rejection, FaceReading, FaceReading]
        assert [reading.face_count for reading in readings[1:]] == [1, 0]

    def test_reads_nothing_when_nothing_is_given(self, matcher):
        assert matcher.read([], deadline_s=30) == []

    def test_drops_work_whose_deadline_has_passed(self, matcher, selfie):
        with pytest.raises(Unavailable):
            matcher.read([selfie], deadline_s=-1)
