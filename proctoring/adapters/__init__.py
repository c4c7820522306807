"""Engines that meet the ports of supervision; only here are face and image libraries imported.

Importing this package switches ONNX Runtime's telemetry off, before anything here can import ONNX Runtime: since 1.29
its Linux wheels report each session to their maker, and this process handles faces.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
