import pytest

from netdef.errors import NetError, WeightsError
from netdef.importers.darknet.cfg import parse_cfg, read_cfg

TEXT = """\
# a comment
[net]
  width = 32
height=28   ; another
steps=40, 45,50

[convolutional]
size=3
size=5
activation= relu
"""


def test_sections_and_options():
    net, convolutional = parse_cfg(TEXT)
    assert (net.name, convolutional.name) == ("net", "convolutional")
    assert (net.integer("width"), net.integer("height"), net.integers("steps")) == (32, 28, [40, 45, 50])
    assert (convolutional.text("activation", "linear"), convolutional.text("other", "x")) == ("relu", "x")


def test_places():
    net, convolutional = parse_cfg(TEXT, "a.cfg")
    assert str(net.location) == "a.cfg:2:1" and str(net.options["width"].location) == "a.cfg:3:3"
    assert str(convolutional.options["activation"].location) == "a.cfg:10:1"


def test_the_first_of_two_counts_as_in_darknet():
    assert parse_cfg(TEXT)[1].integer("size") == 3


def test_several_to_a_line():
    text = "[net] batch=100 width = 32\tsteps=1, 2 scales=.1,.5 [convolutional] filters=6 [maxpool][softmax]"
    net, convolutional, pool, softmax = parse_cfg(text, "a.cfg")
    assert (net.integer("batch"), net.integer("width")) == (100, 32)
    assert (net.integers("steps"), net.numbers("scales")) == ([1, 2], [0.1, 0.5])
    assert (convolutional.integer("filters"), pool.options, softmax.name) == (6, {}, "softmax")
    assert str(convolutional.options["filters"].location) == "a.cfg:1:68"


def test_defaults_and_what_was_asked_for():
    net = parse_cfg("[net]\nwidth=3\nmomentum=0.9\n")[0]
    assert (net.integer("batch", 1), net.number("decay", 0.5), net.flag("adam"), net.numbers("x")) == (
        1,
        0.5,
        False,
        [],
    )
    assert net.has("width") and not net.has("height")
    assert net.unasked() == ["momentum"]
    assert net.nearest("momentun") == "" and net.nearest("widht") == ' Did you mean "width"?'


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "a.cfg: has no section; expected [net] and the sections of its layers. Name a Darknet cfg."),
        ("width=3", 'a.cfg:1:1: "width" stands before any section; expected [net] first.'),
        ("[net]\n  width", 'a.cfg:2:3: found "width"; expected [section] or key=value. Correct the line.'),
        ("[net]\nwidth=3 ]", 'a.cfg:2:1: [net] width is "3 ]"; expected a whole number. Correct it.'),
        ("[net]\nwidth=", "a.cfg:2:1: [net] width has no value; expected width=…. Complete the line."),
        ("[net]\nwidth=3.5", 'a.cfg:2:1: [net] width is "3.5"; expected a whole number. Correct it.'),
        ("[net]\n", "a.cfg:1:1: [net] has no width; expected a whole number. Add width=…."),
        (
            "[net]\nwidht=3",
            'a.cfg:1:1: [net] has no width; expected a whole number. Did you mean "widht"? Add width=….',
        ),
        ("[net\nwidth=3", 'a.cfg:1:1: found "[net"; expected [section] or key=value. Correct the line.'),
    ],
)
def test_wrong_text(text, message):
    with pytest.raises(NetError) as caught:
        parse_cfg(text, "a.cfg")[0].integer("width")
    assert caught.value.sentence() == message


@pytest.mark.parametrize("value, found", [("nan", "nan"), ("inf", "inf"), ("-1", "-1"), ("a", "a")])
def test_wrong_numbers(value, found):
    with pytest.raises(NetError) as caught:
        parse_cfg(f"[net]\ndecay={value}", "a.cfg")[0].number("decay", 1.0, least=0)
    assert str(caught.value) == (
        f'a.cfg:2:1: [net] decay is "{found}"; expected a number, 0 or more. Correct it.\n  decay={value}\n  ^'
    )


def test_files(tmp_path):
    path = tmp_path / "n.cfg"
    path.write_bytes(b"\xef\xbb\xbf[net]\r\nwidth=3\r\n")
    assert read_cfg(path)[0].integer("width") == 3
    path.write_bytes(b"[net]\n\xff\xfe")
    with pytest.raises(NetError) as caught:
        read_cfg(path)
    assert (
        caught.value.sentence() == f"{path}: byte 6 is not text; expected a Darknet cfg. Name the cfg, not the weights."
    )
    with pytest.raises(WeightsError) as missing:
        read_cfg(tmp_path / "none.cfg")
    assert (
        missing.value.message == "cannot be read: No such file or directory; a Darknet cfg is expected. Check the path."
    )
