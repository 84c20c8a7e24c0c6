"""Count what a re-drive would send, without sending anything."""

from __future__ import annotations

from contextlib import aclosing

from stream.dead_letters.account import Account, LeftReason
from stream.dead_letters.choice import Choice
from stream.dead_letters.dead_letter_log import DeadLetterLog, Span
from stream.dead_letters.ledger import Plan
from stream.dead_letters.source_retention import SourceRetention

__all__ = ["dry_run"]


async def dry_run(
    plan: Plan, log: DeadLetterLog, choice: Choice, retention: SourceRetention
) -> Account:
    """Return the account that a plan would have.

    Raises
    ------
    FatalError
        Kafka stopped answering.
    KafkaError
        The source topic can't be read.
    """
    account = Account()
    spans = {number: Span(*bounds) for number, bounds in plan.spans.items()}
    async with aclosing(log.read_all(spans)) as records:
        async for record in records:
            account.read += 1
            outcome = await choice.of(record)
            if isinstance(outcome, LeftReason):
                account.left[outcome] += 1
            else:
                account.sent += 1
                account.outlived += retention.is_over(outcome.timestamp)
            if account.sent == plan.limit:
                break
    account.is_complete = True
    return account
