"""Check of the program itself: versions, and whether its inner loops are compiled."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from stream.doctor.finding import Finding, Surroundings, ok, warn

__all__ = ["check_versions"]

PACKAGES = ("leadscore", "aiokafka", "faust-streaming", "onnxruntime")
COMPILED = tuple(
    f"{package}._compiled" for package in ("schemas", "features", "agents", "stream.kafka")
)


async def check_versions(_: Surroundings) -> Sequence[Finding]:
    """Report the versions of LeadScore, Python and the clients; warn of loops in plain Python."""
    found = ", ".join(f"{package} {_version(package)}" for package in PACKAGES)
    sentence = f"{found}, Python {platform.python_version()}"
    if any(find_spec(module) is None for module in COMPILED):
        return [
            warn(
                f"{sentence}; the inner loops are not compiled, so scoring takes more CPU",
                "install a C compiler and LeadScore again (`make setup` in a checkout)",
            )
        ]
    return [ok(sentence)]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "of an unknown version"
