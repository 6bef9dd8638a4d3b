"""Spellings, help and wrong usage, on a subcommand made for the purpose."""

from __future__ import annotations

import argparse

import pytest

from netdef.errors import UsageError
from tools._cli import CommandParser, comma_list, positive_number, whole_number


@pytest.fixture
def parser():
    parser = CommandParser("score", "score a model", ["netdef score --model net.prototxt a.png"])
    parser.add_argument("--model", metavar="FILE", required=True, help="the model's definition")
    parser.add_argument("--iterations", type=positive_number, default=50, metavar="N", help="how many batches")
    parser.add_argument("--seed", type=whole_number, metavar="N", help="the seed")
    parser.add_argument("--shift", type=float, default=0.0, metavar="X", help="a number")
    parser.add_argument("--stage", type=comma_list, default=[], metavar="A,B", help="stages")
    parser.add_argument("--invert", choices=("auto", "yes", "no"), default="auto", help="black background")
    parser.add_argument("--keep-dropout", action="store_true", help="keep Dropout")
    parser.add_argument("-o", "--out", metavar="FILE", help="where to write")
    parser.add_argument("image", metavar="IMAGE", nargs="*", help="an image")
    return parser


def refused(parser: CommandParser, *words: str) -> str:
    with pytest.raises(UsageError) as caught:
        parser.parse(words)
    return str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        ["--model", "net.prototxt", "--iterations", "7"],
        ["-model", "net.prototxt", "-iterations", "7"],
        ["--model=net.prototxt", "--iterations=7"],
        ["-model=net.prototxt", "-iterations=7"],
        ["-iterations", "7", "-model=net.prototxt"],
    ],
)
def test_every_spelling_means_the_same(parser, words):
    args = parser.parse(words)
    assert (args.model, args.iterations) == ("net.prototxt", 7)


def test_positionals_stand_anywhere(parser):
    args = parser.parse(["a.png", "-model", "m", "b.png", "--keep_dropout", "c.png", "--", "-d.png"])
    assert args.image == ["a.png", "b.png", "c.png", "-d.png"]
    assert args.keep_dropout is True


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ([], False),
        (["--keep-dropout"], True),
        (["-keep_dropout"], True),
        (["--keep_dropout=true"], True),
        (["--keep_dropout=false"], False),
        (["--keep_dropout", "--nokeep_dropout"], False),
        (["-nokeep_dropout", "-keep_dropout"], True),
    ],
)
def test_booleans_as_gflags_spells_them(parser, words, value):
    assert parser.parse(["--model=m", *words]).keep_dropout is value


def test_negative_numbers_are_values(parser):
    assert parser.parse(["--model=m", "--shift", "-0.5"]).shift == -0.5
    assert parser.parse(["--model=m", "--shift=-.5"]).shift == -0.5


def test_values_may_look_like_anything(parser):
    assert parser.parse(["--model", "-", "-o", "x=y"]).model == "-"
    assert parser.parse(["--model=a=b"]).model == "a=b"
    assert parser.parse(["--model=m", "--stage=a,,b ,"]).stage == ["a", "b"]


def test_the_last_one_counts(parser):
    assert parser.parse(["--model=a", "--model=b"]).model == "b"


def test_help_asks_for_nothing_else(parser):
    assert parser.parse(["-help"]).help is True
    assert parser.parse(["-h"]) == argparse.Namespace(help=True)


def test_help_text(parser):
    text = parser.format_help()
    assert text.startswith("usage: netdef score --model FILE [options] [IMAGE ...]\n\nscore a model\n")
    assert "  --invert auto|yes|no" in text
    assert "examples:\n  netdef score --model net.prototxt a.png\n" in text
    assert "nokeep" not in text


SEE = ' See "netdef help score".'


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--modle", "m"], 'netdef score: unknown option "--modle". Did you mean "--model"?'),
        (["-iteration=3"], 'netdef score: unknown option "-iteration". Did you mean "--iterations"?'),
        (["--zzz"], 'netdef score: unknown option "--zzz".'),
        (["--nomodel"], 'netdef score: unknown option "--nomodel". Did you mean "--model"?'),
        (["--nokeep_dropout=true"],
         'netdef score: unknown option "--nokeep_dropout". Did you mean "--keep_dropout"?'),
        ([], "netdef score: --model is missing. Give --model FILE: the model's definition."),
        (["--model"], "netdef score: --model needs a value: --model FILE."),
        (["--model", "--seed", "1"], "netdef score: --model needs a value: --model FILE."),
        (["--model=m", "--iterations=0"],
         'netdef score: --iterations is "0"; expected a whole number, 1 or more.'),
        (["--model=m", "--iterations=many"],
         'netdef score: --iterations is "many"; expected a whole number, 1 or more.'),
        (["--model=m", "--seed=-1"], 'netdef score: --seed is "-1"; expected a whole number, 0 or more.'),
        (["--model=m", "--shift=far"], 'netdef score: --shift is "far"; expected a number.'),
        (["--model=m", "--invert=maybe"], 'netdef score: --invert is "maybe"; expected auto, yes or no.'),
        (["--model=m", "--keep_dropout=2"], 'netdef score: --keep-dropout is "2"; expected true or false.'),
    ],
)  # fmt: skip
def test_wrong_usage(parser, words, message):
    assert refused(parser, *words) == message + SEE


def test_missing_and_superfluous_positionals():
    parser = CommandParser("convert", "convert")
    parser.add_argument("images", metavar="IMAGES", help="the images")
    parser.add_argument("labels", metavar="LABELS", help="the labels")
    see = ' See "netdef help convert".'
    assert refused(parser, "a") == "netdef convert: LABELS is missing. Give LABELS: the labels." + see
    assert (
        refused(parser, "a", "b", "c") == 'netdef convert: "c" is one argument too many; expected IMAGES, LABELS.' + see
    )
