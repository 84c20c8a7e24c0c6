"""The name under which a client connects, and the uses that a worker makes of Kafka."""

from __future__ import annotations

from stream.kafka.access import SINKS, Use, client_name, uses_of
from stream.settings import Settings
from tests.unit.stream.kafka.test_rights import settings_of

ROLES = ("score", "drift", "all", "shadow", "archive", "rollout")


def test_the_user_is_named_as_it_is_configured() -> None:
    assert client_name(settings_of()) == "user ann"
    assert client_name(Settings()) == "user ANONYMOUS"
    assert client_name(Settings(security_protocol="SSL", ssl_certfile="me.pem")) == (
        "the owner of the certificate me.pem"
    )


def test_the_uses_of_a_worker_follow_from_its_role() -> None:
    uses = {role: uses_of(Settings(role=role, archive="archive")) for role in ROLES}
    assert uses == {
        "score": (Use.SCORE, Use.COUNT),
        "drift": (Use.DRIFT,),
        "all": (Use.SCORE, Use.COUNT, Use.DRIFT),
        "shadow": (Use.SHADOW,),
        "archive": (Use.ARCHIVE,),
        "rollout": (Use.ROLLOUT,),
    }


def test_the_use_of_a_sink_follows_from_its_content() -> None:
    uses = {content: uses_of(Settings(role="sink", sink_content=content)) for content in SINKS}
    assert uses == {
        "scores": (Use.SINK,),
        "leads": (Use.SINK_LEADS,),
        "overdue": (Use.SINK_OVERDUE,),
    }


def test_a_trainer_that_approves_by_itself_reads_the_verdict() -> None:
    assert uses_of(Settings(role="trainer", model="leads")) == (Use.TRAIN,)
    auto = Settings(role="trainer", model="leads", retrain_auto=True)
    assert uses_of(auto) == (Use.TRAIN, Use.VERDICT)
