"""A stage on the secured broker: a test may do everything, its workers what they are granted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from click.testing import CliRunner

from schemas.errors import StartupError
from stream.cli.acls import acls
from stream.kafka.access import Operation
from stream.kafka.declared_rights import Right
from stream.kafka.topic_admin import verify_topics
from stream.settings import Settings
from testing.kafka_client import until
from tests.integration.secured_broker import USERS, SecuredBroker
from tests.integration.worker_process import Stage, WorkerProcess

OPERATIONS = {operation.title: operation for operation in Operation}
USER = "worker"


class SecuredStage:
    """A stage whose workers log in as a user without any right, but for those that are granted.

    Parameters
    ----------
    broker
        Authorizes.
    stage
        Has the topics; connects as who may do everything.
    """

    def __init__(self, broker: SecuredBroker, stage: Stage) -> None:
        self.broker = broker
        self.stage = stage
        self._log_in = {
            "LEADSCORE_KAFKA_BOOTSTRAP_SERVERS": broker.listeners["LOGIN"],
            "LEADSCORE_SECURITY_PROTOCOL": "SASL_SSL",
            "LEADSCORE_SSL_CAFILE": str(broker.authority.certificate),
            "LEADSCORE_SASL_MECHANISM": "SCRAM-SHA-256",
            "LEADSCORE_SASL_USERNAME": USER,
            "LEADSCORE_SASL_PASSWORD": USERS[USER],
        }

    @property
    def settings(self) -> Settings:
        return self.stage.settings

    def begin(self, **environment: str) -> WorkerProcess:
        return self.stage.begin(**self._log_in, **environment)

    async def start(self, **environment: str) -> WorkerProcess:
        worker = self.begin(**environment)
        await worker.ready()
        return worker

    def as_user(self) -> Stage:
        """Return the stage for a command that logs in as the user."""
        return Stage(self.stage.environment | self._log_in, self.stage.folder)

    def user_settings(self, **given: Any) -> Settings:
        """Settings with which the user logs in."""
        own = {
            name.removeprefix("LEADSCORE_").lower(): value for name, value in self._log_in.items()
        }
        return Settings.model_validate(self.settings.model_dump() | own | given)

    # Rights

    def printed(self, role: str, **environment: str) -> list[Right]:
        """The rights that are printed for a role, without the optional ones."""
        own = self.stage.environment | self._log_in | environment
        run = CliRunner().invoke(acls, ["--role", role, "--json"], env=own)
        assert run.exit_code == 0, run.output
        records = [orjson.loads(line) for line in run.output.splitlines()]
        assert {record["principal"] for record in records} == {f"User:{USER}"}
        assert {record["role"] for record in records} == {role}
        return [_right_of(record) for record in records if not record["is_optional"]]

    async def grant(self, rights: Iterable[Right]) -> None:
        await self.broker.grant(USER, rights)

    async def revoke(self, *rights: Right) -> None:
        await self.broker.revoke(USER, rights)

    async def until_allowed(self, **given: Any) -> None:
        """Wait until a start-up check finds no fault: the broker hears of rights a moment later."""

        async def is_allowed() -> bool:
            return await self.refusal(**given) is None

        await until(is_allowed, what="a start-up check without a fault")

    async def until_refused(self, **given: Any) -> str:
        """Wait until a start-up check finds a fault; returns its sentence."""
        said: list[str] = []

        async def is_refused() -> bool:
            said[:] = [sentence for sentence in [await self.refusal(**given)] if sentence]
            return bool(said)

        await until(is_refused, what="a start-up check with a fault")
        return said[0]

    async def refusal(self, **given: Any) -> str | None:
        """The sentence with which a start-up check refuses; None where it finds no fault."""
        try:
            await verify_topics(self.user_settings(**given))
        except StartupError as error:
            return str(error)
        return None


def _right_of(record: dict[str, Any]) -> Right:
    return Right(
        OPERATIONS[record["operation"]],
        record["resource_type"],
        record["resource_name"],
        record["pattern_type"] == "prefixed",
    )


async def last_sentence(worker: WorkerProcess, code: int) -> str:
    """The one sentence with which a worker ends, without a traceback and without a password."""
    assert await worker.ended(within=120) == code, worker.log.read_text()
    said = worker.log.read_text()
    assert "Traceback" not in said
    assert "NoneType: None" not in said
    assert USERS[USER] not in said
    [line] = [line for line in worker.errors() if line["level"] == "CRITICAL"]
    return str(line["message"])
