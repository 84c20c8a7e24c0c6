from agents.verdict.score_columns import DEAD, SCORED, Result, ScoreColumns


def result(offset: int, score: float = 0.5, model: int = 1) -> Result:
    return Result(offset, 1000 + offset, 7, score, 1.0, 5.0, model, 1)


def test_results_are_in_the_order_of_their_offsets_across_gaps_of_any_size() -> None:
    columns = ScoreColumns()
    for offset in (5 * 10**12, 3, 20_000, 4):
        columns.put(result(offset))
    assert columns.rows()["offset"].tolist() == [3, 4, 20_000, 5 * 10**12]
    assert set(columns.rows()["state"]) == {SCORED}


def test_a_repeated_score_is_there_once_with_its_first_time() -> None:
    columns = ScoreColumns()
    columns.put(result(3))
    columns.put(result(3)._replace(at=9999))
    [row] = columns.rows()
    assert row["at"] == 1003


def test_a_score_of_another_model_replaces_the_one_before() -> None:
    columns = ScoreColumns()
    columns.put(result(3, 0.25, model=1))
    columns.put(result(3, 0.75, model=2))
    assert columns.rows()[["score", "model"]].tolist() == [(0.75, 2)]


def test_a_lead_that_was_a_dead_letter_and_then_scored_has_a_score() -> None:
    for is_first in (True, False):
        columns = ScoreColumns()
        for dead in (is_first, not is_first):
            if dead:
                columns.put_dead_letter(3)
            else:
                columns.put(result(3))
        assert columns.rows()["state"].tolist() == [SCORED]


def test_a_dead_letter_is_a_result_without_a_model() -> None:
    columns = ScoreColumns()
    columns.put_dead_letter(8)
    assert columns.rows()[["offset", "state", "model"]].tolist() == [(8, DEAD, 0)]


def test_nothing_is_no_rows() -> None:
    assert len(ScoreColumns().rows()) == 0
