"""The Helm chart: what it renders is valid for Kubernetes, and speaks of commands that exist."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
import pytest
import yaml
from kubernetes_validate import validate

from stream.__main__ import main
from stream.settings import Settings, variable_of

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm/leadscore"
RULES = ROOT / "monitoring/prometheus"
KUBERNETES = "1.33"
CUSTOM = {"ScaledObject", "PodMonitor", "PrometheusRule"}
"""Kinds of KEDA and of the Prometheus operator, whose schemas Kubernetes does not have."""

EVERYTHING = """
settingsSecret: leadscore-kafka
settings:
  LEADSCORE_KAFKA_BOOTSTRAP_SERVERS: kafka:9093
  LEADSCORE_SSL_CAFILE: /etc/leadscore/files/ca.pem
  LEADSCORE_SSL_KEYFILE: /etc/leadscore/secret/key.pem
files:
  ca.pem: |
    -----BEGIN CERTIFICATE-----
    of a test: "quoted"
  sales.toml: ""
filesSecret: leadscore-files
worker: {autoscaling: {enabled: true, maxReplicas: 40}}
snapshot: {enabled: true, claim: reports}
archive: {enabled: true}
outcomes: {enabled: true}
rollout: {enabled: true}
shadow: {enabled: true}
trainer: {enabled: true}
quality: {enabled: true}
serve: {enabled: true}
hooks: {enabled: true}
lag: {groups: [crm-sync]}
monitoring: {podMonitor: true, rules: true, labels: {release: prometheus}}
sinks:
  database: {kind: sql, settingsSecret: database, image: {repository: leadscore-sinks}}
  hubspot: {kind: crm, to: hubspot, settingsSecret: crm, image: {repository: leadscore-rest}}
  files: {kind: jsonl, to: /scores, claim: scores, settings: {LEADSCORE_SINK_COMPRESSION: zstd}}
"""

Object = dict[str, Any]


@pytest.fixture(scope="module")
def helm() -> str:
    """The program."""
    found = shutil.which("helm")
    if found is None:
        pytest.skip("expected Helm on the PATH (https://helm.sh/docs/intro/install), found none")
    return found


@pytest.fixture(params=["as it is", "everything"])
def objects(request: pytest.FixtureRequest, helm: str, tmp_path: Path) -> list[Object]:
    """The objects that the chart makes, by its own values and with everything on."""
    return render(helm, tmp_path, EVERYTHING if request.param == "everything" else "")


def render(helm: str, folder: Path, values: str) -> list[Object]:
    file = folder / "values.yaml"
    file.write_text(values)
    done = template(helm, file)
    assert done.returncode == 0, done.stderr
    return [it for it in yaml.safe_load_all(done.stdout) if it]


def template(helm: str, values: Path) -> subprocess.CompletedProcess[str]:
    # A Helm that was built from source takes its own Kubernetes for an old one.
    where = ("--namespace", "sales", "--kube-version", KUBERNETES)
    return run(helm, "template", "prod", str(CHART), *where, "--values", str(values))


def run(helm: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [helm, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def pods(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    for it in objects:
        if it["kind"] in ("Deployment", "Job"):
            yield it["metadata"]["name"], it["spec"]["template"]["spec"]


def by_kind(objects: list[Object], kind: str) -> dict[str, Object]:
    return {it["metadata"]["name"]: it for it in objects if it["kind"] == kind}


def test_helm_finds_nothing_to_complain_about(helm: str, tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text(EVERYTHING)
    done = run(
        helm,
        "lint",
        str(CHART),
        "--strict",
        "--kube-version",
        KUBERNETES,
        "--values",
        str(tmp_path / "values.yaml"),
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_object_has_the_fields_that_kubernetes_knows(objects: list[Object]) -> None:
    known = [it for it in objects if it["kind"] not in CUSTOM]
    assert len(known) >= 6
    for it in known:
        validate(it, KUBERNETES, strict=True)


def test_every_command_exists_and_takes_its_options(objects: list[Object]) -> None:
    seen = set()
    for name, pod in pods(objects):
        [container] = pod["containers"]
        command: click.Command = main
        arguments = list(container["args"])
        while isinstance(command, click.Group):
            seen.add(arguments[0])
            found = command.get_command(click.Context(command), arguments.pop(0))
            assert found is not None, (name, container["args"])
            command = found
        command.make_context(command.name, arguments)  # raises on an option that is not there
    assert seen >= {"worker", "topics", "lag"}


def test_every_role_has_a_deployment(helm: str, tmp_path: Path) -> None:
    roles = set()
    for _, pod in pods(render(helm, tmp_path, EVERYTHING)):
        command, *options = pod["containers"][0]["args"]
        if "--role" in options:
            roles.add(options[options.index("--role") + 1])
        elif command in ("worker", "sink"):
            roles.add({"worker": "score", "sink": "sink"}[command])
    assert roles == set(get_args(Settings.model_fields["role"].annotation)) - {"all"}


def test_only_what_changes_models_can_write_to_their_claim(helm: str, tmp_path: Path) -> None:
    writers = {
        name
        for name, pod in pods(render(helm, tmp_path, EVERYTHING))
        for mount in pod["containers"][0]["volumeMounts"]
        if mount["mountPath"] == "/models" and not mount["readOnly"]
    }
    assert writers == {"prod-leadscore-rollout", "prod-leadscore-trainer"}


def test_every_setting_exists(objects: list[Object]) -> None:
    known = {variable_of(field) for field in Settings.model_fields}
    named = set(by_kind(objects, "ConfigMap")["prod-leadscore"]["data"])
    for _, pod in pods(objects):
        named |= {it["name"] for it in pod["containers"][0].get("env", [])}
    assert named
    assert named <= known


def test_files_are_where_settings_name_them_and_other_files_replace_the_pods(
    helm: str, tmp_path: Path
) -> None:
    objects = render(helm, tmp_path, EVERYTHING)
    files = by_kind(objects, "ConfigMap")["prod-leadscore-files"]["data"]
    assert files["ca.pem"] == '-----BEGIN CERTIFICATE-----\nof a test: "quoted"\n'
    for name, pod in pods(objects):
        places = {it["mountPath"]: it["name"] for it in pod["containers"][0]["volumeMounts"]}
        sources = {it.pop("name"): it for it in pod["volumes"]}
        mounted = sources[places["/etc/leadscore/files"]]
        assert mounted == {"configMap": {"name": "prod-leadscore-files"}}, name
        secret = sources[places["/etc/leadscore/secret"]]["secret"]
        assert secret["secretName"] == "leadscore-files", name
    other = render(helm, tmp_path, EVERYTHING.replace("of a test", "of another"))
    for name, deployment in by_kind(other, "Deployment").items():
        assert deployment["spec"] != by_kind(objects, "Deployment")[name]["spec"]


def test_a_server_with_a_certificate_is_probed_and_scraped_by_tls(
    helm: str, tmp_path: Path
) -> None:
    tls = EVERYTHING.replace(
        "settings:\n", "settings:\n  LEADSCORE_REST_CERTFILE: /etc/leadscore/secret/tls.pem\n", 1
    )
    assert probed(render(helm, tmp_path, EVERYTHING)) == {"HTTP"}
    objects = render(helm, tmp_path, tls)
    for name in ("prod-leadscore-serve", "prod-leadscore-hooks"):
        assert probed([by_kind(objects, "Deployment")[name]]) == {"HTTPS"}
        [scraped] = by_kind(objects, "PodMonitor")[name]["spec"]["podMetricsEndpoints"]
        assert scraped["scheme"] == "https"
    assert probed([by_kind(objects, "Deployment")["prod-leadscore-worker"]]) == {"HTTP"}


def probed(objects: list[Object]) -> set[str]:
    """Return the schemes of all probes."""
    return {
        probe["httpGet"]["scheme"]
        for _, pod in pods(objects)
        for name, probe in pod["containers"][0].items()
        if name.endswith("Probe")
    }


def test_no_process_runs_as_root_or_writes_to_its_image(objects: list[Object]) -> None:
    for name, pod in pods(objects):
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["automountServiceAccountToken"] is False, name
        [container] = pod["containers"]
        own = container["securityContext"]
        assert own["readOnlyRootFilesystem"], name
        assert own["allowPrivilegeEscalation"] is False, name
        assert own["capabilities"] == {"drop": ["ALL"]}, name
        assert "memory" in container["resources"]["limits"], name


def test_selectors_and_labels_agree(objects: list[Object]) -> None:
    for deployment in by_kind(objects, "Deployment").values():
        selector = deployment["spec"]["selector"]["matchLabels"]
        assert selector.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
    labels = [
        it["spec"]["template"]["metadata"]["labels"]
        for it in by_kind(objects, "Deployment").values()
    ]
    for budget in by_kind(objects, "PodDisruptionBudget").values():
        chosen = budget["spec"]["selector"]["matchLabels"]
        assert sum(chosen.items() <= its.items() for its in labels) == 1


def test_workers_are_scaled_by_the_lag_and_never_beyond_the_partitions(
    helm: str, tmp_path: Path
) -> None:
    objects = render(helm, tmp_path, EVERYTHING)
    [scaled] = by_kind(objects, "ScaledObject").values()
    assert scaled["spec"]["maxReplicaCount"] == 12, "there are 12 partitions"
    target = scaled["spec"]["scaleTargetRef"]["name"]
    assert "replicas" not in by_kind(objects, "Deployment")[target]["spec"], "it is KEDA's to set"
    [trigger] = scaled["spec"]["triggers"]
    query = trigger["metadata"]["query"]
    assert 'group="leadscore"' in query
    [lag] = [pod for name, pod in pods(objects) if name.endswith("-lag")]
    assert "leadscore" in lag["containers"][0]["args"]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="expected promtool, found none")
def test_prometheus_reads_the_query_by_which_workers_are_scaled(helm: str, tmp_path: Path) -> None:
    [scaled] = by_kind(render(helm, tmp_path, EVERYTHING), "ScaledObject").values()
    query = scaled["spec"]["triggers"][0]["metadata"]["query"]
    rule = {"groups": [{"name": "it", "rules": [{"record": "it", "expr": query}]}]}
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rule))
    check = ["promtool", "check", "rules", str(tmp_path / "rules.yml")]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_operator_gets_the_alert_rules_as_they_are(helm: str, tmp_path: Path) -> None:
    [rules] = by_kind(render(helm, tmp_path, EVERYTHING), "PrometheusRule").values()
    expected = [
        group
        for file in ("alerts.yml", "recording.yml")
        for group in yaml.safe_load((RULES / file).read_text())["groups"]
    ]
    assert rules["spec"]["groups"] == expected


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ("sinks: {crm: {}}", "sinks.crm.kind: name the kind of the sink"),
        ("archive: {enabled: true, claim: ''}", "archive.claim: name the claim"),
        ("outcomes: {enabled: true, claim: ''}", "outcomes.claim: name the claim"),
        (
            "{lag: {enabled: false}, worker: {autoscaling: {enabled: true}}}",
            "worker.autoscaling needs the lag exporter",
        ),
    ],
)
def test_values_that_miss_something_are_refused_with_a_sentence(
    helm: str, tmp_path: Path, values: str, sentence: str
) -> None:
    (tmp_path / "values.yaml").write_text(values)
    done = template(helm, tmp_path / "values.yaml")
    assert done.returncode != 0
    assert sentence in done.stderr
