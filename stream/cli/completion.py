"""`leadscore completion`: shell completion for bash, zsh and fish."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

__all__ = ["VARIABLE", "completion"]

PROGRAM = "leadscore"
VARIABLE = "_LEADSCORE_COMPLETE"
"""Environment variable by which the script asks for completions; click derives it from the name."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script that completes commands and options in SHELL.

    \b
      source <(leadscore completion bash)
      leadscore completion zsh > ~/.zfunc/_leadscore
      leadscore completion fish > ~/.config/fish/completions/leadscore.fish

    For bash (4.4 or later) put that line into ~/.bashrc. For zsh ~/.zfunc must be in fpath.

    Exit codes: 0 printed, 2 the shell is not known.
    """  # noqa: D301
    maker = get_completion_class(shell)
    assert maker is not None, "click has all three"
    root = click.get_current_context().find_root().command
    click.echo(maker(root, {}, PROGRAM, VARIABLE).source())
