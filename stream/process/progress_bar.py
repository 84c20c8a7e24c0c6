"""A progress bar on a terminal, and nothing elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn

__all__ = ["ProgressBar"]


class ProgressBar:
    """A bar that is shown while the body runs, and removed afterwards.

    Parameters
    ----------
    title
        What is in progress.
    console
        Standard error, so that standard output has the result alone.
    columns
        What follows the bar: a column of rich, or the name of a field of `update`.
    total
        Number of steps; None while it is not known.
    is_shown
        False: no bar, on a terminal either.
    """

    def __init__(
        self,
        title: str,
        console: Console,
        *columns: ProgressColumn | str,
        total: int | None = None,
        is_shown: bool = True,
    ) -> None:
        names = [column for column in columns if isinstance(column, str)]
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            *(
                TextColumn(f"{{task.fields[{column}]}}") if isinstance(column, str) else column
                for column in columns
            ),
            console=console,
            disable=not (is_shown and console.is_terminal),
            transient=True,
        )
        fields: dict[str, Any] = dict.fromkeys(names, "")
        self._task = self._bar.add_task(title, total=total, **fields)

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the bar."""
        self._bar.stop()

    def update(self, **values: Any) -> None:
        """Show how far it is: ``completed``, ``total``, and the fields that the columns name."""
        self._bar.update(self._task, **values)
