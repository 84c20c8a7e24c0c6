"""Environment variables that look like settings but are not."""

from __future__ import annotations

from stream.unknown_variables import UnknownVariable, unknown_variables


def test_variables_that_are_no_settings_are_found_with_the_nearest_name() -> None:
    environment = {
        "LEADSCORE_MIN_COVERAG": "1",
        "LEADSCORE_DELIVRY": "exactly_once",
        "LEADSCORE_ENV": "test",
        "PATH": "",
    }
    found = unknown_variables(environment)
    assert [(variable.name, variable.nearest) for variable in found] == [
        ("LEADSCORE_DELIVRY", "LEADSCORE_DELIVERY"),
        ("LEADSCORE_MIN_COVERAG", "LEADSCORE_MIN_COVERAGE"),
    ]


def test_kubernetes_service_variables_are_ignored() -> None:
    environment = {
        "LEADSCORE_SERVICE_HOST": "10.0.0.1",
        "LEADSCORE_SERVICE_PORT": "8080",
        "LEADSCORE_SERVICE_PORT_HTTP": "8080",
        "LEADSCORE_PORT": "tcp://10.0.0.1:8080",
        "LEADSCORE_PORT_8080_TCP": "tcp://10.0.0.1:8080",
        "LEADSCORE_PORT_8080_TCP_ADDR": "10.0.0.1",
        "LEADSCORE_HTP_PORT": "8080",
    }
    assert [variable.name for variable in unknown_variables(environment)] == ["LEADSCORE_HTP_PORT"]


def test_a_lower_case_variable_is_a_setting_as_the_environment_is_read_without_case() -> None:
    assert unknown_variables({"leadscore_model": "x"}) == []


def test_the_sentence_names_the_variable_and_the_setting_but_no_value() -> None:
    assert str(UnknownVariable("LEADSCORE_MODLE", "LEADSCORE_MODEL")) == (
        "LEADSCORE_MODLE is not a setting of LeadScore and has no effect: the most similar one is"
        " LEADSCORE_MODEL"
    )


def test_a_name_like_no_setting_gets_no_suggestion() -> None:
    """LEADSCORE_TYPO was said to be most similar to LEADSCORE_REST_PORT."""
    [found] = unknown_variables({"LEADSCORE_TYPO": "1"})
    assert found.nearest is None
    assert str(found).endswith("no setting has a similar name: remove it")
