"""Recognise what a drop-down list shows while nobody has chosen: "Select", "--None--"."""

from __future__ import annotations

import unicodedata

__all__ = ["is_unfilled"]

OPENING = "-–—_=*<[({"
FRAME = f" {OPENING}>])}}|.…:►▼"
"""Characters around a prompt, such as the dashes of "-- Select --"."""
TRAILING = ("...", "…")
ASKS = frozenset(
    {
        *("select", "choose", "pick", "make a selection", "make a choice"),
        *("auswählen", "auswahl", "wählen", "wähle", "wählen sie"),
        *("sélectionner", "sélectionnez", "choisir", "choisissez", "faites votre choix"),
        *("seleccionar", "seleccione", "selecciona", "elegir", "elija", "elige", "escoja"),
        *("selecionar", "selecione", "escolher", "escolha"),
        *("selezionare", "seleziona", "selezioni", "scegliere", "scegli"),
        *("selecteer", "kies", "maak een keuze", "wybierz", "wybierz opcję", "vyberte", "vybrat"),
        *("välj", "vælg", "velg", "valitse", "seçiniz", "seçin", "lütfen seçiniz", "válasszon"),
        *("выберите", "выбрать", "виберіть", "επιλέξτε", "اختر"),
        *("请选择", "請選擇", "选择", "選択してください", "選択", "선택하세요", "선택"),
    }
)
"""Prompts, case-folded."""
POLITE = (
    *("please", "bitte", "veuillez", "por favor", "per favore", "alstublieft"),
    *("proszę", "prosím", "пожалуйста"),
)
WHAT = (
    *("one", "any", "here", "item", "option", "value", "from", "a", "an", "the", "your"),
    *("une", "un", "una", "uno", "uma", "um", "ein", "eine", "einen", "sie", "een", "su", "opção"),
)
"""A prompt may continue with these: "Select an option". A brand ("Select Comfort") does not."""
NOT_CHOSEN = frozenset(
    {
        *("not selected", "none selected", "nothing selected", "no selection"),
        *("no option selected", "not chosen", "unselected", "keine auswahl", "nicht ausgewählt"),
        *(
            "nichts ausgewählt",
            "non sélectionné",
            "aucune sélection",
            "sin seleccionar",
            "no seleccionado",
        ),
        *("não selecionado", "não selecionada", "non selezionato", "niet geselecteerd"),
        *("nie wybrano", "не выбрано", "не вибрано", "未选择", "未選擇", "未選択"),
    }
)
NONE = frozenset(
    {
        *("none", "any", "empty", "keine", "kein", "aucun", "aucune", "ninguno", "ninguna"),
        *("nenhum", "nenhuma", "nessuno", "nessuna", "geen", "brak", "ingen", "нет"),
    }
)
"""Levels of their own, unless something stands around them: "- None -"."""


def is_unfilled(level: str) -> bool:
    """Return whether a level is the prompt of a drop-down list that nobody filled in.

    Parameters
    ----------
    level
        As it stands in the file.

    Examples
    --------
    >>> [is_unfilled(level) for level in ("Select", "-- Please choose --", "- None -")]
    [True, True, True]
    >>> [is_unfilled(level) for level in ("Select Comfort", "None", "Choice", "selected")]
    [False, False, False, False]
    """
    text = unicodedata.normalize("NFC", " ".join(level.split()).casefold())
    words = text.strip(FRAME)
    is_framed = bool(words) and text[0] in OPENING and text[-1] in FRAME
    if words in NOT_CHOSEN or (is_framed and words in NONE):
        return True
    asked = next((words.removeprefix(word) for word in POLITE if words.startswith(word)), words)
    is_plain = not is_framed and not text.endswith(TRAILING) and asked == words
    return any(_is_prompt(asked.strip(" ,"), ask, is_plain=is_plain) for ask in ASKS)


def _is_prompt(words: str, ask: str, *, is_plain: bool) -> bool:
    """Return whether words ask to choose; those that stand plainly may not name a thing."""
    if words == ask:
        return True
    if not words.startswith(f"{ask} "):
        return False
    return not is_plain or words[len(ask) :].split()[0] in WHAT
