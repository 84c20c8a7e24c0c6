from __future__ import annotations

import pytest

from stream.settings.base import (
    check_private_url,
    check_servers,
    check_urls,
    named,
    split,
    split_pairs,
)


def test_pairs_are_separated_by_commas_and_trimmed() -> None:
    assert split_pairs("score=lead_score, category = band") == {
        "score": "lead_score",
        "category": "band",
    }
    assert split_pairs({"score": "lead_score"}) == {"score": "lead_score"}


@pytest.mark.parametrize("given", ["score", "score=", "a=b,,c=d", "a b=c"])
def test_a_pair_without_one_of_its_sides_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="FIELD=PROPERTY"):
        split_pairs(given)


def test_a_list_may_come_as_a_text_or_as_a_list() -> None:
    assert split("a,b") == ["a", "b"]
    assert split(("a", "b")) == ("a", "b")


@pytest.mark.parametrize("servers", ["kafka", "kafka:", "http://kafka:9092", "a:1,b", "a:1 ,b:2"])
def test_a_server_has_a_host_and_a_port(servers: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        check_servers(servers)
    assert check_servers("kafka-1:9092,[::1]:9092") == "kafka-1:9092,[::1]:9092"


@pytest.mark.parametrize("urls", ["registry:8081", "ftp://registry", "https://", "http://a,b"])
def test_a_url_has_a_scheme_and_a_host(urls: str) -> None:
    with pytest.raises(ValueError, match="http:// or https://"):
        check_urls(urls)
    assert check_urls("http://a:1, https://b") == "http://a:1, https://b"


@pytest.mark.parametrize("url", ["http://crm.example.com", "http://localhost.evil.com", "https://"])
def test_a_secret_is_not_sent_in_the_clear_to_another_machine(url: str) -> None:
    with pytest.raises(ValueError, match="an access token is sent there"):
        check_private_url(url)
    assert check_private_url("http://localhost:8080/") == "http://localhost:8080"
    assert check_private_url("https://crm.example.com/") == "https://crm.example.com"


def test_a_default_name_follows_the_prefix() -> None:
    default = named("leads.scored").default_factory
    assert default({"topic_prefix": "staging."}) == "staging.leads.scored"
    assert default({}) == "leads.scored"
