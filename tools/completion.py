"""``netdef completion``: what teaches a shell to complete netdef's commands and options."""

from __future__ import annotations

from argparse import Namespace

from tools._cli import CommandParser

NAME = "completion"
HELP = "print what makes bash, zsh or fish complete the commands"
EXAMPLES = [
    "netdef completion bash",
    "netdef completion fish",
]


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), metavar="SHELL", help="bash, zsh or fish")


def run(args: Namespace) -> int:
    print({"bash": bash, "zsh": zsh, "fish": fish}[args.shell](), end="")
    return 0


def options() -> dict[str, list[str]]:
    """The options of each command, ``--help`` among them."""
    from tools.main import COMMANDS, load_command, make_parser

    found = {}
    for name in COMMANDS:
        actions = make_parser(load_command(name)).options.values()
        found[name] = list(dict.fromkeys(action.option_strings[-1] for action in actions))
    return found


def bash() -> str:
    known = options()
    cases = "\n".join(f'        {name}) words="{" ".join(words)}" ;;' for name, words in known.items())
    return f"""\
_netdef() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" words=""
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{" ".join(known)} help version" -- "$current"))
        return
    fi
    case "${{COMP_WORDS[1]}}" in
        help) words="{" ".join(known)}" ;;
{cases}
    esac
    case "$current" in
        -*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
        *) [ "${{COMP_WORDS[1]}}" = help ] && COMPREPLY=($(compgen -W "$words" -- "$current")) \\
            || COMPREPLY=($(compgen -f -- "$current")) ;;
    esac
}}
complete -o filenames -F _netdef netdef
"""


def zsh() -> str:
    return "autoload -U +X bashcompinit && bashcompinit\n" + bash()


def fish() -> str:
    lines = ["complete -c netdef -n __fish_use_subcommand -f -a help -d 'tell all about a command'"]
    from tools.main import load_command

    for name, words in options().items():
        text = load_command(name).HELP.replace("'", "\\'")
        lines.append(f"complete -c netdef -n __fish_use_subcommand -f -a {name} -d '{text}'")
        lines += [f"complete -c netdef -n '__fish_seen_subcommand_from {name}' -l {word[2:]}" for word in words]
    return "\n".join(lines) + "\n"
