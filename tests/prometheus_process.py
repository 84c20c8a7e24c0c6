"""A real Prometheus for a test: our rules, their patience scaled down, and ports of its own."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import yaml

from testing.kafka_client import until
from tests.prometheus_files import PROMETHEUS, needed

PATIENCE = "3s"
"""Value of every `for:` of the rules in a test."""


class RealPrometheus:
    """Scrapes and evaluates twice a second while it is open: ``async with RealPrometheus(...)``.

    Parameters
    ----------
    folder
        Where it may write.
    targets
        By job, the ports on this machine that it scrapes.
    """

    def __init__(self, folder: Path, targets: Mapping[str, list[int]]) -> None:
        self._program = needed("prometheus", "prometheus")
        self._folder = folder
        self._targets = targets

    async def __aenter__(self) -> Self:
        self._write_rules()
        log = self._folder / "prometheus.log"
        self._process = self._started(log)
        address = re.compile(r'"Listening on" address=(\S+)')
        try:
            await until(lambda: bool(address.search(log.read_text())), what="Prometheus' address")
            [self.address] = address.findall(log.read_text())
            self._session = aiohttp.ClientSession(f"http://{self.address}")
            await until(self._is_ready, what="a ready Prometheus")
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._end()

    async def alerts(self) -> dict[str, set[str]]:
        """The states, pending or firing, that each alert's instances are in."""
        states: dict[str, set[str]] = {}
        for alert in (await self._ask("/api/v1/alerts"))["alerts"]:
            states.setdefault(alert["labels"]["alertname"], set()).add(alert["state"])
        return states

    async def alerts_named(self, name: str) -> list[dict[str, Any]]:
        """Every instance of an alert, as the API has it."""
        alerts = (await self._ask("/api/v1/alerts"))["alerts"]
        return [alert for alert in alerts if alert["labels"]["alertname"] == name]

    async def rules_in_error(self) -> list[str]:
        """Return the errors of evaluated rules."""
        groups = (await self._ask("/api/v1/rules"))["groups"]
        return [
            rule["lastError"]
            for group in groups
            for rule in group["rules"]
            if rule.get("lastError")
        ]

    async def query(self, expression: str) -> list[Any]:
        """Return the result of an instant query."""
        answer = await self._ask("/api/v1/query", query=expression)
        return list(answer["result"])

    async def _ask(self, path: str, **parameters: str) -> Any:
        async with self._session.get(path, params=parameters) as response:
            answer = await response.json()
        assert answer["status"] == "success", answer
        return answer["data"]

    async def _is_ready(self) -> bool:
        async with self._session.get("/-/ready") as response:
            return response.status == 200

    async def _end(self) -> None:
        if session := getattr(self, "_session", None):
            await session.close()
        self._process.terminate()
        await until(lambda: self._process.poll() is not None, what="Prometheus' end")

    def _started(self, log: Path) -> subprocess.Popen[bytes]:
        with log.open("wb") as file:
            return subprocess.Popen(
                [
                    self._program,
                    f"--config.file={self._folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self._folder / 'data'}",
                    "--web.listen-address=127.0.0.1:0",
                ],
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    def _write_rules(self) -> None:
        for name in ("recording.yml", "alerts.yml"):
            rules = yaml.safe_load((PROMETHEUS / name).read_text())
            for group in rules["groups"]:
                for rule in group["rules"]:
                    if "for" in rule:
                        rule["for"] = PATIENCE
            (self._folder / name).write_text(yaml.safe_dump(rules))
        config = {
            "global": {
                "scrape_interval": "500ms",
                "evaluation_interval": "500ms",
                "scrape_timeout": "500ms",
            },
            "rule_files": ["recording.yml", "alerts.yml"],
            "scrape_configs": [
                {
                    "job_name": job,
                    "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in ports]}],
                }
                for job, ports in self._targets.items()
            ],
        }
        (self._folder / "prometheus.yml").write_text(yaml.safe_dump(config))
