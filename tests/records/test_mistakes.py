"""What is wrong with a loop, written into a record and read again."""

from nnscratch_records import mistakes
from nnscratch_records.mistakes import Mistake


def test_what_is_written_is_read():
    one = Mistake("steps uphill", "seen 3", "why", "cure", "w -= lr * dw")
    two = Mistake("broadcast loss", "seen", "", "", "")
    assert mistakes.read(mistakes.written([one, two])) == [one, two]
    assert mistakes.read(mistakes.written([])) == []


def test_names_with_tabs_and_line_breaks_stay_in_their_place():
    torn = Mistake("kind", "a\tname\nin two", "why", "cure", "code")
    assert (
        mistakes.read(mistakes.written([torn, torn]))
        == [Mistake("kind", "a name in two", "why", "cure", "code")] * 2
    )


def test_lines_of_other_shape_are_passed_over():
    assert mistakes.read("kind\tseen\nkind\tseen\twhy\tcure\tcode\tmore\n\n") == []
