"""Check the Kafka rights of this client at start-up, before they are needed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import InvalidTransactionTimeout

from schemas.errors import StartupError
from stream.kafka.access import Operation, Use, client_name
from stream.kafka.declared_rights import CHECK_ID, CLUSTER, Right, rights_of
from stream.kafka.producer import transaction_limit_ms
from stream.kafka.requests import (
    DescribedTopic,
    describe_topics,
    may_produce,
    may_read_group,
    try_transactions,
)
from stream.settings import PREFIX, Settings

__all__ = ["refusal", "verify_rights"]

IDEMPOTENT = Right(Operation.IDEMPOTENT_WRITE, "cluster", CLUSTER)
"""Required by brokers before Kafka 2.8; later ones require only Write on a topic."""


async def verify_rights(
    client: AIOKafkaClient, settings: Settings, uses: Collection[Use]
) -> Mapping[str, DescribedTopic]:
    """Check that this client has the rights of some uses.

    Parameters
    ----------
    client
        Sends the requests.
    settings
        Names of the resources, and the client's identity.
    uses
        The uses.

    Returns
    -------
    mapping of str to DescribedTopic
        The topics of these uses by name, including missing ones.

    Raises
    ------
    StartupError
        A right is missing, or the broker's transaction timeout is too short. The message names the
        user, the operation and the resource.
    KafkaError
        Kafka does not answer.
    """
    rights = rights_of(settings, uses)
    names = dict.fromkeys(right.name for right in rights if right.type == "topic")
    topics = await describe_topics(client, names)
    missing = [right async for right in _missing(client, settings, rights, topics)]
    if missing:
        raise StartupError(refusal(settings, missing, uses))
    return topics


async def _missing(
    client: AIOKafkaClient,
    settings: Settings,
    rights: Sequence[Right],
    topics: Mapping[str, DescribedTopic],
) -> AsyncIterator[Right]:
    may_write = True
    for right in rights:
        if right.type == "topic":
            allowed = topics[right.name].operations
            # Create on the cluster makes Create on the topic unnecessary; creating it shows which.
            if allowed is None or right.operation in allowed or right.operation == Operation.CREATE:
                continue
            may_write = may_write and right.operation != Operation.WRITE
            yield right
        elif right.type == "group":
            if not await may_read_group(client, right.name):
                yield right
        elif not await _may_transact(client, settings, right):
            yield right
    writes = any(right.operation == Operation.WRITE for right in rights)
    if writes and may_write and not await may_produce(client):
        yield IDEMPOTENT


async def _may_transact(client: AIOKafkaClient, settings: Settings, right: Right) -> bool:
    asked_ms = transaction_limit_ms(settings)
    refused = await try_transactions(client, f"{right.name}{CHECK_ID}", asked_ms)
    if refused is InvalidTransactionTimeout:
        raise StartupError(
            f"expected the brokers to allow transactions of {asked_ms} ms"
            f" ({PREFIX}DELIVERY_TIMEOUT_SECONDS and {PREFIX}TRANSACTION_INTERVAL_MS), but their"
            " transaction.max.timeout.ms is smaller: raise it on every broker, or set"
            f" {PREFIX}DELIVERY_TIMEOUT_SECONDS lower"
        )
    return refused is None


def refusal(settings: Settings, missing: Sequence[Right], uses: Collection[Use]) -> str:
    """Return the message that names the user, the missing rights, and how to grant them."""
    *others, last = map(str, missing)
    listed = f"{', '.join(others)} and {last}" if others else last
    workers = {Use.SCORE: "score", Use.SHADOW: "shadow", Use.DRIFT: "drift"}
    roles = [role for use, role in workers.items() if use in uses] or [str(use) for use in uses]
    role = "all" if len(roles) > 1 else roles[0]
    return (
        f"expected {client_name(settings)} to have the right {listed} in Kafka, but it does not:"
        f" `leadscore acls --role {role}` prints the commands that grant it"
    )
