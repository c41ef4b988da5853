"""Tables on terminals of any width."""

import pytest
from rich.measure import Measurement

from curate.console.tables import Table, dealt
from curate.console.terminal import plain

ROWS = [("clayhouse.example", "46.6 KB", "1,862", "kept in most of the cases"), ("x" * 30, "1 KB", "7", "")]


def table() -> Table:
    made = Table(box=None, pad_edge=False, title="Hosts")
    for name, side in (("host", "left"), ("bytes", "right"), ("mean characters", "right"), ("told", "left")):
        made.add_column(name, justify=side)  # type: ignore[arg-type]
    for row in ROWS:
        made.add_row(*row)
    return made


@pytest.mark.parametrize("width", [32, 40, 60, 62, 70, 80, 200])
def test_no_word_is_cut(width: int) -> None:
    said = plain(table(), width)
    assert all(len(line) <= width for line in said.splitlines())
    words = said.split()
    for row in ROWS:
        for cell in row:
            assert all(word in words for word in cell.split()), (width, cell)
    assert "46.6 KB" in said  # a figure keeps its unit
    assert "Hosts" in said


def test_a_row_becomes_a_block_where_its_words_do_not_fit() -> None:
    assert plain(table(), 40).splitlines() == [
        "Hosts",
        "clayhouse.example",
        "  bytes            46.6 KB",
        "  mean characters  1,862",
        "  told             kept in most of the",
        "                   cases",
        "x" * 30,
        "  bytes            1 KB",
        "  mean characters  7",
    ]


def test_a_table_is_shown_again_at_another_width() -> None:
    made = table()
    first = [plain(made, width) for width in (40, 200, 70)]
    assert [plain(made, width) for width in (40, 200, 70)] == first


@pytest.mark.parametrize(
    ("room", "widths"), [(0, [3, 4, 5]), (2, [4, 5, 5]), (5, [4, 6, 7]), (100, [4, 9, 20]), (-1, [3, 4, 5])]
)
def test_room_goes_to_those_first_that_want_least(room: int, widths: list[int]) -> None:
    assert dealt([Measurement(3, 4), Measurement(4, 9), Measurement(5, 20)], room) == widths
