from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
CONSUMER = ROOT / "examples/read_scores.py"
MOST_KB = 200


def test_the_consumer_is_the_one_in_examples() -> None:
    [shown] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)

    assert shown == CONSUMER.read_text()


def test_the_consumer_has_fifteen_lines_besides_its_imports() -> None:
    lines = CONSUMER.read_text().splitlines()
    besides = ("", "import ", "from ", "#", '"""')

    assert len([line for line in lines if not _begins(line.strip(), besides)]) <= 15


def _begins(line: str, ways: tuple[str, ...]) -> bool:
    return any(line.startswith(way) if way else not line for way in ways)


def test_pictures_are_small() -> None:
    large = {
        path.name: path.stat().st_size
        for path in (ROOT / "docs/images").iterdir()
        if path.stat().st_size > MOST_KB * 1000
    }

    assert large == {}
