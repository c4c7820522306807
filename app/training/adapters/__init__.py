"""Programs and libraries this domain hides behind its ports."""
