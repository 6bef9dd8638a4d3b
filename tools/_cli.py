"""The command line's language: Caffe's gflags spellings, and wrong usage as one sentence.

A subcommand is a thin module in this folder with ``NAME``, ``HELP`` (one line), ``EXAMPLES`` (whole command lines),
``add_arguments(parser)`` and ``run(args) -> exit status``. It imports numpy, numba and the library inside
``run`` only, so that help is quick. Its options are added with ``parser.add_argument("--name", ...)``; the
parser then takes every spelling that Caffe's own programs take: ``--name x``, ``--name=x``, ``-name x``,
``-name=x``, and for ``action="store_true"`` also ``--noname`` and ``--name=false``; anywhere in the line.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from netdef.errors import UsageError, suggestion

TRUE_WORDS = ("true", "t", "1", "yes", "y")
FALSE_WORDS = ("false", "f", "0", "no", "n")
NUMBER = re.compile(r"-\.?\d")


class CommandParser(argparse.ArgumentParser):
    """An argparse parser with gflags' spellings, for one subcommand.

    ``words_follow``: all that stands behind the first positional word is taken as it is, options included.

    Raises: UsageError, for anything that cannot be understood, naming what was found and what is expected.
    """

    def __init__(self, name: str, description: str, examples: Sequence[str] = ()) -> None:
        epilog = "examples:\n" + "\n".join(f"  {line}" for line in examples) if examples else None
        super().__init__(
            prog=f"netdef {name}",
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            add_help=False,
            allow_abbrev=False,
        )
        self.options: dict[str, argparse.Action] = {}
        self.positionals: list[argparse.Action] = []
        self.required: list[argparse.Action] = []
        self.excuses: dict[argparse.Action, str | None] = {}
        self.choices: dict[argparse.Action, list[str]] = {}
        self.words_follow = False
        self.add_argument("--help", action="store_true", help="show this text")
        self.options["h"] = self.options["help"]

    def add_argument(self, *names: str, **kwargs: Any) -> argparse.Action:
        """Argparse's, with converters that answer in sentences and ``required`` checked by `parse`.

        ``unless`` names an option that, where it is given, makes a required one needless.
        """
        required = bool(kwargs.pop("required", False))
        unless = kwargs.pop("unless", None)
        is_option = names[0].startswith("-")
        choices = kwargs.pop("choices", None)
        if choices is not None or kwargs.get("type") is not None:
            if choices is not None:
                kwargs.setdefault("metavar", "|".join(map(str, choices)))
            label = names[-1] if is_option else kwargs.get("metavar", names[0])
            kwargs["type"] = _converter(self.prog, str(label), kwargs.get("type", str), choices)
        action = super().add_argument(*names, **kwargs)
        if choices is not None:
            self.choices[action] = list(map(str, choices))
        if not is_option:
            self.positionals.append(action)
            return action
        for name in names:
            self.options[_plain(name)] = action
        if required:
            self.required.append(action)
            self.excuses[action] = unless
        if _is_flag(action):
            super().add_argument(
                f"--no{_plain(names[-1])}", dest=action.dest, action="store_false", help=argparse.SUPPRESS
            )
        return action

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """The arguments in ``words``; ``.help`` tells that help was asked for, and then nothing is checked."""
        options, positionals = self._sort_words(list(words))
        if "--help" in options:
            return argparse.Namespace(help=True)
        self._check_complete(options, positionals)
        args, extra = self.parse_known_args([*options, *(["--"] if positionals else []), *positionals])
        extra = [word for word in extra if word != "--"]
        if extra:
            expected = ", ".join(str(action.metavar or action.dest) for action in self.positionals) or "options only"
            self.fail(f'"{extra[0]}" is one argument too many; expected {expected}.')
        return args

    def fail(self, message: str) -> None:
        """Raises UsageError: ``message`` with the command in front and the way to its help behind."""
        raise UsageError(f'{self.prog}: {message} See "netdef help {_words_of(self.prog)}".')

    def error(self, message: str) -> None:  # argparse's own hook
        self.fail(message[:1].upper() + message[1:] + ".")

    def format_usage(self) -> str:
        """One line: what is required, then ``[options]``, then the positionals."""
        needed = [f"{action.option_strings[-1]} {_metavar(action)}" for action in self.required]
        places = [_place(action) for action in self.positionals]
        return " ".join(["usage:", self.prog, *needed, "[options]", *places]) + "\n"

    def format_help(self) -> str:
        formatter = self._get_formatter()
        formatter.add_text(self.format_usage().rstrip() + "\n\n" + str(self.description))
        for title, actions in (("arguments", self.positionals), ("options", self._option_actions())):
            formatter.start_section(title)
            formatter.add_arguments(actions)
            formatter.end_section()
        formatter.add_text(self.epilog)
        return formatter.format_help()

    def _option_actions(self) -> list[argparse.Action]:
        return list(dict.fromkeys(self.options.values()))

    def _sort_words(self, words: list[str]) -> tuple[list[str], list[str]]:
        """Options in argparse's spelling, each with its value, and apart from them the positional words."""
        options: list[str] = []
        positionals: list[str] = []
        while words:
            word = words.pop(0)
            if word == "--":
                positionals.extend(words)
                break
            if not word.startswith("-") or word == "-" or NUMBER.match(word):
                positionals.append(word)
                if self.words_follow:
                    positionals.extend(words)
                    break
                continue
            options.extend(self._spell_option(word, words))
        return options, positionals

    def _spell_option(self, word: str, rest: list[str]) -> list[str]:
        """One option as argparse wants it; takes its value off the front of ``rest`` where it needs one."""
        name, has_value, value = _plain(word).partition("=")
        action = self.options.get(name)
        if action is None:
            action = self.options.get(name[2:]) if name.startswith("no") else None
            if action is None or not _is_flag(action) or has_value:
                self.fail(f'unknown option "{word.partition("=")[0]}".{self._nearest(name)}')
            return [f"--no{_plain(action.option_strings[-1])}"]
        long_name = action.option_strings[-1]
        if _is_flag(action):
            is_on = not has_value or self._truth(long_name, value)
            return [long_name if is_on else f"--no{_plain(long_name)}"]
        if has_value:
            return [f"{long_name}={value}"]
        if action.nargs is not None:
            return [long_name, *_take_values(rest)]
        if not rest or self._is_option(rest[0]):
            self.fail(f"{long_name} needs a value: {long_name} {_metavar(action)}.")
        return [f"{long_name}={rest.pop(0)}"]

    def _is_option(self, word: str) -> bool:
        return word.startswith("-") and _plain(word).partition("=")[0] in self.options

    def _nearest(self, name: str) -> str:
        near = suggestion(name, self.options)
        return re.sub(r'"(.*)"', r'"--\1"', near)

    def _truth(self, name: str, value: str) -> bool:
        if value.lower() not in TRUE_WORDS + FALSE_WORDS:
            self.fail(f'{name} is "{value}"; expected true or false.')
        return value.lower() in TRUE_WORDS

    def _check_complete(self, options: Sequence[str], positionals: Sequence[str]) -> None:
        given = {word.partition("=")[0] for word in options}
        for action in self.required:
            if not given.intersection(action.option_strings) and self.excuses[action] not in given:
                name = action.option_strings[-1]
                self.fail(f"{name} is missing. Give {name} {_metavar(action)}: {action.help}.")
        needed = [action for action in self.positionals if action.nargs in (None, "+")]
        if len(positionals) < len(needed):
            action = needed[len(positionals)]
            self.fail(f"{action.metavar or action.dest} is missing. Give {_place(action)}: {action.help}.")


def whole_number(text: str) -> int:
    """A converter for ``add_argument(type=...)``: an integer of 0 or more."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("a whole number, 0 or more")
    return value


def positive_number(text: str) -> int:
    """A converter: an integer of 1 or more."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("a whole number, 1 or more")
    return value


def comma_list(text: str) -> list[str]:
    """A converter: ``a,b`` → ``["a", "b"]``; empty parts fall away."""
    return [part.strip() for part in text.split(",") if part.strip()]


EXPECTED = {int: "a whole number", float: "a number", whole_number: "a whole number, 0 or more",
            positive_number: "a whole number, 1 or more"}  # fmt: skip


def _converter(
    prog: str, label: str, kind: Callable[[str], Any], choices: Iterable[Any] | None
) -> Callable[[str], Any]:
    """``kind`` with its failures told as a UsageError that names the option and what it expects."""
    command = _words_of(prog)

    def convert(text: str) -> Any:
        expected = EXPECTED.get(kind, "another value")
        try:
            value = kind(text)
        except argparse.ArgumentTypeError as error:
            raise _wrong_value(prog, command, label, text, str(error)) from None
        except ValueError:
            raise _wrong_value(prog, command, label, text, expected) from None
        if choices is not None and value not in choices:
            raise _wrong_value(prog, command, label, text, _either(list(map(str, choices))))
        return value

    return convert


def _wrong_value(prog: str, command: str, label: str, text: str, expected: str) -> UsageError:
    return UsageError(f'{prog}: {label} is "{text}"; expected {expected}. See "netdef help {command}".')


def _either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]


def _words_of(prog: str) -> str:
    """``netdef train`` → ``train``, ``netdef import npz`` → ``import npz``."""
    return prog.removeprefix("netdef ")


def _plain(name: str) -> str:
    """``--no-such=x`` → ``no_such=x``: gflags and the shell's habit of hyphens mean the same option."""
    head, equals, value = name.lstrip("-").partition("=")
    return head.replace("-", "_") + equals + value


def _is_flag(action: argparse.Action) -> bool:
    return action.nargs == 0


def _take_values(rest: list[str]) -> list[str]:
    values = []
    while rest and not (rest[0].startswith("-") and not NUMBER.match(rest[0])):
        values.append(rest.pop(0))
    return values


def _metavar(action: argparse.Action) -> str:
    return str(action.metavar or action.dest.upper())


def _place(action: argparse.Action) -> str:
    name = str(action.metavar or action.dest)
    return {None: name, "+": f"{name} ...", "*": f"[{name} ...]", "?": f"[{name}]"}.get(action.nargs, name)
