"""Courses, lessons, media, classes, enrolment, playback, lesson hours, gates.

Vocabulary: 工种 trade · 等级 level · 人员类别 category · 班级 class (`TrainingClass`) · 学时 lesson hour ·
随堂测验 gate quiz · 课件 courseware (media asset).
"""
