from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctoring.ports import (
    Box,
    Embedding,
    Engine,
    Face,
    FaceReading,
    FaceTemplate,
    Outcome,
    QualityIssue,
    Reason,
    Rejection,
)
from proctoring.rules.faces import (
    DLIB_THRESHOLDS,
    EnrolmentPhoto,
    average,
    enrol,
    quality_issues,
    verify,
)

ENGINE = Engine(name="dlib-onnx", version="1", model_sha256="a" * 64, dimension=128)
START = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)


def embedding_at(distance, *, wobble=0.0, axis=1):
    """A vector this far from `embedding_at(0)`, and `wobble` further along an axis of its own."""
    vector = np.zeros(128, np.float32)
    vector[0] = distance
    vector[axis] += wobble
    return Embedding.from_vector(vector)


def reading_of(name="frame", *, embedding=None, **changes):
    face = Face(
        box=Box(left=220, top=140, width=200, height=200),
        turn=0.0,
        roll_deg=0.0,
        sharpness=0.5,
        brightness=120.0,
        bright_share=0.0,
        embedding=embedding or embedding_at(0),
    )
    return FaceReading(
        sha256=name, width=640, height=480, face_count=changes.pop("face_count", 1), face=replace(face, **changes)
    )


def burst_at(distance, *, count=3):
    """Frames whose mean lies at this distance, each a little different."""
    wobbles = np.linspace(-0.05, 0.05, count)
    return [
        reading_of(f"frame{index}", embedding=embedding_at(distance, wobble=wobble))
        for index, wobble in enumerate(wobbles)
    ]


def template(*, photos=3, engine=ENGINE):
    return FaceTemplate(embedding=embedding_at(0), photos_averaged=photos, engine=engine)


def verdict_at(distance, *, frames=3, photos=3, **options):
    return verify(burst_at(distance, count=frames), template=template(photos=photos), engine=ENGINE, **options)


class TestQualityIssues:
    def test_finds_nothing_wrong_with_a_good_picture(self):
        assert quality_issues(reading_of()) == ()

    @pytest.mark.parametrize(
        ("changes", "issue"),
        [
            ({"face_count": 2}, QualityIssue.MANY_FACES),
            ({"box": Box(left=300, top=200, width=84, height=84)}, QualityIssue.TOO_FAR),
            ({"box": Box(left=100, top=20, width=400, height=400)}, QualityIssue.TOO_CLOSE),
            ({"box": Box(left=-20, top=140, width=200, height=200)}, QualityIssue.OFF_CENTER),
            ({"box": Box(left=460, top=140, width=200, height=200)}, QualityIssue.OFF_CENTER),
            ({"box": Box(left=220, top=300, width=200, height=200)}, QualityIssue.OFF_CENTER),
            ({"turn": -0.6}, QualityIssue.TURNED),
            ({"roll_deg": 30.0}, QualityIssue.TILTED),
            ({"brightness": 20.0}, QualityIssue.TOO_DARK),
            ({"bright_share": 0.4}, QualityIssue.TOO_BRIGHT),
            ({"sharpness": 0.1}, QualityIssue.BLURRED),
        ],
    )
    def test_names_what_is_wrong(self, changes, issue):
        assert quality_issues(reading_of(**changes)) == (issue,)

    def test_names_all_that_is_wrong(self):
        issues = quality_issues(reading_of(brightness=10.0, sharpness=0.05))
        assert issues == (QualityIssue.TOO_DARK, QualityIssue.BLURRED)

    @pytest.mark.parametrize(
        ("brightness", "issues"),
        [
            (120.0, (QualityIssue.NO_FACE,)),
            (9.0, (QualityIssue.TOO_DARK, QualityIssue.NO_FACE)),
            (240.0, (QualityIssue.TOO_BRIGHT, QualityIssue.NO_FACE)),
        ],
    )
    def test_says_first_why_no_face_may_have_been_found(self, brightness, issues):
        empty = FaceReading(sha256="x", width=640, height=480, face_count=0, face=None, brightness=brightness)
        assert quality_issues(empty) == issues

    def test_passes_on_why_a_picture_could_not_be_read(self):
        assert quality_issues(Rejection(sha256="x", issue=QualityIssue.DAMAGED)) == (QualityIssue.DAMAGED,)

    @pytest.mark.parametrize("finding", [*QualityIssue, *Reason])
    def test_every_finding_tells_the_person_something_in_chinese(self, finding):
        assert finding.advice.endswith("。")
        assert 10 <= len(finding.advice) <= 60


class TestThresholds:
    def test_never_come_near_the_customary_tolerance(self):
        assert max(cell.accept for cell in DLIB_THRESHOLDS.cells.values()) <= 0.40
        assert max(cell.unsure for cell in DLIB_THRESHOLDS.cells.values()) < 0.45

    def test_fall_as_more_pictures_are_averaged(self):
        cells = [DLIB_THRESHOLDS.threshold(templates=m, probes=n) for m, n in ((1, 1), (2, 1), (2, 2), (2, 3), (3, 3))]
        assert all(a.accept > b.accept and a.unsure > b.unsure for a, b in pairwise(cells))
        assert all(cell.accept < cell.unsure for cell in cells)

    @given(st.integers(1, 20), st.integers(1, 20))
    def test_exist_for_any_numbers_and_either_order(self, templates, probes):
        one = DLIB_THRESHOLDS.threshold(templates=templates, probes=probes)
        assert one == DLIB_THRESHOLDS.threshold(templates=probes, probes=templates)


class TestAverage:
    def test_is_the_mean_of_the_vectors(self):
        mean = average([embedding_at(0.2), embedding_at(0.4)])
        assert mean.distance_to(embedding_at(0.3)) == pytest.approx(0, abs=1e-6)

    def test_never_prints_a_vector(self):
        assert "data" not in repr(template())


@pytest.mark.clause("CC-5.3.3c", "CC-A2-4.7")
class TestVerify:
    @pytest.mark.parametrize(
        ("distance", "outcome", "reasons"),
        [
            (0.10, Outcome.PASS, ()),
            (0.341, Outcome.PASS, ()),
            (0.343, Outcome.UNSURE, (Reason.NEAR_LIMIT,)),
            (0.389, Outcome.UNSURE, (Reason.NEAR_LIMIT,)),
            (0.391, Outcome.FAIL, (Reason.DISTANT,)),
            (0.55, Outcome.FAIL, (Reason.DISTANT,)),
        ],
    )
    def test_decides_by_the_distance_of_the_means(self, distance, outcome, reasons):
        verdict = verdict_at(distance)
        assert (verdict.outcome, verdict.reasons) == (outcome, reasons)
        assert verdict.distance == pytest.approx(distance, abs=1e-5)

    def test_allows_more_distance_when_fewer_pictures_were_averaged(self):
        assert verdict_at(0.352, frames=2, photos=2).outcome is Outcome.PASS
        assert verdict_at(0.352, frames=3, photos=3).outcome is Outcome.UNSURE

    def test_states_all_that_is_needed_to_repeat_it(self):
        verdict = verdict_at(0.3, frames=2)
        assert verdict.threshold == DLIB_THRESHOLDS.threshold(templates=3, probes=2).accept
        assert verdict.facts() == {
            "outcome": "pass",
            "distance_e4": 3000,
            "threshold_e4": 3480,
            "threshold_version": DLIB_THRESHOLDS.version,
            "frames_averaged": 2,
            "templates_averaged": 3,
            "engine": "dlib-onnx",
            "engine_version": "1",
            "model_sha256": "a" * 64,
            "reasons": [],
            "issues": [],
        }

    def test_leaves_out_unusable_frames_and_says_why(self):
        frames = [*burst_at(0.1, count=2), reading_of("dark", brightness=5.0, embedding=embedding_at(9))]
        verdict = verify(frames, template=template(), engine=ENGINE)
        assert (verdict.outcome, verdict.frames_averaged) == (Outcome.PASS, 2)
        assert verdict.issues == (QualityIssue.TOO_DARK,)
        assert verdict.advice is None

    def test_fails_without_comparing_when_too_few_frames_are_usable(self):
        dark = [replace(frame, face=replace(frame.face, brightness=5.0)) for frame in burst_at(0.0)]
        verdict = verify([*dark[:2], reading_of("good")], template=template(), engine=ENGINE)
        assert (verdict.outcome, verdict.distance, verdict.threshold) == (Outcome.FAIL, None, None)
        assert verdict.reasons == (Reason.TOO_FEW_FRAMES,)
        assert verdict.advice == QualityIssue.TOO_DARK.advice

    def test_fails_when_nothing_was_sent(self):
        assert verify([], template=template(), engine=ENGINE).reasons == (Reason.TOO_FEW_FRAMES,)

    def test_fails_when_somebody_else_takes_over_within_the_burst(self):
        frames = [*burst_at(0.0, count=2), reading_of("other", embedding=embedding_at(0.7))]
        verdict = verify(frames, template=template(), engine=ENGINE)
        assert (verdict.outcome, verdict.reasons) == (Outcome.FAIL, (Reason.FRAMES_DISAGREE,))

    def test_asks_a_person_when_frames_are_the_same_file(self):
        frames = [reading_of("same", embedding=embedding_at(0.0)), reading_of("same", embedding=embedding_at(0.1))]
        verdict = verify(frames, template=template(), engine=ENGINE)
        assert (verdict.outcome, verdict.reasons) == (Outcome.UNSURE, (Reason.IDENTICAL_FRAMES,))

    def test_asks_a_person_when_frames_are_the_same_pixels_in_other_bytes(self):
        verdict = verify([reading_of("a"), reading_of("b")], template=template(), engine=ENGINE)
        assert (verdict.outcome, verdict.reasons) == (Outcome.UNSURE, (Reason.IDENTICAL_FRAMES,))

    def test_asks_a_person_when_a_picture_was_used_before(self):
        verdict = verdict_at(0.1, seen_frames={"frame1"})
        assert (verdict.outcome, verdict.reasons) == (Outcome.UNSURE, (Reason.REPLAYED_FRAME,))

    def test_fails_a_stranger_even_when_the_pictures_look_arranged(self):
        verdict = verdict_at(0.7, seen_frames={"frame1"})
        assert (verdict.outcome, verdict.reasons) == (Outcome.FAIL, (Reason.DISTANT, Reason.REPLAYED_FRAME))

    @pytest.mark.parametrize("change", [{"name": "other"}, {"version": "2"}, {"dimension": 512}])
    def test_never_compares_embeddings_of_different_engines(self, change):
        other = replace(ENGINE, **change)
        for mine, theirs in ((ENGINE, other), (other, ENGINE)):
            verdict = verify(burst_at(0.0), template=template(engine=mine), engine=theirs)
            assert (verdict.outcome, verdict.distance) == (Outcome.UNSURE, None)
            assert verdict.reasons == (Reason.OTHER_ENGINE,)

    @given(st.floats(0, 2), st.integers(2, 5), st.integers(1, 5))
    def test_never_passes_above_the_threshold(self, distance, frames, photos):
        verdict = verdict_at(distance, frames=frames, photos=photos)
        limit = DLIB_THRESHOLDS.threshold(templates=photos, probes=frames).accept
        assert (verdict.outcome is Outcome.PASS) == (verdict.distance <= limit)


def photos_of(*, turns=(0.0, -0.15, 0.15), pauses_s=(0, 2, 4), distances=(0.0, 0.1, 0.2)):
    return [
        EnrolmentPhoto(
            reading_of(f"photo{index}", turn=turn, embedding=embedding_at(distance)),
            START + timedelta(seconds=pause_s),
        )
        for index, (turn, pause_s, distance) in enumerate(zip(turns, pauses_s, distances, strict=True))
    ]


@pytest.mark.clause("CC-A2-4.2")
class TestEnrol:
    def test_averages_three_good_photos(self):
        enrolment = enrol(photos_of(), engine=ENGINE)
        assert enrolment.reasons == ()
        assert enrolment.issues == ((), (), ())
        assert enrolment.template.photos_averaged == 3
        assert enrolment.template.engine == ENGINE
        assert enrolment.template.embedding.distance_to(embedding_at(0.1)) == pytest.approx(0, abs=1e-6)

    def test_leaves_out_bad_photos(self):
        blurred = EnrolmentPhoto(reading_of("blurred", sharpness=0.0), START + timedelta(seconds=6))
        enrolment = enrol([*photos_of(), blurred], engine=ENGINE)
        assert enrolment.template.photos_averaged == 3
        assert enrolment.issues[3] == (QualityIssue.BLURRED,)

    @pytest.mark.parametrize(
        ("photos", "reason"),
        [
            (photos_of()[:2], Reason.TOO_FEW_FRAMES),
            (photos_of(pauses_s=(0, 0.5, 4)), Reason.NO_PAUSE),
            (photos_of(turns=(0.0, 0.05, -0.05)), Reason.NO_HEAD_TURN),
            (photos_of(distances=(0.0, 0.1, 0.7)), Reason.FRAMES_DISAGREE),
            (photos_of(distances=(0.0, 0.1, 0.1)), Reason.IDENTICAL_FRAMES),
        ],
    )
    def test_makes_no_template_of_a_bad_set(self, photos, reason):
        enrolment = enrol(photos, engine=ENGINE)
        assert enrolment.template is None
        assert enrolment.reasons == (reason,)

    def test_says_too_few_when_there_is_nothing(self):
        assert enrol([], engine=ENGINE).reasons == (Reason.TOO_FEW_FRAMES,)

    def test_asks_for_as_many_photos_as_the_rules_say(self):
        assert enrol(photos_of(), engine=ENGINE, min_photos=4).reasons == (Reason.TOO_FEW_FRAMES,)
