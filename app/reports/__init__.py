"""Read models to paper: PDF through Typst, evidence pack (证据包), offline verifier."""
