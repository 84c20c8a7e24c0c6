"""Files that no Python imports speak of settings, commands and paths that exist."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any, get_args

import click
import pytest
import yaml

from stream.__main__ import main
from stream.cli.replay import replay
from stream.cli.score import score
from stream.process.exit_codes import EXIT_UNBALANCED
from stream.replay.shards import INDEX, parse_shard
from stream.settings import Settings, variable_of

ROOT = Path(__file__).parents[3]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.kafka.yml").read_text())
SERVICES = COMPOSE["services"]
SCRAPED = yaml.safe_load((ROOT / "monitoring/prometheus/prometheus.yml").read_text())[
    "scrape_configs"
]
ROLES = set(get_args(Settings.model_fields["role"].annotation))
DOCKERFILE = (ROOT / "Dockerfile").read_text()
RELEASE = (ROOT / ".github/workflows/release.yml").read_text()
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize("name", ["docker-compose.kafka.yml", "Dockerfile"])
def test_every_setting_that_is_set_exists(name: str) -> None:
    known = {variable_of(field) for field in Settings.model_fields}
    named = set(re.findall(r"\bLEADSCORE_[A-Z0-9_]+", (ROOT / name).read_text()))
    assert named
    assert named <= known


def test_every_command_that_is_run_exists() -> None:
    procfile = dict(
        line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines() if line
    )
    commands = [command.split()[1] for command in procfile.values()]
    commands += [service["command"][0] for service in SERVICES.values() if is_ours(service)]
    assert set(commands) <= set(main.list_commands(click.Context(main)))
    assert all(command.split()[0] == "leadscore" for command in procfile.values())


@pytest.mark.parametrize("role", sorted(ROLES - {"all"}))
def test_every_role_is_in_the_procfile_and_in_the_compose_file_where_it_is_scraped(
    role: str,
) -> None:
    command = {"score": "worker", "sink": "sink jsonl"}.get(role, f"worker --role {role}").split()
    procfile = [line.split()[2:] for line in (ROOT / "Procfile").read_text().splitlines()]
    assert any(runs(words, command) for words in procfile)

    services = {name for name, it in SERVICES.items() if runs(it.get("command", []), command)}
    scraped = {
        name
        for job in SCRAPED
        for found in job.get("dns_sd_configs", [])
        for name in found["names"]
    }
    assert services
    assert services <= scraped


def runs(words: list[str], command: list[str]) -> bool:
    rest = words[len(command) :]
    return words[: len(command)] == command and "--role" not in rest


def is_ours(service: dict[str, Any]) -> bool:
    return service["image"].startswith("leadscore")


def test_every_folder_that_is_mounted_is_in_the_repository() -> None:
    mounted = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    } - {"./models"}  # made by `leadscore train`
    assert mounted
    assert all((ROOT / folder).is_dir() for folder in mounted)


def test_services_wait_for_services_that_exist_and_can_be_waited_for() -> None:
    for service in SERVICES.values():
        for name, wait in service.get("depends_on", {}).items():
            other = SERVICES[name]
            if wait["condition"] == "service_healthy":
                assert "test" in other["healthcheck"]
            if wait["condition"] == "service_completed_successfully":
                assert other["restart"] == "no"


def test_every_port_is_bound_to_this_machine_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_images_are_of_a_fixed_version() -> None:
    images = [service["image"] for service in SERVICES.values()]
    stages = re.findall(r"^FROM \S+ AS (\S+)", DOCKERFILE, flags=re.MULTILINE)
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, flags=re.MULTILINE)
    images += [base for base in bases if base not in stages]
    assert all(re.search(r":[^:]*(\d|local)", image) for image in images)
    assert not any(image.endswith(":latest") for image in images)


def test_the_image_has_every_package_and_drops_root() -> None:
    copied = set(re.findall(r"^COPY (\w+) \1$", DOCKERFILE, flags=re.MULTILINE))
    packages = PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
    assert copied == {package.rstrip("*") for package in packages}
    let_in = set(re.findall(r"^!(\w+)$", (ROOT / ".dockerignore").read_text(), flags=re.MULTILINE))
    assert copied <= let_in
    final_stage = DOCKERFILE.split("FROM ")[-1]
    assert re.search(r"^USER 10001$", final_stage, flags=re.MULTILINE)


def test_every_image_that_is_named_is_built_checked_and_released() -> None:
    checked = set(re.findall(r"^ +(\w+)\) modules=", DOCKERFILE, flags=re.MULTILINE))
    [released] = re.findall(r"for requirements in ([\w ]+);", RELEASE)
    assert set(released.split()) == checked
    assert all((ROOT / f"requirements/{name}.lock").is_file() for name in checked)
    values = (ROOT / "helm/leadscore/values.yaml").read_text()
    charted = set(re.findall(r"repository: leadscore-(\w+)", values))
    assert {"drift", "rest", "train"} <= charted <= checked
    for service in filter(is_ours, SERVICES.values()):
        arguments = {} if service["build"] == "." else service["build"]["args"]
        requirements = arguments.get("REQUIREMENTS", "worker")
        assert requirements in checked
        suffix = "" if requirements == "worker" else f"-{requirements}"
        assert service["image"] == f"leadscore{suffix}:local"


def test_xgboost_without_gpus_is_of_the_same_version() -> None:
    def version(name: str, lock: str) -> list[str]:
        text = (ROOT / f"requirements/{lock}.lock").read_text()
        return re.findall(rf"^{name}==(\S+)", text, flags=re.MULTILINE)

    assert version("xgboost-cpu", "xgboost-cpu") == version("xgboost", "train") != []


def test_the_image_builds_with_the_locked_setuptools_and_cython_alone() -> None:
    (pattern,) = re.findall(r"sed -n -E '(.*?)' requirements/all.lock", DOCKERFILE)
    lines = subprocess.run(
        ["sed", "-n", "-E", pattern, ROOT / "requirements/all.lock"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    taken = [line.partition("==")[0] for line in lines if "==" in line]
    assert taken == ["cython", "setuptools"]
    assert sum("--hash=sha256:" in line for line in lines) > len(taken)


def test_ci_runs_the_versions_of_python_that_are_promised() -> None:
    versions = WORKFLOW["jobs"]["checks"]["strategy"]["matrix"]["python"]
    assert versions == ["3.11", "3.12", "3.13"]
    assert PROJECT["project"]["requires-python"].startswith(">=3.11")
    assert (ROOT / ".ci/run").stat().st_mode & 0o111


def test_the_indexed_job_of_a_replay_has_as_many_pods_as_shards() -> None:
    job = yaml.safe_load((ROOT / "examples/kubernetes-replay.yaml").read_text())["spec"]
    [container] = job["template"]["spec"]["containers"]
    command, *arguments = container["args"]
    assert command == "replay"
    context = replay.make_context("replay", [*arguments], resilient_parsing=False)
    name, start, options = replay.resolve_command(context, arguments)
    assert name == "start"
    assert start is not None
    given = start.make_context("start", options).params
    [shard] = given["shards"]
    last = str(job["completions"] - 1)
    assert parse_shard(shard, {INDEX: last}).count == job["completions"]
    assert job["completionMode"] == "Indexed"
    assert given["port"] == container["ports"][0]["containerPort"]


def test_the_indexed_job_of_a_replay_starts_no_pod_again_where_that_would_not_help() -> None:
    job = yaml.safe_load((ROOT / "examples/kubernetes-replay.yaml").read_text())["spec"]
    [fails, _] = job["podFailurePolicy"]["rules"]
    assert fails["action"] == "FailJob"
    assert fails["onExitCodes"]["values"] == [click.UsageError.exit_code, EXIT_UNBALANCED]
    assert job["template"]["spec"]["restartPolicy"] == "Never", "a policy needs it"


def test_the_indexed_job_of_a_backfill_has_as_many_pods_as_shards() -> None:
    job = yaml.safe_load((ROOT / "examples/kubernetes-score.yaml").read_text())["spec"]
    [container] = job["template"]["spec"]["containers"]
    command, *arguments = container["args"]
    assert command == "score"
    given = score.make_context("score", arguments).params
    [shard] = given["shards"]
    last = str(job["completions"] - 1)
    assert parse_shard(shard, {INDEX: last}).count == job["completions"]
    assert job["completionMode"] == "Indexed"
    assert (given["files"], given["out"]) == (("s3://lake/leads",), "s3://lake/scores/leads-4")
