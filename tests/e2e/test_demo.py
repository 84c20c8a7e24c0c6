"""`leadscore demo` as a newcomer runs it: to its end, and stopped by Ctrl-C at any moment."""

from __future__ import annotations

import gzip
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

CONTACTS = Path("data/bank_marketing/contacts.csv.gz")
LEADSCORE = Path(sys.executable).with_name("leadscore")
STORY = ("Trigger", "Retrain", "Gate", "Shadow", "Verdict", "Canary", "Live", "AUC")
WITHIN = 840
"""Seconds for a whole demo, on a machine that is busy with other tests."""
MARK = "E2E_MARK"
"""Every process of a run inherits this variable: by it they are found."""
GONE_WITHIN = 60.0
"""Seconds from Ctrl-C to the end."""
STEP_WITHIN = 180.0
"""Seconds, on a machine that is busy with other tests; a moment that comes is seen at once."""

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="finds processes in Linux' /proc"
)


class Demo:
    """A run of the demo in a process group, a folder and a temporary folder of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.mark = f"{MARK}={uuid.uuid4().hex}"
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self._output = folder / "output.txt"
        name, _, value = self.mark.partition("=")
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [LEADSCORE, "demo", "--folder", str(folder / "demo"), *options],
                env=os.environ | {name: value, "TMPDIR": str(self.temporary), "COLUMNS": "120"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
            )

    @property
    def output(self) -> str:
        return self._output.read_text()

    def says(self, words: str) -> bool:
        return words in self.output

    def processes(self) -> dict[int, str]:
        """All processes of the run, with their commands."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if self.mark.encode() in (folder / "environ").read_bytes().split(b"\0"):
                    command = (folder / "cmdline").read_bytes()
                    found[int(folder.name)] = command.replace(b"\0", b" ").decode()
        return found

    def runs(self, words: str) -> bool:
        return any(words in command for command in self.processes().values())

    def has_loaded(self, library: str) -> bool:
        """Whether the command's own process has loaded a library's extension."""
        return library in Path(f"/proc/{self.process.pid}/maps").read_text()

    def until(self, moment: Callable[[Demo], bool]) -> None:
        deadline = time.monotonic() + STEP_WITHIN
        while not moment(self):
            assert self.process.poll() is None, f"it ended too early:\n{self.output}"
            assert time.monotonic() < deadline, f"the moment did not come:\n{self.output}"
            time.sleep(0.01)

    def until_gone(self) -> None:
        """Wait until no process of the run is left."""
        deadline = time.monotonic() + GONE_WITHIN
        while found := self.processes():
            assert time.monotonic() < deadline, found
            time.sleep(0.01)

    def end(self) -> None:
        """End what is left of it."""
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def run_demo(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    runs: list[Demo] = []

    def run(*options: str) -> Demo:
        runs.append(Demo(tmp_path, *options))
        return runs[-1]

    yield run
    for demo in runs:
        demo.end()


@pytest.fixture(scope="module")
def few_contacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every fourth contact: a demo that trains in a moment."""
    with gzip.open(CONTACTS, "rt") as contacts:
        header, *rows = contacts
    path = tmp_path_factory.mktemp("contacts") / "contacts.csv"
    path.write_text(header + "".join(rows[::4]))
    return path


def _number(pattern: str, output: str) -> int:
    found = re.search(pattern, output, re.MULTILINE)
    assert found, output
    return int(found[1].replace(",", ""))


@pytest.mark.timeout(WITHIN + 60)
@pytest.mark.long
@pytest.mark.parametrize("broker", ["java", "mock"])
def test_it_ends_with_every_lead_accounted_for_and_a_summary(
    run_demo: Callable[..., Demo], tmp_path: Path, broker: str
) -> None:
    demo = run_demo("--broker", broker, "--rate", "3000")
    assert demo.process.wait(WITHIN) == 0, demo.output
    assert demo.processes() == {}
    assert list(demo.temporary.iterdir()) == []
    output = demo.output
    audit = r"^Audit +every lead of the 16,475 that were sent has a score \(([\d,]+)\)"
    scored = _number(audit, output)
    assert 0 < _number(r"^Dead +([\d,]+) ", output) <= 16_475 - scored
    for said in (
        "Broker   Apache Kafka" if broker == "java" else "Broker   librdkafka's mock broker",
        "Trained  on 24,713 contacts",
        "leads/s",
        "p99",
        "AUC",
        "calibration error",
        "Next ",
    ):
        assert said in output
    if broker == "java":  # the mock broker can't look records up by time
        shows_drift_and_a_new_model(output)
        [report] = (tmp_path / "demo/reports").glob("*/report.html")
        assert f"Report   {report}" in output
    assert (tmp_path / "demo/models/bank/1/model.onnx").is_file()
    metrics = (tmp_path / "demo/metrics.prom").read_text()
    assert _number(r"^leadscore_leads_scored_total (\d+)", metrics) == scored
    logs = [log.read_text() for log in (tmp_path / "demo").glob("*.log")]
    assert "Traceback" not in "".join([output, *logs])


def shows_drift_and_a_new_model(output: str) -> None:
    assert re.search(r"^Drift +360d to \w+ 2009: \d+ of 20 fields drifted", output, re.M)
    assert re.search(r"^ +euribor3m +PSI +\d+\.\d+ critical since Nov 2008", output, re.M)
    story = [line[:8].strip() for line in output.splitlines()]
    story = [word for word in story if word in STORY]
    assert story == [*STORY[:6], "Canary", *STORY[6:]], output
    assert re.search(r"^Verdict +Better with 95 %: yes", output, re.M)
    before, after = re.findall(r"^AUC +(0\.\d+) before, (0\.\d+) retrained", output, re.M)[0]
    assert float(after) > float(before) + 0.05


MOMENTS: dict[str, Callable[[Demo], bool]] = {
    "as the command is imported": lambda demo: demo.has_loaded("numpy"),
    "as the broker starts": lambda demo: demo.runs("kafka.Kafka"),
    "as the model is trained": lambda demo: demo.says("Topics "),
    "as the worker starts": lambda demo: demo.runs("-m stream worker"),
    "as leads are scored": lambda demo: demo.says("scored; "),
    "as a model is retrained": lambda demo: demo.runs("stream.retraining.job"),
}
ALWAYS = ("as the model is trained",)
"""The moments that `make test` stops it at, too."""


@pytest.mark.parametrize(
    ("moment", "whom"),
    # By turns: Ctrl-C in a terminal goes to the group, a supervisor's to the command alone.
    [
        pytest.param(
            moment,
            ("its process group", "the command alone")[i % 2],
            marks=() if moment in ALWAYS else pytest.mark.long,
        )
        for i, moment in enumerate(MOMENTS)
    ],
)
def test_ctrl_c_leaves_nothing_behind(
    run_demo: Callable[..., Demo], few_contacts: Path, moment: str, whom: str
) -> None:
    demo = run_demo("--broker", "java", "--rate", "1500", "--contacts", str(few_contacts))
    demo.until(MOMENTS[moment])
    kill = os.kill if whom == "the command alone" else os.killpg
    kill(demo.process.pid, signal.SIGINT)
    code = demo.process.wait(GONE_WITHIN)
    assert code == 130, demo.output
    assert "Traceback" not in demo.output
    assert demo.processes() == {}
    assert list(demo.temporary.iterdir()) == []


def test_sigterm_ends_it_like_ctrl_c(run_demo: Callable[..., Demo], few_contacts: Path) -> None:
    demo = run_demo("--broker", "mock", "--contacts", str(few_contacts))
    demo.until(MOMENTS["as the model is trained"])
    demo.process.terminate()
    assert demo.process.wait(GONE_WITHIN) == 130, demo.output
    assert demo.processes() == {}


@pytest.mark.long
def test_a_killed_demo_takes_its_children_along(
    run_demo: Callable[..., Demo], few_contacts: Path
) -> None:
    demo = run_demo("--broker", "java", "--contacts", str(few_contacts))
    demo.until(MOMENTS["as the worker starts"])
    assert len(demo.processes()) == 3
    demo.process.kill()
    demo.process.wait()
    demo.until_gone()
