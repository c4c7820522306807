from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.identity.errors import UsccRefused
from app.identity.rules.uscc import parse_uscc, uscc_check_character
from tests.app.identity.samples import make_uscc

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
bodies = st.text(alphabet=ALPHABET, min_size=9, max_size=9)


class TestParseUscc:
    def test_reads_a_code_in_lower_case(self):
        assert parse_uscc(f" {make_uscc().lower()} ") == make_uscc()

    @pytest.mark.parametrize(
        "text", ["", "5", "I" * 18, "52990100MJ0000017", pytest.param("0" * 1_000_000, id="a million")]
    )
    def test_refuses_what_has_not_the_shape(self, text):
        with pytest.raises(UsccRefused, match="营业执照"):
            parse_uscc(text)

    @given(body=bodies, place=st.integers(0, 17), other=st.sampled_from(ALPHABET))
    def test_finds_every_single_wrong_character(self, body, place, other):
        first17 = f"91990000{body}"
        code = first17 + uscc_check_character(first17)
        assert parse_uscc(code) == code
        if code[place] != other:
            with pytest.raises(UsccRefused):
                parse_uscc(code[:place] + other + code[place + 1 :])
