"""Numbers of leads of the acts."""

from __future__ import annotations

from stream.demo.acts import Acts


def test_each_act_has_its_share_and_the_canary_the_rest() -> None:
    acts = Acts.of(16_475)
    assert acts == Acts(first=12_356, shadowed=1_977)
    assert sum(acts) < 16_475


def test_a_demo_of_few_leads_has_all_acts() -> None:
    assert Acts.of(100) == Acts(75, 12)
