from __future__ import annotations

import pytest

from app.identity.rules.network import network_of


class TestNetworkOf:
    @pytest.mark.parametrize(
        ("address", "network"),
        [
            ("203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
            ("2001:db8:1:2:bbbb::9", "2001:db8:1:2::/64"),
            (None, "unknown"),
            ("testclient", "unknown"),
        ],
    )
    def test_counts_an_ipv6_customer_as_one(self, address, network):
        assert network_of(address) == network
