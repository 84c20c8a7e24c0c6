"""A broker with an authorizer, log-ins and TLS: a listener for each way to be refused."""

from __future__ import annotations

from collections.abc import Iterable

from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest

from stream.broker.java import JavaBroker, fetch_jars, find_java
from stream.broker.node import HOST, free_ports
from stream.kafka.access import ResourceType
from stream.kafka.declared_rights import Right
from tests.certificates import DAY, Authority

USERS = {"worker": "open-sesame"}
"""Passwords."""
LISTENERS = {
    "LOGIN": "SASL_SSL",
    "PLAINLOGIN": "SASL_PLAINTEXT",
    "EXPIRED": "SSL",
    "ELSEWHERE": "SSL",
    "MUTUAL": "SSL",
    "TLS": "SSL",
}
"""Listeners beside the plain one, and their protocols."""
TYPES: dict[ResourceType, int] = {"topic": 2, "group": 3, "cluster": 4, "transactional-id": 5}
SCRAM_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
LITERAL, PREFIXED, ALLOW = 3, 4, 3


class SecuredBroker(JavaBroker):
    """Kafka with StandardAuthorizer and SCRAM.

    Who comes in by the plain listener, or by one of TLS without a certificate, may do everything.

    Attributes
    ----------
    listeners
        Address of each listener of `LISTENERS`.
    away, nowhere
        Address of one more listener, and the address that it sends clients on to.
    authority
        Has signed the certificates of all listeners.
    """

    def __init__(self) -> None:
        super().__init__(find_java(), fetch_jars())

    def _format_options(self) -> tuple[str, ...]:
        users = [
            word
            for name, password in USERS.items()
            for word in ("--add-scram", f"SCRAM-SHA-256=[name={name},password={password}]")
        ]
        return (*super()._format_options(), *users)

    def _properties(self) -> dict[str, str]:
        properties = super()._properties()
        ports = free_ports(len(LISTENERS))
        self.listeners = {
            listener: f"{HOST}:{port}" for listener, port in zip(LISTENERS, ports, strict=True)
        }
        self.authority = Authority(self.folder)
        ours = self.authority.sign("broker", alternatives=(HOST, "localhost"))
        keys = dict.fromkeys(LISTENERS, ours) | {
            "EXPIRED": self.authority.sign("expired", alternatives=(HOST,), ends_in=-DAY),
            "ELSEWHERE": self.authority.sign("elsewhere", alternatives=("kafka.example",)),
        }
        listeners = "".join(f",{listener}://{at}" for listener, at in self.listeners.items())
        away, self.away, self.nowhere = "AWAY", *(f"{HOST}:{port}" for port in free_ports(2))
        properties["listeners"] += f"{listeners},{away}://{self.away}"
        properties["advertised.listeners"] += f"{listeners},{away}://{self.nowhere}"
        properties["listener.security.protocol.map"] += f",{away}:PLAINTEXT" + "".join(
            f",{listener}:{protocol}" for listener, protocol in LISTENERS.items()
        )
        properties |= {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            "sasl.enabled.mechanisms": "SCRAM-SHA-256",
            "transaction.max.timeout.ms": "300000",
        }
        for listener, key in keys.items():
            own = f"listener.name.{listener.lower()}"
            properties |= {
                f"{own}.ssl.keystore.type": "PEM",
                f"{own}.ssl.keystore.location": str(key),
                f"{own}.ssl.truststore.type": "PEM",
                f"{own}.ssl.truststore.location": str(self.authority.certificate),
                f"{own}.scram-sha-256.sasl.jaas.config": SCRAM_LOGIN,
                f"{own}.ssl.client.auth": "required" if listener == "MUTUAL" else "none",
            }
        return properties

    async def grant(self, user: str, rights: Iterable[Right]) -> None:
        """Grant a user a right."""
        await self._change(CreateAclsRequest, user, rights)

    async def revoke(self, user: str, rights: Iterable[Right]) -> None:
        """Revoke a right of a user."""
        await self._change(DeleteAclsRequest, user, rights)

    async def _change(self, request: type, user: str, rights: Iterable[Right]) -> None:
        client = AIOKafkaClient(bootstrap_servers=self.bootstrap)
        await client.bootstrap()
        try:
            for right in rights:
                pattern = PREFIXED if right.is_prefix else LITERAL
                what = (TYPES[right.type], right.name, pattern)
                allowed = (f"User:{user}", "*", int(right.operation), ALLOW)
                answer = await client.send(client.get_random_node(), request(*what, *allowed))
                [(code, *_)] = answer.get_item(answer.SCHEMA.names[1])
                assert code == 0, answer
        finally:
            await client.close()
