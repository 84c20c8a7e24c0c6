"""Real Kafka for all rings that need it: given, in Docker, or from its jars; never the mock."""

from __future__ import annotations

import fcntl
import gzip
import os
import signal
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from features.table_file import read_table
from model.bundle import Bundle, load_bundle
from model.registry import Registry
from schemas.errors import StartupError
from stream.broker import BreakableBroker, Broker, BrokerKind, open_broker, pick_broker
from stream.simulator.lead_file import leads_of
from stream.simulator.playing import Lead
from testing.kafka_client import TopicFactory
from tests.integration.secured_broker import SecuredBroker
from tests.integration.secured_stage import SecuredStage
from tests.integration.worker_process import CONTACT, Stage

CONTACTS = Path("data/bank_marketing/contacts.csv.gz")
TRAINED_EVERY = 5
"""One contact in this many is enough for a model to test with."""

REMEDY = "this ring runs on real Kafka only and does not skip"


if "CI" not in os.environ:  # where Hypothesis has a profile of its own, without a deadline either
    settings.register_profile("busy machine", deadline=None)
    settings.load_profile("busy machine")


def pytest_configure() -> None:
    """Restore SIGINT for child processes, as a pytest in the background ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def kafka() -> Iterator[Broker]:
    """The broker that all tests share; keep to topics and groups of your own."""
    try:
        opened = open_broker(require_real=True)
        broker = opened.__enter__()
    except StartupError as error:
        pytest.fail(f"{error}; {REMEDY}", pytrace=False)
    yield broker
    opened.__exit__(None, None, None)


@pytest.fixture
def breakable_kafka() -> Iterator[BreakableBroker]:
    """A broker of the test's own, to pause, kill and restart."""
    try:
        broker = pick_broker((BrokerKind.DOCKER, BrokerKind.JAVA))
    except StartupError as error:
        pytest.fail(f"{error}; {REMEDY}", pytrace=False)
    yield broker  # type: ignore[misc]
    broker.close()


@pytest.fixture
async def topics(kafka: Broker) -> AsyncIterator[TopicFactory]:
    """Topics of this test alone: `name = await topics.create("leads.created", partitions=4)`."""
    factory = TopicFactory(kafka.bootstrap, f"t{uuid.uuid4().hex[:12]}.")
    yield factory
    await factory.delete_all()


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this run of pytest share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def bank_sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV of some of the bank's contacts."""
    sample = tmp_path_factory.mktemp("bank") / "sample.csv"
    with gzip.open(CONTACTS, "rt") as contacts:
        header, *rows = contacts
    sample.write_text(header + "".join(rows[::TRAINED_EVERY]))
    return sample


@pytest.fixture(scope="session")
def bank_model(bank_sample: Path, run_folder: Path) -> Bundle:
    """A model of the bank's contacts; its registry is two folders up.

    It is trained once a run: the first process that needs it trains it, the others wait. Tests
    that publish or set an alias copy the registry.
    """
    # Here, as it takes seconds, and most runs train nothing.
    from model.training.train import TrainOptions, train

    registry = Registry(run_folder / "bank" / "models")
    (run_folder / "bank").mkdir(exist_ok=True)
    with (run_folder / "bank" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not registry.versions("bank"):
            options = TrainOptions(
                target="y",
                id="lead_id",
                exclude=("duration",),
                schema=CONTACT.avro,
                name="bank",
                seed=7,
            )
            registry.publish("bank", train(read_table(bank_sample), options).artefacts)
    return load_bundle(registry.resolve("bank"), None)


@pytest.fixture(scope="session")
def contacts() -> list[Lead]:
    """All of the bank's contacts, in the order of time."""
    return leads_of(read_table(CONTACTS), CONTACT, lead_id="lead_id", time="created_at")


StageSetter = Callable[..., Stage]


@pytest.fixture
def set_stage(tmp_path: Path, bank_model: Bundle) -> Iterator[StageSetter]:
    """Set a stage on a broker: `stage = set_stage(kafka.bootstrap, LEADSCORE_ROLE="score")`."""
    stages = []

    def set_stage(bootstrap: str, **environment: str) -> Stage:
        run = uuid.uuid4().hex[:12]
        given = {
            "LEADSCORE_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "LEADSCORE_TOPIC_PREFIX": f"t{run}.",
            "LEADSCORE_GROUP_ID": f"g{run}",
            "LEADSCORE_REGISTRY": str(Path(bank_model.location).parents[1]),
            "LEADSCORE_MODEL": "bank",
            "LEADSCORE_SESSION_TIMEOUT_MS": "6000",
        }
        folder = tmp_path / run
        folder.mkdir()
        stages.append(Stage(given | environment, folder))
        return stages[-1]

    yield set_stage
    for stage in stages:
        stage.end()


@pytest.fixture
async def stage(
    kafka: Broker, topics: TopicFactory, set_stage: StageSetter
) -> AsyncIterator[Stage]:
    """A stage on the shared broker, its topics made."""
    stage = set_stage(kafka.bootstrap, LEADSCORE_TOPIC_PREFIX=topics.prefix)
    await stage.create_topics()
    yield stage
    stage.end()


@pytest.fixture(scope="session")
def secured_kafka() -> Iterator[SecuredBroker]:
    """A broker with log-ins, TLS and rights that all tests share; keep to names of your own."""
    broker = SecuredBroker()
    yield broker
    broker.close()


@pytest.fixture
async def secured(secured_kafka: SecuredBroker, set_stage: StageSetter) -> SecuredStage:
    """A stage on that broker, its topics made, whose workers have the rights that they are given.

    A window of drift is of 30 days, as the contacts are of two and a half years.
    """
    stage = set_stage(
        secured_kafka.bootstrap,
        LEADSCORE_DRIFT_WINDOW_SECONDS=str(30 * 86_400),
        LEADSCORE_DRIFT_HORIZONS="1",
        LEADSCORE_DRIFT_LATENESS_SECONDS="0",
        LEADSCORE_DRIFT_IDLE_SECONDS="1",
        LEADSCORE_DRIFT_SEASON_SECONDS="0",
    )
    await stage.create_topics()
    return SecuredStage(secured_kafka, stage)
