"""The city real-name system (实名制系统): protocol `rnp/1`, relay, receipts, digests, simulator."""
