from monitoring.telemetry.health import LOSSES_SHOWN, MOST_LOSSES, Condition, Health


def meet_all(health: Health) -> None:
    for condition in Condition:
        health.meet(condition)


def test_a_new_worker_is_alive_and_says_why_it_is_not_ready() -> None:
    health = Health(100.0)
    is_ready, detail = health.ready()
    assert not is_ready
    assert set(detail["conditions"]) == set(Condition)
    unmet = {name for name, state in detail["conditions"].items() if state.get("reason")}
    assert unmet == set(Condition) - {Condition.PARTITIONS_MOVE, Condition.ARCHIVE_HAS_ROOM}
    assert health.alive(100.0)[0]


def test_is_ready_when_every_condition_is_met() -> None:
    health = Health(0.0)
    meet_all(health)
    is_ready, detail = health.ready()
    assert is_ready
    assert detail["ready"] is True
    assert all(state == {"met": True} for state in detail["conditions"].values())


def test_each_condition_alone_makes_it_not_ready_and_names_its_reason() -> None:
    for condition in Condition:
        health = Health(0.0)
        meet_all(health)
        health.miss(condition, "gone fishing")
        is_ready, detail = health.ready()
        assert not is_ready
        assert detail["conditions"][condition] == {"met": False, "reason": "gone fishing"}
        health.meet(condition)
        assert health.ready()[0]


def test_only_the_conditions_of_its_roles_count() -> None:
    health = Health(0.0, conditions=[Condition.MODEL_LOADED])
    health.miss(Condition.RECOVERED, "no table here")
    health.meet(Condition.MODEL_LOADED)
    assert health.ready() == (
        True,
        {"ready": True, "conditions": {"model_loaded": {"met": True}}},
    )


def test_a_loss_is_listed_for_a_while_and_costs_no_readiness() -> None:
    health = Health(0.0)
    meet_all(health)
    health.add_loss(100.0, {"from": 5, "to": 21})
    assert health.ready()[0]
    assert health.losses(110.0) == [{"from": 5, "to": 21, "age_seconds": 10.0}]
    assert health.losses(100.0 + LOSSES_SHOWN + 1) == []


def test_the_latest_of_many_losses_are_listed() -> None:
    health = Health(0.0)
    for number in range(MOST_LOSSES + 5):
        health.add_loss(1.0, {"from": number})
    losses = health.losses(1.0)
    assert len(losses) == MOST_LOSSES
    assert losses[-1]["from"] == MOST_LOSSES + 4


def test_an_event_loop_that_does_not_turn_is_not_alive() -> None:
    health = Health(0.0, heartbeat_limit=5.0)
    health.heartbeat(10.0)
    assert health.alive(15.0)[0]
    is_alive, detail = health.alive(15.1)
    assert not is_alive
    assert "event loop" in detail["reasons"][0]
    assert detail["heartbeat_age_seconds"] == 5.1


def stalling(*, limit: float = 60.0) -> Health:
    """A worker that met its conditions, has work, and has finished 7 batches by second 0."""
    health = Health(0.0, heartbeat_limit=1e9, stall_limit=limit)
    meet_all(health)
    health.source_seen(0.0, finished=7, has_work=True)
    return health


def test_a_source_that_has_work_and_finishes_nothing_is_not_alive() -> None:
    health = stalling()
    health.source_seen(60.0, finished=7, has_work=True)
    assert health.alive(60.0)[0]
    is_alive, detail = health.alive(60.5)
    assert not is_alive
    assert "has finished no batch for 60.5 s" in detail["reasons"][0]


def test_a_finished_batch_is_progress() -> None:
    health = stalling()
    health.source_seen(50.0, finished=8, has_work=True)
    assert health.alive(110.0)[0]
    assert not health.alive(110.1)[0]


def test_a_source_without_work_does_not_stall() -> None:
    health = stalling()
    for second in range(1, 1000):
        health.source_seen(second, finished=7, has_work=False)
    assert health.alive(1000.0)[0]


def test_a_process_without_a_source_is_alive_as_long_as_its_event_loop_runs() -> None:
    health = Health(0.0, heartbeat_limit=5.0)
    meet_all(health)
    health.heartbeat(100_000.0)
    assert health.alive(100_001.0)[0]


def test_a_source_that_nobody_looks_after_any_more_is_not_alive() -> None:
    health = stalling()
    health.source_seen(10.0, finished=7, has_work=False)
    assert not health.alive(70.1)[0]


def test_while_kafka_is_unavailable_the_source_is_not_judged_and_has_its_full_time_afterwards() -> (
    None
):
    health = stalling()
    health.miss(Condition.BROKER_REACHED, "no answer for 5 s")
    health.source_seen(500.0, finished=7, has_work=True)
    assert health.alive(900.0)[0]
    health.source_seen(900.0, finished=7, has_work=True)
    health.meet(Condition.BROKER_REACHED)
    assert health.alive(960.0)[0]
    assert not health.alive(960.1)[0]


def test_a_loop_that_does_not_turn_is_not_excused_by_kafka() -> None:
    health = Health(0.0, heartbeat_limit=5.0)
    health.miss(Condition.BROKER_REACHED, "no answer")
    assert not health.alive(6.0)[0]
