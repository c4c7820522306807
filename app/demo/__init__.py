"""Content for demonstrations and tests, made by code: lessons, a question bank.

Nothing here is anybody's real course, but everything in it is meant to be right: the sentences on the slides and
the answers of the bank can be learned from. Production code of other packages never imports this one.
"""
