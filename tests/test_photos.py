"""The photos and camera clips themselves, and a whole check on them: pictures in, verdict out."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest

from proctoring.adapters.dlib_onnx import DlibOnnxMatcher
from proctoring.ports import Outcome, Reason
from proctoring.rules.faces import EnrolmentPhoto, enrol, verify
from tests import photos

START = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def matcher(tmp_path_factory):
    return DlibOnnxMatcher(tmp_path_factory.mktemp("models") / "encoder.onnx")


@pytest.fixture(scope="module")
def enrolled(matcher):
    readings = matcher.read(photos.enrolment(), deadline_s=30)
    shots = [EnrolmentPhoto(reading, START + timedelta(seconds=2 * i)) for i, reading in enumerate(readings)]
    enrolment = enrol(shots, engine=matcher.engine)
    assert enrolment.reasons == ()
    return enrolment.template


def frames_of(clip):
    return [b"\xff\xd8\xff" + part for part in clip.read_bytes().split(b"\xff\xd8\xff")[1:]]


class TestEnsure:
    def test_fetches_nothing_once_the_photos_are_there(self, monkeypatch):
        photos.ensure()

        def refuse(*command, **options):
            raise AssertionError("went to the network")

        monkeypatch.setattr(photos.subprocess, "run", refuse)
        assert photos.path("obama").is_file()

    def test_works_from_the_archive_alone(self, monkeypatch, tmp_path):
        archive = photos.ensure() / photos.ARCHIVE
        (tmp_path / photos.ARCHIVE).write_bytes(archive.read_bytes())
        monkeypatch.setattr(photos, "FOLDER", tmp_path)
        monkeypatch.setattr(photos, "_pips", list)
        assert photos.path("biden").read_bytes()[:2] == b"\xff\xd8"

    def test_refuses_an_archive_with_another_hash(self, monkeypatch, tmp_path):
        (tmp_path / photos.ARCHIVE).write_bytes(b"something else")
        monkeypatch.setattr(photos, "FOLDER", tmp_path)
        monkeypatch.setattr(photos, "_pips", list)
        with pytest.raises(photos.PhotosUnavailableError, match="by hand"):
            photos.ensure()
        assert hashlib.sha256((photos.FOLDER / photos.ARCHIVE).read_bytes()).hexdigest() != photos.ARCHIVE_SHA256

    def test_knows_no_other_names(self):
        with pytest.raises(KeyError):
            photos.path("../../etc/passwd")


class TestCameraFrame:
    def test_gives_the_same_bytes_for_the_same_moment_and_others_for_another(self):
        one = photos.camera_frame("obama", moment_s=1.0)
        assert photos.camera_frame("obama", moment_s=1.0) == one
        assert photos.camera_frame("obama", moment_s=1.1) != one


class TestMakeCameraClip:
    def test_writes_pictures_of_camera_size_that_all_differ(self, tmp_path):
        clip = photos.make_camera_clip("obama", tmp_path / "clips" / "obama.mjpeg", duration_s=1)
        frames = frames_of(clip)
        assert len(frames) == photos.FPS
        assert len(set(frames)) == photos.FPS
        assert {cv2.imdecode(np.frombuffer(frame, np.uint8), 1).shape for frame in frames} == {(480, 640, 3)}
        assert [file.name for file in clip.parent.iterdir()] == ["obama.mjpeg"]

    def test_shows_several_photos_one_after_the_other(self, tmp_path):
        clip = photos.make_camera_clip(["obama", "obama3"], tmp_path / "two.mjpeg", duration_s=0.2)
        first, *_, last = (cv2.imdecode(np.frombuffer(frame, np.uint8), 1) for frame in frames_of(clip))
        assert np.abs(first.astype(int) - last).mean() > 20


@pytest.mark.clause("CC-5.3.3c", "CC-4.1.3a")
class TestWholeCheck:
    def check(self, matcher, template, frames):
        return verify(matcher.read(frames, deadline_s=30), template=template, engine=matcher.engine)

    def test_passes_the_person_at_another_moment(self, matcher, enrolled):
        for start_s in (11.0, 37.0, 90.5):
            assert self.check(matcher, enrolled, photos.burst("obama", start_s=start_s)).outcome is Outcome.PASS

    def test_passes_the_person_on_a_photo_of_another_year(self, matcher, enrolled):
        assert self.check(matcher, enrolled, photos.burst("obama3")).outcome is Outcome.PASS

    def test_fails_another_person(self, matcher, enrolled):
        verdict = self.check(matcher, enrolled, photos.burst("biden"))
        assert (verdict.outcome, verdict.reasons) == (Outcome.FAIL, (Reason.DISTANT,))

    def test_fails_when_another_person_takes_over(self, matcher, enrolled):
        frames = [*photos.burst("obama", 2), photos.camera_frame("biden")]
        assert self.check(matcher, enrolled, frames).reasons == (Reason.FRAMES_DISAGREE,)

    def test_sees_through_a_still_sent_with_other_bytes(self, matcher, enrolled):
        still = photos.camera_frame("obama", moment_s=5)
        frames = [still, photos.with_comment(still, b"1"), photos.with_comment(still, b"2")]
        verdict = self.check(matcher, enrolled, frames)
        assert (verdict.outcome, verdict.reasons) == (Outcome.UNSURE, (Reason.IDENTICAL_FRAMES,))

    def test_says_what_to_do_in_the_dark(self, matcher, enrolled):
        verdict = self.check(matcher, enrolled, [photos.darkened(frame) for frame in photos.burst("obama")])
        assert verdict.outcome is Outcome.FAIL
        assert "开灯" in verdict.advice or "打开灯" in verdict.advice

    def test_accepts_the_whole_clip_of_a_person(self, matcher, enrolled, tmp_path):
        clip = photos.make_camera_clip("obama", tmp_path / "obama.mjpeg", duration_s=4)
        frames = frames_of(clip)
        for start in range(0, len(frames) - 50, 20):
            burst = [frames[start], frames[start + 24], frames[start + 48]]
            assert self.check(matcher, enrolled, burst).outcome is Outcome.PASS
