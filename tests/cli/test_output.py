"""What a terminal is shown of words that others have written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cms_core.cli.output import plain, print_table


@given(st.text())
def test_no_words_move_the_cursor_or_begin_a_line(words: str) -> None:
    shown = plain(words)
    assert shown.isprintable()
    assert len(shown) == len(words)


def test_a_cell_of_a_table_stays_in_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([{"reason": "no\r\nforged  published\x1b[2J"}], ("reason",))
    assert capsys.readouterr().out == "REASON\nno  forged  published [2J\n"
