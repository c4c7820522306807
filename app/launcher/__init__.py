"""Prepare a machine, then run, test or show the platform.

Started with the system's Python before any environment exists (`python3 -m app.launcher run`), so everything
here uses the standard library only; `supervise` and `schema` run inside the environment it builds.

Reading order: `__main__` (the commands), `prepare` (the steps), `environment`, `frontend`, `models`, `debian`
(one step each), `stages` (`make test`), `supervise` (`make run`).

Nothing names a package index: pip, uv and npm take theirs from the machine's own configuration.
"""
