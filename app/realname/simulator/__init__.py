"""A city real-name system (实名制系统) that runs as its own process and answers the protocol ``rnp/1``.

It keeps its own database and its own files, judges what it receives by its own records, survives ``kill -9``, and
can be told to misbehave. It shares with the platform only the pure protocol code, as a city that follows the same
document would.

Run it with ``python -m app.realname.simulator --port 8100 --data var/simulator``.

Vocabulary: 班级 class, 名册 roster, 回执 receipt, 对账 reconciliation, 开班审批 class approval.
"""
