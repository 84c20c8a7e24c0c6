"""Rights: what each role needs, and the sentence for what is missing, on a scripted broker."""

from __future__ import annotations

from collections.abc import Collection
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    InvalidTransactionTimeout,
    NotCoordinatorForGroupError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnknownMemberIdError,
    UnknownTopicOrPartitionError,
)
from aiokafka.protocol.group import HeartbeatRequest

from schemas.errors import StartupError
from stream.kafka.access import Operation, Use, uses_of
from stream.kafka.declared_rights import rights_of
from stream.kafka.rights import verify_rights
from stream.settings import Settings

LOG_IN = {
    "security_protocol": "SASL_SSL",
    "sasl_username": "ann",
    "sasl_password": "hush-hush",
}


class FakeClient:
    """Answers like a broker that lets its user do some things.

    Attributes
    ----------
    allowed
        Operations by topic; all others have all.
    refused
        Names of groups and transactional ids, and None for an idempotent producer.
    """

    def __init__(self) -> None:
        self.allowed: dict[str, set[Operation]] = {}
        self.refused: set[str | None] = set()
        self.missing: set[str] = set()
        self.timeout_limit_ms = 900_000
        self.says_operations = True
        self.asked: list[Any] = []

    def get_random_node(self) -> int:
        return 1

    async def send(self, node: int, request: Any) -> Any:
        self.asked.append(request)
        if isinstance(request, HeartbeatRequest):
            refused = request._group in self.refused
            kind = GroupAuthorizationFailedError if refused else UnknownMemberIdError
            return SimpleNamespace(error_code=kind.errno)
        if hasattr(request, "_transactional_id"):
            return SimpleNamespace(error_code=self._init_producer(request))
        topics = [self._topic(name) for name in request._topics]
        return SimpleNamespace(to_object=lambda: {"topics": topics})

    def _init_producer(self, request: Any) -> int:
        name = request._transactional_id
        if name is None:
            return ClusterAuthorizationFailedError.errno if None in self.refused else 0
        if name.rpartition("/")[0] + "/" in self.refused:
            return int(TransactionalIdAuthorizationFailed.errno)
        if request._transaction_timeout_ms > self.timeout_limit_ms:
            return int(InvalidTransactionTimeout.errno)
        return int(NotCoordinatorForGroupError.errno)  # whoever is asked looks at the rights first

    def _topic(self, name: str) -> dict[str, Any]:
        allowed = self.allowed.get(name, set(Operation))
        code = 0 if allowed else TopicAuthorizationFailedError.errno
        if allowed and name in self.missing:
            code = UnknownTopicOrPartitionError.errno
        described: dict[str, Any] = {
            "topic": name,
            "error_code": code,
            "partitions": [] if code else [{"replicas": [1], "isr": [1]}] * 2,
        }
        if self.says_operations:
            described["authorized_operations"] = sum(1 << operation for operation in allowed)
        return described


@pytest.fixture
def client() -> FakeClient:
    return FakeClient()


def settings_of(**given: Any) -> Settings:
    return Settings(**LOG_IN | given)


async def refusal(
    client: FakeClient, settings: Settings, uses: Collection[Use] | None = None
) -> str:
    with pytest.raises(StartupError) as refused:
        await verify_rights(client, settings, uses_of(settings) if uses is None else uses)
    assert "\n" not in str(refused.value)
    assert "hush-hush" not in str(refused.value)
    return str(refused.value)


async def test_a_user_with_all_rights_gets_the_topics(client: FakeClient) -> None:
    settings = settings_of(role="all", delivery="exactly_once")
    client.missing = {"leads.drift"}
    topics = await verify_rights(client, settings, uses_of(settings))
    assert topics["leads.created"].partitions == 2
    assert topics["leads.drift"].partitions is None


async def test_a_missing_right_is_named_with_its_user(client: FakeClient) -> None:
    client.allowed["leads.scored"] = {Operation.READ, Operation.DESCRIBE}
    assert await refusal(client, settings_of()) == (
        "expected user ann to have the right Write on the topic leads.scored in Kafka, but it does"
        " not: `leadscore acls --role score` prints the commands that grant it"
    )


async def test_a_topic_that_may_not_be_seen_is_no_topic_that_is_missing(client: FakeClient) -> None:
    client.allowed["leads.created"] = set()
    sentence = await refusal(client, settings_of())
    assert "the right Read on the topic leads.created in Kafka" in sentence
    assert "does not exist" not in sentence


async def test_all_missing_rights_are_named_at_once(client: FakeClient) -> None:
    settings = settings_of(role="all", delivery="exactly_once")
    client.allowed["leads.drift"] = set()
    client.refused = {"leadscore", "leadscore-drift", "leadscore/leads.created/"}
    sentence = await refusal(client, settings)
    assert (
        "Read on the topic leads.drift, Write on the topic leads.drift, Read on the group"
        " leadscore, Read on the group leadscore-drift and Write on the transactional ids that"
        " begin with leadscore/leads.created/ in Kafka"
    ) in sentence
    assert "`leadscore acls --role all`" in sentence


async def test_an_older_broker_wants_idempotent_write(client: FakeClient) -> None:
    client.refused = {None}
    sentence = await refusal(client, settings_of())
    assert "the right IdempotentWrite on the cluster in Kafka" in sentence


async def test_a_user_without_write_needs_no_idempotent_write(client: FakeClient) -> None:
    """Kafka refuses the producer of whoever may not write anywhere: that is no second cause."""
    client.refused = {None}
    client.allowed["leads.scored"] = set()
    assert "IdempotentWrite" not in await refusal(client, settings_of())


async def test_a_command_that_only_reads_needs_no_producer(client: FakeClient) -> None:
    client.refused = {None}
    await verify_rights(client, settings_of(), (Use.SNAPSHOT,))
    assert client.asked
    assert not any(hasattr(request, "_transactional_id") for request in client.asked)


async def test_transactions_longer_than_the_brokers_allow_are_refused(client: FakeClient) -> None:
    client.timeout_limit_ms = 60_000
    sentence = await refusal(client, settings_of(delivery="exactly_once"))
    assert "expected the brokers to allow transactions of 120100 ms" in sentence
    assert "transaction.max.timeout.ms is smaller" in sentence
    assert "LEADSCORE_DELIVERY_TIMEOUT_SECONDS" in sentence


async def test_the_check_takes_no_transactional_id_of_a_worker(client: FakeClient) -> None:
    settings = settings_of(delivery="exactly_once")
    await verify_rights(client, settings, uses_of(settings))
    ids = [getattr(request, "_transactional_id", None) for request in client.asked]
    assert [name for name in ids if name] == ["leadscore/leads.created/check"]


async def test_a_broker_that_lists_no_operations_is_trusted(client: FakeClient) -> None:
    client.says_operations = False
    client.allowed["leads.scored"] = {Operation.DESCRIBE}
    topics = await verify_rights(client, settings_of(), uses_of(settings_of()))
    assert topics["leads.scored"].partitions == 2


async def test_a_topic_may_be_created_by_a_right_on_the_cluster(client: FakeClient) -> None:
    created = rights_of(settings_of(), (Use.CREATE,))
    client.allowed = {right.name: {Operation.DESCRIBE} for right in created}
    await verify_rights(client, settings_of(), (Use.CREATE,))
    client.allowed = {right.name: set() for right in created}
    sentence = await refusal(client, settings_of(), (Use.CREATE,))
    assert "Describe on the topic leads.scored" in sentence
