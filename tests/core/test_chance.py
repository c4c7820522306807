from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from app.core.chance import Draw, commitment_of, new_seed

SEED = bytes(range(32))


class TestDraw:
    def test_repeats_for_the_same_seed_and_label(self):
        assert [Draw(SEED, "a").below(1000) for _ in range(3)] == [Draw(SEED, "a").below(1000)] * 3

    def test_differs_by_label_and_by_seed(self):
        many = range(50)
        first, other = Draw(SEED, "a"), Draw(SEED, "b")
        third = Draw(new_seed(), "a")
        draws = [tuple(draw.below(1_000_000) for _ in many) for draw in (first, other, third)]
        assert len(set(draws)) == 3

    @given(st.integers(1, 10_000))
    def test_stays_below_its_limit(self, limit: int):
        draw = Draw(SEED, "limit", str(limit))
        assert all(0 <= draw.below(limit) < limit for _ in range(20))

    def test_is_even(self):
        draw = Draw(SEED, "even")
        counts = Counter(draw.below(5) for _ in range(10_000))
        assert all(1_800 < count < 2_200 for count in counts.values())

    @given(st.lists(st.integers(), unique=True, max_size=30), st.randoms())
    def test_samples_different_items(self, items, random):
        count = random.randint(0, len(items))
        taken = Draw(SEED, "sample").sample(items, count)
        assert len(set(taken)) == count
        assert set(taken) <= set(items)


class TestCommitment:
    def test_binds_to_one_seed(self):
        assert commitment_of(SEED) != commitment_of(SEED[::-1])
        assert len(commitment_of(SEED)) == 64
