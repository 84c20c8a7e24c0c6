from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest

from benchmarks.contenders import CONTENDERS
from benchmarks.latency import LatencyRun
from benchmarks.memory import MemoryCase, MemoryRun
from benchmarks.plots import PLACES, lines, write_plots
from benchmarks.report import sections, write_sections
from benchmarks.results import Results
from benchmarks.scaling import Cost
from benchmarks.scores import Checked
from benchmarks.testbed import Run, Sample, rate_figures

CHECKED = Checked(events=100, repeats=0, worst=2e-7)
RUN = Run(30_000.0, 40_000.0, 200.0, CHECKED)
FOUND = Results(
    machine="a machine",
    command="make bench",
    speed={
        "leadscore": [RUN, replace(RUN, events_per_cpu_second=50_000.0), RUN],
        "stock": [replace(RUN, events_per_cpu_second=2_000.0)],
        "no-drift": [replace(RUN, events_per_cpu_second=41_000.0)],
    },
    stages={"decode": 5.0, "model": 10.0},
    latency={"leadscore": [LatencyRun(2000, 1999.0, 4, 20, 30, 41, 0.25, 0)]},
    costs=[Cost(1000, 4, 21.0, 150.0), Cost(100_000, 4, 20.0, 200.0)],
    memory=[
        MemoryRun(
            MemoryCase("zstd", 256_000, 8000), 1.3, 512, 198, 148, 64.0, 90, 40, 95, 8000, 0, 1
        )
    ],
)


def test_results_are_the_same_after_they_were_kept(tmp_path: Path) -> None:
    FOUND.save(tmp_path / "bench" / "results.json")
    assert Results.load(tmp_path / "bench" / "results.json") == FOUND


def test_the_tables_hold_medians_ranges_and_what_leadscore_is_to_stock_faust() -> None:
    found = sections(FOUND)
    assert (
        "| LeadScore as shipped | 30,000 | 40,000 (40,000 to 50,000) | 200 | 20.0 x |"
        in found["speed"]
    )
    assert "no score differs from the expected one by more than 2e-07" in found["speed"]
    assert "without drift" not in found["speed"]
    assert "| drift counting | 0.61 | 2.4% (2.4% to 2.4%) |" in found["parts"]
    assert "| Kafka and the rest | 10.0 | 40% |" in found["stages"]
    assert "| LeadScore as shipped | 2,000 | 4 | 20 | 30 | 25% |  |" in found["latency"]
    assert "| 100,000 | 4 | 20.0 | 200 |" in found["scaling"]
    assert (
        "| 8,000 of 256,000 bytes | zstd | 1.3 | 198 | 32 | 40 | 90 | 95 | 8,000 / 0 |"
        in found["memory"]
    )
    assert found["machine"] == "`make bench` on a machine."


def test_a_contender_that_scored_no_lead_in_time_has_no_latency(tmp_path: Path) -> None:
    none = math.nan
    behind = LatencyRun(90_000, 90_000.0, none, none, none, none, 1.0, 600_000)
    found = replace(FOUND, latency={**FOUND.latency, "stock": [behind]})
    name = CONTENDERS["stock"].name
    assert f"| {name} | 90,000 |  |  |  | 100% | 600,000 |" in sections(found)["latency"]
    written = write_plots(found, tmp_path)["latency-p50"].read_text()
    assert name in written
    assert "nan" not in written


def test_tables_take_the_place_of_the_last_ones_and_leave_the_rest_of_the_page() -> None:
    page = "# Page\n\n<!-- bench:speed -->\nold\n<!-- /bench:speed -->\n\nText.\n"
    written = write_sections(page, {"speed": "new", "latency": "more"})
    assert written == (
        "# Page\n\n<!-- bench:speed -->\nnew\n<!-- /bench:speed -->\n\nText.\n\n"
        "<!-- bench:latency -->\nmore\n<!-- /bench:latency -->\n"
    )
    assert write_sections(written, {"speed": "new", "latency": "more"}) == written


def test_plots_are_drawn_of_all_that_there_is(tmp_path: Path) -> None:
    paths = write_plots(FOUND, tmp_path)
    assert paths.keys() == PLACES.keys()
    assert set(PLACES.values()) <= sections(FOUND).keys()
    for path in paths.values():
        ElementTree.parse(path)
    bars = (tmp_path / "bench-speed.svg").read_text()
    assert "LeadScore as shipped" in bars
    assert "40,000" in bars


def test_rates_are_taken_in_the_middle_of_the_backlog() -> None:
    # Start-up is slow, and the end waits: neither counts.
    done = [0, 5, 10, 50, 95, 96, 100]
    at = [0.0, 8.0, 10.0, 12.0, 14.0, 30.0, 50.0]
    samples = [Sample(when, when / 2, count) for when, count in zip(at, done, strict=True)]
    assert rate_figures(samples, 100, (0.10, 0.95)) == (85 / 4, 85 / 2)


def test_too_few_samples_of_a_run_are_refused() -> None:
    with pytest.raises(click.ClickException, match="expected at least 3 samples of a run, got 1"):
        rate_figures([Sample(1.0, 1.0, 50)], 100, (0.10, 0.95))


def test_a_plot_from_zero_has_even_steps() -> None:
    memory = [(minute / 2, 240.0 + minute % 3) for minute in range(61)]
    root = ElementTree.fromstring(lines("Memory", "minutes", {"resident": memory}, from_zero=True))
    texts = [element.text for element in root if element.tag.endswith("text")]
    assert texts == [
        *("Memory", "0", "50", "100", "150", "200", "250"),
        *("0", "10", "20", "30", "minutes", "resident"),
    ]
