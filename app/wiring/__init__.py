"""The only place where rooms meet: ports get adapters, events get handlers, and classes get their rules.

- `platform`: everything one process runs on
- `table`: which event is handled by whom; reads like a table
- `reactions`: what one room does because another room said something
- `facts`: how an event becomes an entry of the ledger
- `supervision`: questions about a trainee that need several rooms to answer
"""

from app.wiring.platform import Platform, build

__all__ = ["Platform", "build"]
