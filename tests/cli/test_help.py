# SPDX-License-Identifier: MIT
"""`adit help` and every --help, as the program itself lists its subcommands."""
import pytest
from shells import SUBCOMMANDS, adit


def test_help_is_another_word_for_its_option():
    assert adit("help").stdout == adit("--help").stdout
    assert SUBCOMMANDS


@pytest.mark.parametrize("subcommand", SUBCOMMANDS)
def test_each_subcommand_has_help_with_an_example(subcommand):
    help = adit(subcommand, "--help")
    assert help.returncode == 0
    assert help.stdout == adit("help", subcommand).stdout == adit(subcommand, "-h").stdout
    assert f"Usage: adit {subcommand}" in help.stdout
    _, _, examples = help.stdout.partition("Example")
    assert f"adit {subcommand}" in examples


def test_a_subcommand_that_is_none_is_wrong_usage():
    done = adit("help", "nonsense")
    assert done.returncode == 2
    assert "there is no subcommand \"nonsense\"" in done.stderr
    assert not done.stdout
