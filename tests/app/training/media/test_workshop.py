"""Real films and hostile files through the real media child process."""

import os
import struct

import av
import pytest

from app.training.adapters.workshop import ChildWorkshop
from app.training.media.rules import MediaRefused, warnings_of
from tests.app.training.media.films import make_film


@pytest.fixture(scope="module")
def workshop():
    return ChildWorkshop(timeout_s=60)


def codecs(path):
    with av.open(str(path)) as file:
        return file.streams.video[0].codec_context.name, [s.codec_context.name for s in file.streams.audio]


def is_fast_start(path) -> bool:
    data = path.read_bytes()
    return data.index(b"moov") < data.index(b"mdat")


def codes(facts) -> set[str]:
    return {warning["code"] for warning in warnings_of(facts)}


class TestPrepare:
    @pytest.mark.clause("CC-4.3.4")
    def test_copies_a_good_mp4_and_makes_it_start_fast(self, workshop, tmp_path):
        source = make_film(tmp_path / "a.mp4")
        prepared = workshop.prepare(source, tmp_path / "out.mp4")
        assert not prepared.is_transcoded
        assert (prepared.facts.container, prepared.facts.width, prepared.facts.height) == ("mp4", 1280, 720)
        assert 3_900 <= prepared.facts.duration_ms <= 4_000
        assert codecs(tmp_path / "out.mp4") == ("h264", ["aac"])
        assert is_fast_start(tmp_path / "out.mp4")
        assert codes(prepared.facts) == set()

    @pytest.mark.clause("CC-4.3.4")
    def test_copies_flv_with_h264_into_mp4(self, workshop, tmp_path):
        source = make_film(tmp_path / "a.bin", container="flv")
        prepared = workshop.prepare(source, tmp_path / "out.mp4")
        assert not prepared.is_transcoded
        assert prepared.facts.container == "flv"
        assert codecs(tmp_path / "out.mp4") == ("h264", ["aac"])
        assert 3_800 <= prepared.facts.duration_ms <= 4_200

    @pytest.mark.clause("CC-4.3.4")
    def test_encodes_an_old_flv_anew(self, workshop, tmp_path):
        source = make_film(tmp_path / "a.flv", container="flv", video="flv", audio=None, size=(320, 240), seconds=2)
        prepared = workshop.prepare(source, tmp_path / "out.mp4")
        assert prepared.is_transcoded
        assert codecs(tmp_path / "out.mp4") == ("h264", [])
        assert codes(prepared.facts) == {"low_resolution", "no_audio"}

    def test_warns_of_silence_and_black_pictures(self, workshop, tmp_path):
        source = make_film(tmp_path / "a.mp4", loudness=0.001, black=True)
        assert codes(workshop.prepare(source, tmp_path / "out.mp4").facts) == {"quiet", "black_pictures"}

    def test_warns_of_sound_that_ends_early(self, workshop, tmp_path):
        source = make_film(tmp_path / "a.mp4", audio_seconds=2)
        assert codes(workshop.prepare(source, tmp_path / "out.mp4").facts) == {"short_audio"}

    @pytest.mark.clause("CC-4.3.3")
    def test_does_not_believe_the_length_written_in_the_header(self, workshop, tmp_path):
        source = make_film(tmp_path / "a.mp4", audio=None, seconds=2, size=(64, 36))
        data = bytearray(source.read_bytes())
        at = data.index(b"mvhd") + 4
        scale, _ = struct.unpack(">II", data[at + 12 : at + 20])
        data[at + 16 : at + 20] = struct.pack(">I", scale * 7_200)
        source.write_bytes(data)
        assert workshop.prepare(source, tmp_path / "out.mp4").facts.duration_ms <= 2_000


class TestHostileFiles:
    @pytest.mark.clause("CC-4.3.4")
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"just some text, renamed", "只支持 mp4 和 flv"),
            (b"", "只支持 mp4 和 flv"),
            (b"#EXTM3U\nfile:///etc/passwd\n", "只支持 mp4 和 flv"),
            (b"\x1a\x45\xdf\xa3" + b"webm" * 9, "只支持 mp4 和 flv"),
            (b"\x00\x00\x00\x18ftypisom" + os.urandom(4_000), "文件损坏"),
            (b"FLV\x01\x05\x00\x00\x00\x09" + os.urandom(4_000), "重新"),
            (b"FLV\x01\x05\x00\x00\x00\x09" + bytes(100_000), "重新"),
        ],
    )
    def test_that_are_no_video_are_refused_in_chinese(self, workshop, tmp_path, content, words):
        source = tmp_path / "a.mp4"
        source.write_bytes(content)
        with pytest.raises(MediaRefused, match=r"[一-龥]") as refused:
            workshop.prepare(source, tmp_path / "out.mp4")
        assert any(word in str(refused.value) for word in (words, "没有视频画面"))

    def test_that_are_cut_off_are_refused(self, workshop, tmp_path):
        source = make_film(tmp_path / "a.mp4")
        source.write_bytes(source.read_bytes()[:-2_000])
        with pytest.raises(MediaRefused, match="损坏或不完整"):
            workshop.prepare(source, tmp_path / "out.mp4")

    def test_with_sound_only_are_refused(self, workshop, tmp_path):
        source = tmp_path / "a.mp4"
        with av.open(str(source), "w", format="mp4") as out:
            stream = out.add_stream("aac", rate=44_100, layout="mono")
            for number in range(50):
                frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
                frame.sample_rate, frame.pts = 44_100, number * 1024
                frame.planes[0].update(bytes(4096))
                out.mux(stream.encode(frame))
            out.mux(stream.encode())
        with pytest.raises(MediaRefused, match="没有视频画面"):
            workshop.prepare(source, tmp_path / "out.mp4")

    def test_with_enormous_pictures_are_refused_before_decoding(self, workshop, tmp_path):
        source = make_film(tmp_path / "a.mp4", size=(4_100, 64), seconds=1, audio=None)
        with pytest.raises(MediaRefused, match="画面尺寸"):
            workshop.prepare(source, tmp_path / "out.mp4")

    def test_whose_two_pictures_claim_an_hour_are_refused(self, workshop, tmp_path):
        source = tmp_path / "a.mp4"
        with av.open(str(source), "w", format="mp4") as out:
            stream = out.add_stream("libx264", rate=1)
            stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
            for at in (0, 1_800, 3_600):
                frame = av.VideoFrame(64, 36, "yuv420p")
                frame.pts = at
                out.mux(stream.encode(frame))
            out.mux(stream.encode())
        with pytest.raises(MediaRefused, match="画面数量与时长不符"):
            workshop.prepare(source, tmp_path / "out.mp4")

    def test_that_take_too_long_are_stopped(self, tmp_path):
        source = make_film(tmp_path / "a.mp4")
        with pytest.raises(MediaRefused, match="用时过长"):
            ChildWorkshop(timeout_s=0).prepare(source, tmp_path / "out.mp4")
