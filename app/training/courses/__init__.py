"""Courses: made by an author, reviewed and published by somebody else, then fixed."""
