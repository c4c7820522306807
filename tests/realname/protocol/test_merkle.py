import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.realname.protocol import merkle_root, merkle_root_of_hashes

LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]


def definition(leaves):
    """RFC 6962 section 2.1, word by word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + definition(leaves[:split]) + definition(leaves[split:])).digest()


class TestMerkleRoot:
    @pytest.mark.parametrize(
        ("count", "root"),
        [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
        ],
    )
    def test_gives_the_published_roots(self, count, root):
        assert merkle_root(LEAVES[:count]) == root

    @pytest.mark.parametrize("count", range(70))
    def test_equals_the_definition_for_every_small_size(self, count):
        leaves = [bytes([n]) for n in range(count)]
        assert merkle_root(leaves) == definition(leaves).hex()

    @given(st.lists(st.binary(max_size=40), max_size=200))
    def test_equals_the_definition(self, leaves):
        assert merkle_root(leaves) == definition(leaves).hex()

    @given(st.lists(st.binary(max_size=8), min_size=2, max_size=40, unique=True), st.data())
    def test_changes_when_leaves_change_places(self, leaves, data):
        first, second = data.draw(st.permutations(range(len(leaves))))[:2]
        moved = list(leaves)
        moved[first], moved[second] = moved[second], moved[first]
        assert merkle_root(moved) != merkle_root(leaves)

    def test_takes_hashes_as_their_raw_bytes(self):
        assert merkle_root_of_hashes(["ab" * 32]) == merkle_root([b"\xab" * 32])
