"""`python -m tests.chaos.second_audit`: audit a run by hand; prints the account as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.chaos.second_audit.account import Account, Target, audit, audit_within

SCHEMAS = Path(__file__).parents[3] / "schemas"
FAULTS_FOUND = 1


def main(arguments: list[str] | None = None) -> int:
    """Audit, print the account, and return 1 where a rule is broken."""
    given = _parser().parse_args(arguments)
    account = _audit(given)
    print(json.dumps(account.as_json(), indent=2))
    return FAULTS_FOUND if account.faults.counts else 0


def _audit(given: argparse.Namespace) -> Account:
    prefix = given.prefix
    target = Target(
        bootstrap=given.bootstrap,
        group=given.group,
        leads=f"{prefix}leads.created",
        scored=f"{prefix}leads.scored",
        dead=f"{prefix}leads.created.dlq",
        partials=None if given.no_drift else f"{prefix}leads.drift.partials",
        bundles=tuple(given.bundle),
        schemas=(SCHEMAS, SCHEMAS / "older", *given.schemas),
        window_ms=given.window_seconds * 1000,
        max_event_bytes=given.max_event_bytes,
        exactly_once=given.exactly_once,
        reads_committed=given.read_committed,
        commits_are_ours=given.own_commits,
        reports=f"{prefix}leads.drift" if given.reports else None,
    )
    return audit(target, at_rest=False) if given.running else audit_within(target, given.within)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos.second_audit",
        description="Audit what LeadScore's workers made of a topic, sharing no code with them:"
        " every lead out once, scored or dead; order; committed offsets; drift counts."
        " Exit code 1 where a rule is broken.",
    )
    add = parser.add_argument
    add("--bootstrap", required=True, help="Kafka's address")
    add("--group", required=True, help="the workers' consumer group")
    add("--prefix", default="", help="of the topics' names (LEADSCORE_TOPIC_PREFIX)")
    add("--bundle", action="append", required=True, type=Path, metavar="MODEL.ONNX",
        help="a model that may have scored; repeat for several")  # fmt: skip
    add("--schemas", action="append", default=[], type=Path, metavar="FOLDER",
        help="more .avsc files (LEADSCORE_SCHEMA_DIR)")  # fmt: skip
    add("--window-seconds", type=int, default=300, help="of drift (300)")
    add("--max-event-bytes", type=int, default=262_144, help="the workers' limit (262144)")
    add("--exactly-once", action="store_true", help="read committed events; repeats are faults")
    add("--read-committed", action="store_true", help="the workers read committed leads only")
    add("--running", action="store_true",
        help="leads still come: check what is committed, and no drift")  # fmt: skip
    add("--own-commits", action="store_true",
        help="every commit must have the metadata of a worker of this version")  # fmt: skip
    add("--reports", action="store_true",
        help="check the drift worker's reports, too: no lead may have come late")  # fmt: skip
    add("--no-drift", action="store_true", help="the workers count nothing for drift")
    add("--within", type=float, default=30.0, metavar="SECONDS",
        help="time in which what is on its way may come out (30)")  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main())
