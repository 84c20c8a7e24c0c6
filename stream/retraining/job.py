"""Program of the child process of the role trainer: executes the plan on standard input.

It writes lines of JSON to standard output: the steps, and at the end the account or the error.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import IO, Any

from model.metadata import BundleError
from schemas.errors import FatalError
from stream.process.priority import give_way
from stream.retraining.execution import execute
from stream.retraining.plan import RetrainPlan
from stream.settings import load_settings

__all__ = ["main"]


def main() -> int:
    """Execute the plan; return the exit code."""
    give_way()
    # Libraries may print: only lines of this program go to the parent.
    with os.fdopen(os.dup(1), "w", buffering=1) as out:
        os.dup2(2, 1)
        return run(sys.stdin.buffer.read(), out)


def run(given: bytes, out: IO[str]) -> int:
    """Execute the plan in JSON, and write lines to ``out``; return the exit code."""
    plan = RetrainPlan.model_validate_json(given)
    try:
        account = asyncio.run(
            execute(load_settings(), plan, lambda step: _say(out, {"step": step}))
        )
    except (FatalError, BundleError) as error:
        _say(out, {"error": str(error)})
        return 1
    _say(out, {"account": account.model_dump(mode="json")})
    return 0


def _say(out: IO[str], line: dict[str, Any]) -> None:
    out.write(json.dumps(line) + "\n")
    out.flush()


if __name__ == "__main__":
    raise SystemExit(main())
