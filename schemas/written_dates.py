"""Words of dates in several languages, and forms of dates that are rewritten before they are read.

Month names are those of the Unicode CLDR in the languages below; zone names those of RFC 2822 and
the European ones that name one offset only (``IST`` and ``BST`` name several, and are not read).
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict

__all__ = ["month_of", "rewritten"]

SHORTEST = 3
"""Letters of the shortest abbreviation of a month."""
LANGUAGES = (
    "january february march april may june july august september october november december",
    "januar februar marz april mai juni juli august september oktober november dezember",
    "janner feber maerz april mai juni juli august september oktober november dezember",
    "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "januari februari maart april mei juni juli augustus september oktober november december",
    "januari februari mars april maj juni juli augusti september oktober november december",
    "januar februar mrt april maj juni juli august setiembre oktober november desember",
    "styczen luty marzec kwiecien maj czerwiec lipiec sierpien wrzesien pazdziernik listopad"
    " grudzien",
    "stycznia lutego marca kwietnia maja czerwca lipca sierpnia wrzesnia pazdziernika listopada"
    " grudnia",
    "январь февраль март апрель маи июнь июль август сентябрь октябрь ноябрь декабрь",
    "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "ocak subat mart nisan mayıs haziran temmuz agustos eylul ekim kasım aralık",
)
"""January to December, without accents; a language a line."""


def _abbreviations() -> dict[str, int]:
    """Return the month of each name and of each abbreviation that only one month has."""
    months = defaultdict[str, set[int]](set)
    for names in LANGUAGES:
        for number, name in enumerate(names.split(), start=1):
            for length in range(SHORTEST, len(name) + 1):
                months[name[:length]].add(number)
    return {name: numbers.pop() for name, numbers in months.items() if len(numbers) == 1}


MONTHS = _abbreviations()


def month_of(name: str) -> int | None:
    """Return the number of the month that a word names, in full or abbreviated; None for others.

    Examples
    --------
    >>> month_of("Sept"), month_of("décembre"), month_of("мая"), month_of("Juin"), month_of("jui")
    (9, 12, 5, 6, None)
    >>> month_of("Marketing") is None
    True
    """
    plain = unicodedata.normalize("NFKD", name.casefold())
    return MONTHS.get("".join(letter for letter in plain if not unicodedata.combining(letter)))


ZONES = {
    "EST": "-0500",
    "EDT": "-0400",
    "CST": "-0600",
    "CDT": "-0500",
    "MST": "-0700",
    "MDT": "-0600",
    "PST": "-0800",
    "PDT": "-0700",
    "CET": "+0100",
    "CEST": "+0200",
    "MEZ": "+0100",
    "MESZ": "+0200",
    "WET": "+0000",
    "WEST": "+0100",
    "EET": "+0200",
    "EEST": "+0300",
    "JST": "+0900",
}
ZONE = re.compile(rf"(?<=[\dMm]) ?({'|'.join(ZONES)})(?= |$)")
YEAR = r"(?:19|20)\d{2}"
REWRITES = tuple(
    (re.compile(form, re.IGNORECASE), plain)
    for form, plain in (
        # 2024年5月31日 14時05分, 2024. 5. 31., 오후 2:05
        (r"(\d{4}) ?[年년] ?(\d{1,2}) ?[月월] ?(\d{1,2}) ?[日일]", r"\1-\2-\3"),
        (r"^(\d{4})\. (\d{1,2})\. (\d{1,2})\.?(?= |$)", r"\1-\2-\3"),
        (r"(\d{1,2}) ?[時时点시] ?(\d{1,2}) ?[分분](?: ?(\d{1,2}) ?[秒초])?", r"\1:\2:\3"),
        (r":(?=$| )", ""),
        (r"(?<=\d)(?=上午|午前|오전|下午|午後|오후)", " "),
        (r"(?:上午|午前|오전) ?([\d:.]+)", r"\1 AM"),
        (r"(?:下午|午後|오후) ?([\d:.]+)", r"\1 PM"),
        # 2:05 p. m., 14h05, 14:05 Uhr, 31/05/2024 à 14:05
        (r"(?<=\d) ?([ap])\. m\.?(?=$| )", r" \1m"),
        (r"(?<=\d)h(\d{2})(?=$| )", r":\1"),
        (r"(?<=\d) uhr$", ""),
        (r"(?<=\d),? (?:à|um|at|a las|às|alle|kl\.?|о|в) (?=\d{1,2}[:.]\d)", " "),
        # 31 de mayo de 2024
        (r"(?<=[\w.]) del? (?=\w)", " "),
        # Fri May 31 14:05:00 2024, with a zone before the year
        (
            r"([^\W\d_]{3,}) +(\d{1,2}) (\d{1,2}:\d{2}:\d{2})(?: (UTC|GMT))? (\d{4})$",
            r"\1 \2, \5 \3",
        ),
        # ... GMT+0200 (CEST), 14:05+02:00[Europe/Berlin], 31.05.2024 (Fri)
        (r" ?\([^()\d]*\)$", ""),
        (r"(?:GMT|UTC)(?=[+-]\d)", ""),
        (r"(Z|[+-]\d{2}:?\d{2})\[[A-Z_/+-]+\]$", r"\1"),
        # 2024-05-31-14.05.00.000000
        (r"^(\d{4}-\d{2}-\d{2})-(?=\d{2}\.\d{2}\.)", r"\1 "),
        # Fri 31/05/2024; Fri May 31 2024
        (r"^[^\W\d_]{2,12}\.?,? (?=\d{1,4}[./-]\d|\d{1,2}\.? [^\W\d_]{3})", ""),
        (r"^[^\W\d_]{2,12}\.?,? (?=[^\W\d_]{3,12}\.? \d)", ""),
        # Months and quarters are their first day: 2024-05, 5/2024, 2024年5月, May 2024, Q2 2024
        (rf"^({YEAR})[-/](\d{{1,2}})$", r"\1-\2-1"),
        (rf"^(\d{{1,2}})[-/]({YEAR})$", r"\2-\1-1"),
        (rf"^({YEAR}) ?[年년] ?(\d{{1,2}}) ?[月월]$", r"\1-\2-1"),
        (rf"^([^\W\d_]{{3,12}})\.?[ ,/-]+({YEAR})$", r"1 \1 \2"),
        (rf"^({YEAR})[ ,/-]+([^\W\d_]{{3,12}})\.?$", r"1 \2 \1"),
        *(
            (
                rf"^(?:Q{n}[ /-]*({YEAR})|({YEAR})[ /-]*Q{n}|{n}\. ?quartal ({YEAR}))$",
                rf"\1\2\3-{3 * n - 2}-1",
            )
            for n in (1, 2, 3, 4)
        ),
    )
)


def rewritten(text: str) -> str:
    """Return a date in a form that has digits, a month name, AM or PM and an offset at most.

    Parameters
    ----------
    text
        As it came, white space as single spaces.

    Examples
    --------
    >>> rewritten("2024年5月31日 下午2:05"), rewritten("Fri May 31 14:05:00 UTC 2024")
    ('2024-5-31 2:05 PM', 'May 31, 2024 14:05:00')
    >>> rewritten("31/05/2024 14:05 CEST")
    '31/05/2024 14:05 +0200'
    >>> rewritten("05/2024"), rewritten("mayo de 2024"), rewritten("Q2 2024")
    ('2024-05-1', '1 mayo 2024', '2024-4-1')
    """
    text = ZONE.sub(lambda zone: f" {ZONES[zone[1]]}", text)
    for form, plain in REWRITES:
        text = form.sub(plain, text)
    return text.strip()
