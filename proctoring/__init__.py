"""Supervised sessions: check-ins (随机打卡) of every method, face engines, liveness.

A lesson and an exam attempt look the same here: a *subject* with a kind and an id.
"""
