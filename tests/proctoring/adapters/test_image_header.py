from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctoring.adapters.image_header import MAX_BYTES, ImageHeader, read_header
from proctoring.ports import QualityIssue
from tests import photos

STARTS = [b"", b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xc0", b"\x89PNG\r\n\x1a\n", b"RIFF\x20\0\0\0WEBPVP8X", b"GIF89a"]


class TestReadHeader:
    @pytest.mark.parametrize("convert", [lambda image: image, photos.as_png, photos.as_webp, photos.rotated_with_exif])
    def test_reads_the_stored_size(self, selfie, convert):
        lies = convert is photos.rotated_with_exif
        assert read_header(convert(selfie)) == (ImageHeader(480, 640) if lies else ImageHeader(640, 480))

    @given(st.sampled_from(STARTS), st.binary(max_size=200))
    def test_never_raises(self, start, rest):
        assert isinstance(read_header(start + rest), ImageHeader | QualityIssue)

    @pytest.mark.parametrize("convert", [lambda image: image, photos.as_png, photos.as_webp])
    def test_sees_that_the_end_is_missing(self, selfie, convert):
        image = convert(selfie)
        for cut in (len(image) - 20, len(image) // 2, 30):
            assert read_header(image[:cut]) is QualityIssue.DAMAGED

    def test_accepts_what_phones_append_after_the_end(self, selfie):
        assert read_header(selfie + b"\0" * 100) == ImageHeader(640, 480)

    @pytest.mark.parametrize(
        ("width", "height", "is_accepted"),
        [(5000, 5000, True), (5001, 5000, False), (60_000, 60_000, False), (0, 480, False)],
    )
    def test_accepts_up_to_25_megapixels(self, selfie, width, height, is_accepted):
        start = selfie.index(b"\xff\xc0")
        size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
        header = read_header(selfie[: start + 5] + size + selfie[start + 9 :])
        assert isinstance(header, ImageHeader) is is_accepted

    def test_accepts_up_to_five_megabytes(self, selfie):
        room = MAX_BYTES - len(selfie)
        assert isinstance(read_header(selfie + bytes(room)), ImageHeader)
        assert read_header(selfie + bytes(room + 1)) is QualityIssue.TOO_MANY_BYTES

    def test_refuses_a_jpeg_of_countless_scans(self, selfie):
        assert read_header(selfie[:-2] + b"\xff\xda\x00\x02" * 70 + b"\xff\xd9") is QualityIssue.DAMAGED

    def test_refuses_a_second_size(self, selfie):
        start = selfie.index(b"\xff\xc0")
        length = int.from_bytes(selfie[start + 2 : start + 4], "big") + 2
        segment = selfie[start : start + length]
        assert read_header(selfie[:start] + segment + selfie[start:]) is QualityIssue.DAMAGED

    def test_refuses_an_animation(self):
        extended = b"RIFF" + (22).to_bytes(4, "little") + b"WEBPVP8X" + (10).to_bytes(4, "little") + b"\x02" + bytes(9)
        assert read_header(extended) is QualityIssue.UNSUPPORTED

    @pytest.mark.parametrize("data", [b"GIF89a" + bytes(50), b"BM" + bytes(50), photos.text_file(), b""])
    def test_refuses_other_files(self, data):
        assert read_header(data) is QualityIssue.UNSUPPORTED
