"""The journeys of a trainee and of the staff, played against a running platform: through REST and in a browser.

The demonstration plays them by itself, the tests play them and look at what they left.

Reading order: `stage` (a platform of its own), `people` (who plays), `answers` (what they know), `rest` (a trainee
without a browser), `browser` (Chromium with a fed camera), `trainee` and `console` (the pages).
"""
