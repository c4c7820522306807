"""Courseware files: checked by content, made playable everywhere, measured."""
