"""Every table of this package, by import."""

from __future__ import annotations

from app.training.classes.models import ClassStep, Enrollment, TrainingClass
from app.training.courses.models import Course, CourseStep, Lesson
from app.training.media.models import MediaAsset
from app.training.playback.models import Heartbeat, LessonProgress, PlaybackSession, PlayStep

__all__ = [
    "ClassStep",
    "Course",
    "CourseStep",
    "Enrollment",
    "Heartbeat",
    "Lesson",
    "LessonProgress",
    "MediaAsset",
    "PlayStep",
    "PlaybackSession",
    "TrainingClass",
]
