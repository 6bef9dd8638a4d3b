import pytest

from netdef.errors import NetdefError
from netdef.registry import Registry


def make():
    registry = Registry("fruit")
    registry.register("Apple")("a")
    registry.register("Pear")("p")
    return registry


def test_get_and_names():
    registry = make()
    assert registry.get("Apple") == "a" and registry.names() == ["Apple", "Pear"] and "Pear" in registry


def test_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(NetdefError) as error:
        make().get("Aple")
    assert str(error.value) == 'unknown fruit "Aple". Did you mean "Apple"? Known: Apple, Pear.'


def test_a_name_is_given_once():
    registry = make()
    with pytest.raises(TypeError, match="fruit 'Apple' is registered twice: 'a' and 'b'"):
        registry.register("Apple")("b")
