"""Engines for the tests of adapters, each made once."""

from __future__ import annotations

import functools

import pytest

from proctoring.adapters.dlib_onnx import DlibOnnxMatcher
from proctoring.adapters.face_pool import FacePool
from tests import photos
from tests.proctoring.adapters.reference import ReferenceMatcher


@pytest.fixture(scope="session")
def encoder_path(tmp_path_factory):
    return tmp_path_factory.mktemp("models") / "encoder.onnx"


@pytest.fixture(scope="session")
def dlib_onnx(encoder_path):
    return DlibOnnxMatcher(encoder_path)


@pytest.fixture(scope="session")
def pooled(dlib_onnx, encoder_path):
    with FacePool(functools.partial(DlibOnnxMatcher, encoder_path), workers=1) as pool:
        yield pool


@pytest.fixture(scope="session")
def reference():
    return ReferenceMatcher()


@pytest.fixture(scope="session")
def selfie():
    """A frame of one person, well lit, straight."""
    return photos.camera_frame("obama")
