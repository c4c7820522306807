from __future__ import annotations

import hashlib
import threading

import dlib
import numpy as np
import pytest

from proctoring.adapters import encoder_onnx
from proctoring.adapters.dlib_onnx import decode
from proctoring.adapters.encoder_onnx import EncoderFormatError, convert, ensure_encoder, models_folder
from tests import photos
from tests.proctoring.adapters.reference import face_recognition

ROUNDING = 1e-5


class TestEncoder:
    @pytest.mark.parametrize("name", photos.NAMES)
    def test_equals_the_encoding_of_face_recognition_itself(self, dlib_onnx, name):
        package = face_recognition()
        image = package.load_image_file(str(photos.path(name)))
        (where, *_) = package.face_locations(image)
        (theirs,) = package.face_encodings(image, [where], model="small")
        top, right, bottom, left = where
        predictor = dlib.shape_predictor(str(models_folder() / "shape_predictor_5_face_landmarks.dat"))
        shape = predictor(image, dlib.rectangle(left, top, right, bottom))
        chip = dlib.get_face_chip(image, shape, 150, 0.25)
        (ours,) = dlib_onnx.encode(chip[None])
        assert np.abs(ours - theirs).max() < ROUNDING

    def test_equals_dlib_on_any_pixels(self, dlib_onnx):
        chips = np.random.default_rng(7).integers(0, 256, (3, 150, 150, 3), dtype=np.uint8)
        model = dlib.face_recognition_model_v1(str(encoder_onnx.encoder_weights()))
        for chip, ours in zip(chips, dlib_onnx.encode(chips), strict=True):
            theirs = np.array(model.compute_face_descriptor(chip))
            assert np.abs(ours - theirs).max() < ROUNDING

    def test_averages_the_chip_and_its_mirror_image(self, dlib_onnx):
        rgb = decode(photos.camera_frame("obama")).rgb[100:250, 250:400]
        mirrored = np.ascontiguousarray(rgb[:, ::-1])
        singles = dlib_onnx.encode(np.stack([rgb, mirrored]))
        assert np.allclose(dlib_onnx.encode_chip(rgb), singles.mean(axis=0), atol=1e-6)
        assert np.allclose(dlib_onnx.encode_chip(rgb), dlib_onnx.encode_chip(mirrored), atol=1e-6)


class TestConvert:
    def test_gives_the_same_bytes_every_time(self):
        weights = encoder_onnx.encoder_weights().read_bytes()
        assert convert(weights) == convert(weights)

    @pytest.mark.parametrize("spoil", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: data[9000:]])
    def test_refuses_other_weights(self, spoil):
        with pytest.raises(EncoderFormatError):
            convert(spoil(encoder_onnx.encoder_weights().read_bytes()))

    def test_refuses_another_network(self):
        with pytest.raises(EncoderFormatError):
            convert((models_folder() / "mmod_human_face_detector.dat").read_bytes())


class TestEnsureEncoder:
    def test_writes_once_and_gives_the_hash_of_the_file(self, tmp_path):
        path = tmp_path / "models" / "encoder.onnx"
        sha256 = ensure_encoder(path)
        written = path.stat().st_mtime_ns
        assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert ensure_encoder(path) == sha256
        assert path.stat().st_mtime_ns == written

    @pytest.mark.parametrize("suffix", ["", ".json"])
    def test_replaces_a_damaged_file(self, tmp_path, suffix):
        path = tmp_path / "encoder.onnx"
        sha256 = ensure_encoder(path)
        path.with_name(path.name + suffix).write_bytes(b"cut off")
        assert ensure_encoder(path) == sha256
        assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256

    def test_leaves_nothing_half_done_when_the_disk_is_full(self, tmp_path, monkeypatch):
        def full(handle):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(encoder_onnx.os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            ensure_encoder(tmp_path / "encoder.onnx")
        assert list(tmp_path.iterdir()) == []

    def test_may_be_called_by_many_at_once(self, tmp_path):
        hashes = []
        callers = [
            threading.Thread(target=lambda: hashes.append(ensure_encoder(tmp_path / "encoder.onnx"))) for _ in range(4)
        ]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert len(hashes) == 4
        assert len(set(hashes)) == 1
        assert sorted(file.name for file in tmp_path.iterdir()) == ["encoder.onnx", "encoder.onnx.json"]


class TestMain:
    def test_prints_the_hash(self, tmp_path, capsys):
        path = tmp_path / "encoder.onnx"
        assert encoder_onnx.main([str(path)]) == 0
        assert capsys.readouterr().out == f"{ensure_encoder(path)}  {path}\n"

    def test_explains_itself_without_a_path(self, capsys):
        assert encoder_onnx.main([]) == 2
        assert "usage" in capsys.readouterr().err
