"""Drop-down lists that nobody filled in."""

from __future__ import annotations

import pytest

from features.drop_downs import is_unfilled


@pytest.mark.parametrize(
    "level",
    [
        *("Select", "select", " SELECT ", "Select...", "Select…", "Select one", "Select an option"),
        *("Please select", "Please Select:", "--Select--", "-- Select Country --", "<Select>"),
        *("[Select an item]", "Choose", "Choose your industry", "Please choose", "Pick one"),
        *("- None -", "--None--", "- Any -", "Not selected", "Nothing selected", "No selection"),
        *("Bitte wählen", "-- Bitte auswählen --", "Bitte wählen Sie eine Branche", "Auswählen"),
        *("Keine Auswahl", "Sélectionnez", "Veuillez sélectionner un pays", "- Aucun -"),
        *("Seleccione", "Seleccione una opción", "Por favor, seleccione", "Selecione"),
        *(
            "- Nenhum -",
            "Seleziona",
            "Kies",
            "Wybierz",
            "Välj",
            "Seçiniz",
            "Выберите",
            "Не выбрано",
        ),
        *("请选择", "選択してください", "선택하세요"),
    ],
)
def test_prompts_of_drop_down_lists_are_found(level: str) -> None:
    assert is_unfilled(level)


@pytest.mark.parametrize(
    "level",
    [
        *("", " ", "-", "--", "...", "?", "none", "None", "any", "unknown", "Unbekannt", "other"),
        *("Select Comfort", "Select tier", "Selection", "selected", "Selective", "Choice Hotels"),
        *("Chosen", "Pickup", "please call", "pick-up truck", "web", "-1", "-- Germany --"),
    ],
)
def test_levels_are_no_prompts(level: str) -> None:
    assert not is_unfilled(level)
