"""``netdef completion``: what teaches a shell to complete netdef's commands, options and their values."""

from __future__ import annotations

from argparse import Action, Namespace
from dataclasses import dataclass, field

from tools._cli import CommandParser

NAME = "completion"
HELP = "print what makes bash, zsh or fish complete the commands"
EXAMPLES = [
    "netdef completion bash",
    "netdef completion fish",
]
PATHS = ("FILE", "FOLDER", "FILE,FILE")  # the metavars of options whose value is a path


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), metavar="SHELL", help="bash, zsh or fish")


def run(args: Namespace) -> int:
    print({"bash": bash, "zsh": zsh, "fish": fish}[args.shell](), end="")
    return 0


@dataclass
class Option:
    """An option: its spellings without hyphens, and what its value can be."""

    names: list[str]
    takes_value: bool
    is_path: bool
    choices: list[str] = field(default_factory=list)


@dataclass
class Command:
    """A command's options, ``--help`` among them, and the words that its arguments can be."""

    help: str
    options: list[Option]
    words: list[str]


def commands() -> dict[str, Command]:
    """All commands by name."""
    from tools.main import COMMANDS, load_command, make_parser

    found = {}
    for name in COMMANDS:
        module = load_command(name)
        parser = make_parser(module)
        options = [_option(parser, action) for action in dict.fromkeys(parser.options.values())]
        words = [word for action in parser.positionals for word in parser.choices.get(action, ())]
        found[name] = Command(module.HELP, options, words)
    return found


def _option(parser: CommandParser, action: Action) -> Option:
    names = [name.lstrip("-") for name in reversed(action.option_strings)]
    return Option(names, action.nargs != 0, action.metavar in PATHS, parser.choices.get(action, []))


# -- bash and zsh ------------------------------------------------------------------------------------------------


def bash() -> str:
    known = commands()
    options = "\n".join(
        f'        {name}) words="{" ".join("--" + option.names[0] for option in command.options)}" ;;'
        for name, command in known.items()
    )
    values = "\n".join(line for name, command in known.items() for line in _bash_values(name, command.options))
    words = "\n".join(f'        {name}) words="{" ".join(c.words)}" ;;' for name, c in known.items() if c.words)
    return f"""\
_netdef() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" command="${{COMP_WORDS[1]//-/_}}" option="" words=""
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{" ".join(known)} help version" -- "$current"))
        return
    fi
    option="${{COMP_WORDS[COMP_CWORD-1]}}"
    if [ "$current" = "=" ]; then
        current=""
    elif [ "$option" = "=" ]; then
        option="${{COMP_WORDS[COMP_CWORD-2]}}"
    fi
    case "$option" in
        -*) option="${{option#-}}" option="${{option#-}}" option="${{option//-/_}}" ;;
        *) option="" ;;
    esac
    case "$command $option" in
{values}
    esac
    case "$command" in
        help) COMPREPLY=($(compgen -W "{" ".join(known)}" -- "$current")); return ;;
{words}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    case "$current" in
        -*) ;;
        *) COMPREPLY+=($(compgen -f -- "$current")); return ;;
    esac
    case "$command" in
{options}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o filenames -F _netdef netdef
"""


def _bash_values(command: str, options: list[Option]) -> list[str]:
    """The branches for options that take a value: one of some words, a path, or what cannot be guessed."""
    paths, others, lines = [], [], []
    for option in options:
        keys = [f'"{command} {name}"' for name in option.names]
        if option.choices:
            reply = f'COMPREPLY=($(compgen -W "{" ".join(option.choices)}" -- "$current"))'
            lines.append(f"        {'|'.join(keys)}) {reply}; return ;;")
        elif option.takes_value:
            (paths if option.is_path else others).extend(keys)
    if paths:
        part = '-P "${current%"${current##*,}"}" -- "${current##*,}"'  # of a list, the last one
        lines.append(f"        {'|'.join(paths)}) COMPREPLY=($(compgen -f {part})); return ;;")
    if others:
        lines.append(f"        {'|'.join(others)}) COMPREPLY=(); return ;;")
    return lines


def zsh() -> str:
    return "autoload -U +X bashcompinit && bashcompinit\n" + bash()


# -- fish --------------------------------------------------------------------------------------------------------


def fish() -> str:
    lines = ["complete -c netdef -n __fish_use_subcommand -f -a help -d 'tell all about a command'"]
    for name, command in commands().items():
        text = command.help.replace("'", "\\'")
        lines.append(f"complete -c netdef -n __fish_use_subcommand -f -a {name} -d '{text}'")
        seen = f"complete -c netdef -n '__fish_seen_subcommand_from {name}'"
        lines += [f"{seen} -l {option.names[0]}{_fish_value(option)}" for option in command.options]
        if command.words:
            lines.append(f"{seen} -a '{' '.join(command.words)}'")
    return "\n".join(lines) + "\n"


def _fish_value(option: Option) -> str:
    if option.choices:
        return f" -x -a '{' '.join(option.choices)}'"
    if not option.takes_value:
        return ""
    return " -r -F" if option.is_path else " -x"
