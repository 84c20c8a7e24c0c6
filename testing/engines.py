"""The engine that opens ``model.onnx`` on this machine."""

from __future__ import annotations

from importlib.util import find_spec

__all__ = ["ENGINE"]

ENGINE = "compiled" if find_spec("model.serving._compiled") else "onnx"
"""Without a C compiler ONNX Runtime serves."""
