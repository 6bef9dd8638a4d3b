"""Where an error is, as people see it."""

from __future__ import annotations

from prototxt.errors import Location, NetdefError, suggestion


def test_the_caret_stands_below_the_column():
    assert Location("a.prototxt", 3, 5, "    pad: 3").excerpt() == "      pad: 3\n      ^"


def test_tabs_stay_tabs():
    assert Location("a.prototxt", 3, 3, "\t\tpad: 3").excerpt() == "  \t\tpad: 3\n  \t\t^"


def test_control_characters_do_not_reach_the_terminal():
    assert Location("a.prototxt", 1, 5, "\x1b[2Jx").excerpt() == "  \ufffd[2Jx\n      ^"


def test_of_a_long_line_the_part_around_the_column_is_shown():
    line = "a" * 500 + "B" + "c" * 500
    assert Location("a.prototxt", 1, 501, line).excerpt() == "  " + "a" * 80 + "B" + "c" * 79 + "\n" + " " * 82 + "^"


def test_nothing_is_shown_where_the_line_is_not_known():
    assert Location("a.caffemodel").excerpt() == ""
    assert str(NetdefError("is empty.", location=Location("a.caffemodel"))) == "a.caffemodel: is empty."


def test_place_layer_message():
    error = NetdefError("pad is 3. Lower it.", location=Location("a", 2, 1, "x"), layer_name="p", layer_type="Pooling")
    assert str(error) == 'a:2:1: layer "p" (Pooling): pad is 3. Lower it.\n  x\n  ^'
    assert (error.filename, error.line, error.column, error.exit_code) == ("a", 2, 1, 1)


def test_suggestion_ignores_case():
    assert suggestion("convolutoin", ["Convolution", "Pooling"]) == ' Did you mean "Convolution"?'
    assert suggestion("zzz", ["Convolution"]) == ""
