from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from proctoring.adapters.dlib_onnx import decode, head_pose
from proctoring.ports import QualityIssue
from proctoring.rules.faces import quality_issues
from tests import photos

STRAIGHT = np.array([(70.0, 40.0), (50, 40), (10, 40), (30, 40), (40, 60)])


class TestHeadPose:
    def test_is_zero_for_a_straight_face(self):
        assert head_pose(STRAIGHT) == (0.0, 0.0)

    def test_is_one_when_the_nose_stands_at_the_middle_of_an_eye(self):
        points = STRAIGHT.copy()
        points[4] = (60, 60)
        assert head_pose(points)[0] == pytest.approx(1.0)

    def test_measures_the_turn_along_the_eyes_when_the_head_is_tilted(self):
        angle = np.radians(20)
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        turn, roll_deg = head_pose(STRAIGHT @ rotation.T)
        assert turn == pytest.approx(0.0, abs=1e-9)
        assert roll_deg == pytest.approx(20)

    def test_survives_eyes_in_one_point(self):
        assert np.isfinite(head_pose(np.zeros((5, 2)))).all()


class TestDecode:
    def test_turns_the_picture_as_the_phone_noted(self, selfie):
        upright = decode(selfie)
        noted = decode(photos.rotated_with_exif(selfie))
        assert (noted.width, noted.height) == (640, 480)
        assert np.abs(noted.rgb.astype(int) - upright.rgb).mean() < 3

    def test_decodes_large_photos_at_reduced_size(self, selfie):
        picture = decode(photos.enlarged(selfie, width=4000))
        assert (picture.width, picture.height) == (4000, 3000)
        assert picture.rgb.shape == (1500, 2000, 3)

    def test_gives_red_green_blue(self):
        red = photos._jpeg(np.full((50, 50, 3), (0, 0, 255), np.uint8))
        assert decode(red).rgb[25, 25].tolist() == pytest.approx([254, 0, 0], abs=3)

    def test_says_damaged_when_the_content_is_nonsense(self, selfie):
        png = photos.as_png(selfie)
        start = png.index(b"IDAT")
        assert decode(png[: start + 4] + bytes(len(png) - start - 20) + png[-16:]) is QualityIssue.DAMAGED


class TestReadFrame:
    def test_measures_in_pixels_of_the_original(self, dlib_onnx, selfie):
        small, large = (dlib_onnx.read_frame(image).face.box for image in (selfie, photos.enlarged(selfie, width=4000)))
        assert large.width == pytest.approx(small.width * 6.25, rel=0.15)
        assert large.left == pytest.approx(small.left * 6.25, rel=0.15)

    def test_gives_nearly_the_same_embedding_for_a_mirrored_picture(self, dlib_onnx, selfie):
        mirrored = photos._jpeg(photos._pixels(selfie)[:, ::-1], 95)
        ours, theirs = (dlib_onnx.read_frame(image).face for image in (selfie, mirrored))
        assert ours.embedding.distance_to(theirs.embedding) < 0.15
        assert ours.turn == pytest.approx(-theirs.turn, abs=0.1)

    def test_finds_the_small_face_behind_only_when_asked_to_be_thorough(self, dlib_onnx, selfie):
        behind = photos._pixels(photos.far_away(photos.camera_frame("biden"), factor=0.55))[150:330, 250:390]
        picture = photos._pixels(selfie)
        picture[40 : 40 + behind.shape[0], : behind.shape[1]] = behind
        frame = photos._jpeg(picture)
        assert dlib_onnx.read_frame(frame).face_count == 1
        assert dlib_onnx.read_frame(frame, thorough=True).face_count == 2

    @pytest.mark.parametrize(
        ("spoil", "issue"),
        [
            (photos.darkened, QualityIssue.TOO_DARK),
            (photos.brightened, QualityIssue.TOO_BRIGHT),
            (photos.blurred, QualityIssue.BLURRED),
            (photos.tilted, QualityIssue.TILTED),
            (photos.far_away, QualityIssue.TOO_FAR),
            (lambda image: photos.shifted(image, right_px=270), QualityIssue.OFF_CENTER),
            (photos.rotated, QualityIssue.NO_FACE),
            (lambda image: photos.nobody(), QualityIssue.NO_FACE),
            (lambda image: photos.side_by_side(image, photos.camera_frame("biden")), QualityIssue.MANY_FACES),
            (photos.truncated, QualityIssue.DAMAGED),
        ],
    )
    def test_measures_what_makes_a_picture_unusable(self, dlib_onnx, selfie, spoil, issue):
        assert issue in quality_issues(dlib_onnx.read_frame(spoil(selfie)))

    @pytest.mark.parametrize("photo", ["obama", "obama2", "obama3", "biden"])
    def test_finds_nothing_wrong_with_good_pictures(self, dlib_onnx, photo):
        for frame in photos.burst(photo):
            assert quality_issues(dlib_onnx.read_frame(frame)) == ()

    def test_never_loads_the_landmark_model_that_excludes_commercial_use(self, encoder_path, dlib_onnx):
        program = (
            "import builtins, sys, pathlib, dlib\n"
            "loaded = []\n"
            "genuine = dlib.shape_predictor\n"
            "dlib.shape_predictor = lambda path: (loaded.append(path), genuine(path))[1]\n"
            "from proctoring.adapters.dlib_onnx import DlibOnnxMatcher\n"
            f"DlibOnnxMatcher(pathlib.Path({str(encoder_path)!r}))\n"
            "assert not {'face_recognition', 'face_recognition_models', 'pkg_resources'} & set(sys.modules)\n"
            "assert len(loaded) == 1 and loaded[0].endswith('shape_predictor_5_face_landmarks.dat'), loaded\n"
        )
        subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
