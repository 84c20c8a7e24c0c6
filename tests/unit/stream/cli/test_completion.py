"""Completion: the script for each shell, and what it completes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from stream.__main__ import COMMANDS, main
from stream.cli.completion import VARIABLE

PROGRAM = Path(sys.executable).with_name("leadscore")


def complete(shell: str, words: str, at: int, **more: str) -> str:
    """Ask for completions as the script of a shell does."""
    asked = {VARIABLE: f"{shell}_complete", "COMP_WORDS": words, "COMP_CWORD": str(at)}
    done = subprocess.run(
        [PROGRAM],
        env=os.environ | asked | more,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(shell: str) -> None:
    made = CliRunner().invoke(main, ["completion", shell])
    assert made.exit_code == 0, made.output
    assert f"{VARIABLE}={shell}_complete" in made.output
    assert "leadscore" in made.output


def test_a_shell_that_is_not_known_is_refused() -> None:
    assert CliRunner().invoke(main, ["completion", "csh"]).exit_code == 2


def test_commands_are_completed_in_bash() -> None:
    assert complete("bash", "leadscore mod", 1).split() == ["plain,models"]


def test_commands_are_completed_in_zsh_with_their_sentence() -> None:
    assert complete("zsh", "leadscore mod", 1).splitlines() == [
        "plain",
        "models",
        COMMANDS["models"][1],
    ]


def test_commands_are_completed_in_fish() -> None:
    assert "models" in complete("fish", "leadscore mod", 1, COMP_CWORD="mod")


def test_options_of_a_command_are_completed() -> None:
    assert "plain,--partitions" in complete("bash", "leadscore topics create --part", 3).split()


def test_names_of_commands_are_completed_without_importing_them() -> None:
    look = (
        "import sys, click\n"
        "from stream.__main__ import main\n"
        "context = click.Context(main)\n"
        "names = [item.value for item in main.shell_complete(context, '')]\n"
        "print(len(names), *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    count, *modules = done.stdout.split()
    assert int(count) >= len(COMMANDS)
    assert not {"stream.settings", "numpy", "aiokafka"} & set(modules)


@pytest.mark.skipif(shutil.which("bash") is None, reason="completes in a real bash")
def test_a_real_bash_completes_a_command(tmp_path: Path) -> None:
    script = tmp_path / "leadscore.bash"
    script.write_text(CliRunner().invoke(main, ["completion", "bash"]).output)
    asked = (
        f'PATH="{PROGRAM.parent}:$PATH"; source {script}\n'
        "COMP_WORDS=(leadscore snap); COMP_CWORD=1\n"
        '_leadscore_completion leadscore; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", asked], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["snapshot"]


@pytest.mark.skipif(shutil.which("fish") is None, reason="completes in a real fish")
def test_a_real_fish_completes_a_command(tmp_path: Path) -> None:
    script = tmp_path / "leadscore.fish"
    script.write_text(CliRunner().invoke(main, ["completion", "fish"]).output)
    done = subprocess.run(
        ["fish", "--no-config", "-c", f'source {script}; complete -C "leadscore snap"'],
        env=os.environ | {"PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["snapshot", *COMMANDS["snapshot"][1].split()]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="completes in a real zsh")
def test_a_real_zsh_completes_a_command(tmp_path: Path) -> None:
    script = tmp_path / "_leadscore"
    script.write_text(CliRunner().invoke(main, ["completion", "zsh"]).output)
    asked = (
        f"compdef() {{ }}; source {script}\n"
        # What the completion system calls, and what it is given: the name of an array.
        '_describe() { print -rl -- "${(@P)3}" }; compadd() { }\n'
        "words=(leadscore snap); CURRENT=2; _leadscore_completion"
    )
    done = subprocess.run(
        ["zsh", "--no-rcs", "-c", asked],
        env=os.environ | {"PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [f"snapshot:{COMMANDS['snapshot'][1]}"]
