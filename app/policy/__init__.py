"""Policy packs: one region's rules in one version, as data.

A class is bound to the pack of its approved opening date and keeps it. The packs are TOML files under ``data``;
`packs` reads and chooses them, `rules` and `money` are their schema, `parameters` hands each domain the few
values it needs in that domain's own words.
"""
