from __future__ import annotations

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from app.core.canonical import MAX_INTEGER, NotCanonical, canonical_bytes

TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)))
KEYS = st.text(st.characters(codec="ascii"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
)


class TestCanonicalBytes:
    @given(VALUES)
    def test_agrees_with_an_independent_implementation_of_rfc_8785(self, value):
        assert canonical_bytes(value) == rfc8785.dumps(value)

    @pytest.mark.parametrize("value", [0.5, {"a": 1.0}, MAX_INTEGER + 1, "\x00", "\ud800", {"键": 1}, {1: 2}, b"x"])
    def test_refuses_what_has_no_single_form(self, value):
        with pytest.raises(NotCanonical):
            canonical_bytes(value)
