"""No e-mail address, phone number or name of a lead is in any byte of a bundle."""

import csv
import io
import json
import re

import numpy as np
import pyarrow.parquet as pq
import pytest

from features.table_file import parse_table
from model.training.boosting import BoostingParameters
from model.training.card import personal_content
from model.training.train import TrainedModel, TrainOptions, train
from model.training.xgboost_trainer import XgboostTrainer

ROWS = 800
QUICK = XgboostTrainer(BoostingParameters(trees=8, max_depth=3, eta=0.3))
FIRST = ("Aurelia", "Bartholomew", "Cassiopeia", "Desdemona", "Evangeline")
LAST = ("Quintrell", "Ravensworth", "Sommerfeldt", "Thistlewood", "Umberfield")


def person(i: int) -> tuple[str, str]:
    return FIRST[i % 5], LAST[i // 5 % 5]


def mail(i: int) -> str:
    return f"{person(i)[0]}.{person(i)[1]}{i}@Mailhost{i % 40}.example"


def phone(i: int) -> str:
    return f"+49 171 {5_550_000 + i % 100}"


def lead(i: int, rng: np.random.Generator) -> dict[str, str]:
    first, last = person(i)
    is_planted, bought = i % 100 == 7, rng.random() < 0.5
    return {
        "lead_id": mail(i),
        "won": str(int(bought != (rng.random() < 0.2))),
        "mail": mail(i),
        "mail_of_eight": mail(i % 100),
        "phone_of_eight": phone(i),
        "page_of_eight": f"https://www.linkedin.com/in/{first}-{last}-{i % 100}",
        "name_of_few": f"{first} {last} {i // 4}" if i % 2 else "not known",
        "always": mail(1),
        "source": f"{first} {last} {i} told me" if is_planted else ["web", "fair", "call"][i % 3],
        "answer": mail(i) if is_planted else ["yes", "no"][int(bought)],
        "pages": mail(i) if is_planted else str(int(rng.integers(1, 60))),
        "opened": f"{first} {last}" if is_planted else f"2024-05-{1 + i % 28:02}",
        "contact": [mail(3), phone(3), "letter", "shop"][i % 4],
        "biography": (
            f"{first} {last} asks for {'pricing' if bought else 'a brochure'}. Write to {mail(i)}"
            f" or call {phone(i)}; {first} is at home"
        ),
    }


LEADS = [lead(i, np.random.default_rng(i)) for i in range(ROWS)]


def as_csv() -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(LEADS[0]))
    writer.writeheader()
    writer.writerows(LEADS)
    return out.getvalue().encode()


def as_json() -> bytes:
    return "\n".join(map(json.dumps, LEADS)).encode()


@pytest.fixture(scope="module", params=[as_csv, as_json])
def trained(request: pytest.FixtureRequest) -> TrainedModel:
    options = TrainOptions(
        target="won", text=("biography",), trainer=QUICK, name="small", threads=1
    )
    return train(parse_table(request.param(), "leads"), options)


def strings(files: dict[str, bytes]) -> str:
    """All that may be text in a bundle's files, Parquet unpacked, case-folded."""
    parquet = pq.read_table(io.BytesIO(files["reference.parquet"]))
    cells = json.dumps(parquet.to_pydict(), ensure_ascii=False)
    models = [files[name].decode("utf-8", "ignore") for name in ("model.onnx", "model.ubj")]
    return "\n".join([cells, str(parquet.schema), *models]).casefold()


def test_nothing_that_identifies_a_person_is_in_a_bundle(trained: TrainedModel) -> None:
    found = strings(trained.artefacts.files)
    assert "pricing" in found  # it is what the search would find
    planted = [*FIRST, *LAST, "mailhost", ".example", "171 555", "linkedin.com", "555000"]
    assert [word for word in planted if word.casefold() in found] == []


def test_columns_of_persons_are_left_out_and_why(trained: TrainedModel) -> None:
    dropped = trained.report.dropped
    assert dropped["mail_of_eight"].startswith("an identifier: its values look like e-mail")
    assert dropped["phone_of_eight"].startswith("an identifier: its values look like phone")
    assert dropped["page_of_eight"].startswith("an identifier: its values look like personal")
    assert "mail" in dropped
    assert "always" in dropped


def test_other_columns_lose_the_levels_of_persons_only(trained: TrainedModel) -> None:
    levels = {field.name: getattr(field, "levels", ()) for field in trained.metadata.spec.fields}
    assert levels["source"] == ("call", "fair", "web")
    assert levels["answer"] == ("no", "yes")
    assert levels["contact"] == ("letter", "shop")
    assert levels["name_of_few"] == ("not known",)
    plans = {column.column: column for column in trained.report.columns}
    assert (plans["source"].levels, plans["source"].withheld) == (11, 8)
    assert any("e-mail addresses and phone numbers" in text for text in plans["contact"].warnings)


def test_the_card_says_what_is_kept(trained: TrainedModel) -> None:
    card = " ".join(personal_content(trained.metadata))
    assert "no text, no level in words" in card
    assert "source (3)" in card
    assert "pricing" in card
    of_before = trained.metadata.training.model_copy(update={"least_leads": 0})
    card = " ".join(personal_content(trained.metadata.model_copy(update={"training": of_before})))
    assert "whole leads, texts and addresses as they came" in card


def test_the_card_says_that_dates_exact_numbers_and_target_values_are_kept(
    trained: TrainedModel,
) -> None:
    card = " ".join(personal_content(trained.metadata))
    assert "the earliest and the latest time of 1 date field:" in card
    exact = sum(len(bins.exact) for bins in trained.metadata.reference.fields)
    assert exact > 0
    assert re.search(r"Numbers that many leads share, exactly: [1-9]", card)
    assert "Values of the target won, as they are written, and their numbers of rows: 2." in card
    assert "Names that many leads' texts have may be among them" in card


def test_nothing_of_a_lead_with_many_rows_is_in_a_bundle() -> None:
    rng = np.random.default_rng(4)
    out = io.StringIO()
    writer = csv.DictWriter(out, ["lead_id", "stage", "contact", "source", "note", "size"])
    writer.writeheader()
    for i in range(200):
        first, last = person(i)
        won = rng.random() < 0.4
        name = f"{first} {last} {i}"
        lost = f"lost: {name}" if i % 20 == 3 else "lost"
        for _ in range(6):
            source = name if i % 20 == 7 else ["web", "fair", "call"][i % 3]
            row = {"lead_id": i, "stage": "won" if won else lost, "contact": name}
            row |= {"source": source, "size": int(rng.integers(1, 60))}
            note = f"{last.casefold()}{'abcd'[i % 4]} asked" if i % 20 == 7 else "no budget"
            writer.writerow(row | {"note": note})
    options = TrainOptions(
        target="stage",
        positive=("won",),
        negative=("lost",),
        text=("note",),
        trainer=QUICK,
        name="small",
        threads=1,
    )
    trained = train(parse_table(out.getvalue().encode(), "leads"), options)
    found = strings(trained.artefacts.files)
    assert "web" in found
    assert [word for word in (*FIRST, *LAST) if word.casefold() in found] == []
    assert trained.report.dropped["contact"].startswith("an identifier: none of its values")


def test_the_same_leads_give_the_same_bytes(trained: TrainedModel) -> None:
    if trained.metadata.training.data_sha256 == parse_table(as_csv(), "leads").sha256:
        options = TrainOptions(
            target="won", text=("biography",), trainer=QUICK, name="small", threads=1
        )
        again = train(parse_table(as_csv(), "leads"), options)
        assert again.artefacts.files == trained.artefacts.files
