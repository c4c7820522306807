import math
import time
from itertools import pairwise

import av
import numpy as np
import pytest
from PIL import ImageFont

from app.demo.lessons import LONG_S, SHORT_S, load_scripts, make_demo_lessons, make_flv_samples
from app.demo.slides import FONT, HEIGHT, WIDTH, FontMissing, Slide, draw_slide, wrap
from app.demo.video import GROUP_S, make_lesson_video

pytestmark = pytest.mark.skipif(not FONT.exists(), reason="the Chinese font is not set up")

SLIDES = load_scripts()[0].slides


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "short.mp4"
    make_lesson_video(path, title="老年人跌倒预防", duration_s=SHORT_S, slides=SLIDES)
    return path


@pytest.fixture(scope="module")
def flv(tmp_path_factory):
    return make_flv_samples(tmp_path_factory.mktemp("flv"))


def keyframes(path):
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        return [
            float(packet.pts * packet.time_base) for packet in file.demux(stream) if packet.size and packet.is_keyframe
        ]


def loudness(path):
    """Mean loudness in dBFS."""
    with av.open(str(path)) as file:
        samples = np.concatenate([frame.to_ndarray().ravel() for frame in file.decode(audio=0)])
    return 20 * math.log10(float(np.sqrt(np.mean(samples.astype(np.float64) ** 2))))


class TestMakeLessonVideo:
    def test_makes_h264_and_aac_of_the_right_length(self, short):
        with av.open(str(short)) as file:
            video, audio = file.streams.video[0], file.streams.audio[0]
            assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
            assert (video.width, video.height) == (WIDTH, HEIGHT)
            assert file.duration / av.time_base == pytest.approx(SHORT_S, abs=0.1)

    def test_decodes_to_the_last_picture_without_a_fault(self, short):
        with av.open(str(short)) as file:
            file.streams.video[0].codec_context.options = {"err_detect": "explode"}
            assert sum(1 for _ in file.decode(video=0)) == SHORT_S

    def test_can_be_heard(self, short):
        assert -40 < loudness(short) < -12

    def test_shows_one_slide_after_the_other(self, short):
        with av.open(str(short)) as file:
            pictures = [frame.to_ndarray(format="gray").astype(int) for frame in file.decode(video=0)]
        changes = [np.abs(a - b).mean() > 1 for a, b in pairwise(pictures)]
        assert sum(changes) == len(SLIDES) - 1

    def test_has_a_key_frame_every_ten_seconds(self, short):
        times = [*keyframes(short), SHORT_S]
        assert times[0] == 0
        assert max(later - earlier for earlier, later in pairwise(times)) <= GROUP_S

    def test_has_its_index_in_front(self, short):
        content = short.read_bytes()
        assert content.index(b"moov") < content.index(b"mdat")

    def test_makes_forty_minutes_within_seconds(self, tmp_path):
        path = tmp_path / "long.mp4"
        began = time.process_time()
        make_lesson_video(path, title="老年人跌倒预防", duration_s=LONG_S, slides=SLIDES)
        assert time.process_time() - began < 10
        assert path.stat().st_size < 25_000_000
        with av.open(str(path)) as file:
            assert file.duration / av.time_base == pytest.approx(LONG_S, abs=0.1)

    def test_finds_a_picture_anywhere(self, short):
        with av.open(str(short)) as file:
            file.seek(42_000_000)
            frame = next(file.decode(video=0))
            assert 42 - GROUP_S <= frame.time <= 42

    @pytest.mark.parametrize(("count", "seconds"), [(0, 10), (3, 2)])
    def test_refuses_slides_that_cannot_be_shown(self, tmp_path, count, seconds):
        with pytest.raises(ValueError, match="slide"):
            make_lesson_video(tmp_path / "x.mp4", title="t", duration_s=seconds, slides=SLIDES[:count])

    def test_says_when_the_font_is_missing(self, tmp_path):
        with pytest.raises(FontMissing, match="安装步骤"):
            make_lesson_video(tmp_path / "x.mp4", title="t", duration_s=10, slides=SLIDES, font=tmp_path / "none.ttf")


class TestMakeFlvSamples:
    @pytest.mark.parametrize(("name", "codecs"), [("h264", {"h264", "aac"}), ("sorenson", {"flv", "mp3float"})])
    def test_makes_flv_with_the_codec_of_its_name(self, flv, name, codecs):
        with av.open(str(flv[name])) as file:
            assert file.format.name == "flv"
            assert {stream.codec_context.name for stream in file.streams} == codecs
            assert sum(1 for _ in file.decode(video=0)) > 0
        assert loudness(flv[name]) > -40


class TestMakeDemoLessons:
    def test_makes_every_lesson_once(self, tmp_path):
        made = make_demo_lessons(tmp_path / "lessons", duration_s=10)
        assert list(made) == [script.key for script in load_scripts()]
        before = {path: path.stat().st_mtime_ns for path in made.values()}
        make_demo_lessons(tmp_path / "lessons", duration_s=10)
        assert {path: path.stat().st_mtime_ns for path in made.values()} == before
        assert sorted(path.name for path in (tmp_path / "lessons").iterdir()) == sorted(
            path.name for path in made.values()
        )


class TestDrawSlide:
    @pytest.mark.parametrize("script", load_scripts(), ids=lambda script: script.key)
    def test_keeps_the_text_above_the_foot(self, script):
        blank = draw_slide(Slide(title="", lines=()), course="", number=1, count=1)
        for slide in script.slides:
            drawn = draw_slide(slide, course="", number=1, count=1)
            band = (0, HEIGHT - 90, WIDTH, HEIGHT - 60)
            assert drawn.crop(band).tobytes() == blank.crop(band).tobytes(), slide.title


class TestWrap:
    def test_breaks_rows_at_the_width_and_never_before_a_closing_mark(self):
        font = ImageFont.truetype(str(FONT), 36)
        rows = wrap("一二三四五六七八九，十", width=36 * 9, font=font)
        assert rows == ["一二三四五六七八九，", "十"]

    def test_has_no_rows_for_nothing(self):
        assert wrap("", width=100, font=ImageFont.truetype(str(FONT), 36)) == []
