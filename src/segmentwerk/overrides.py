"""From the shell to Hydra: a text is quoted, so that no sign in it means anything; flags go first.

Hydra's own language stays what it is for everything else, and for a text where it is meant: one in quotes of
its own, ``null`` where the key may be null, ``${...}``, and in a multirun the commas between several values.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from functools import cache
from typing import NoReturn, get_args

from segmentwerk.config import RootSettings, TextKey, text_key
from segmentwerk.core.errors import ConfigError

_WORDS = {"data": ("action", "subject"), "promote": ("version",)}
"""Keys of a verb's words, as in `data check` and `promote 3`."""
_OVERRIDE = re.compile(r"(?P<key>\+{0,2}(?P<name>[^+~@=][^@=]*)=)(?P<value>.*)", re.DOTALL)
_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_CALL = re.compile(r"[A-Za-z_]+\(.*\)", re.DOTALL)
_FLAG = re.compile(r"--(?P<name>[a-z_]+)(?P<value>=.*)?", re.DOTALL)
_PIECE = re.compile(rf"\s*({_QUOTED}|[^,]*?)\s*(?:,|$)", re.DOTALL)


def translate(verb: str, arguments: Sequence[str], root: type[RootSettings]) -> list[str]:
    """Return the arguments of a verb as Hydra takes them: its own flags, then the overrides.

    Parameters
    ----------
    arguments
        As the shell handed them over, without the verb.
    root
        The verb's settings: they say which keys hold texts.

    Raises
    ------
    ConfigError
        If an argument is empty, no ``key=value``, or a flag is unknown.
    """
    for argument in arguments:
        _insist_on_text(argument)
    given, flags = _split(verb, [_flag(argument, root) for argument in arguments])
    if given.shell_completion:
        return list(arguments)
    sweep = given.multirun or "hydra.mode=MULTIRUN" in given.overrides
    words = list(_WORDS.get(verb, ()))
    actions = () if "action" in words else _actions(root)
    overrides = []
    for place, argument in enumerate(given.overrides):
        if argument in actions:
            overrides.append(f"action={quoted(argument)}")
        elif "=" not in argument and argument[0] not in "~+":
            if not words:
                raise _no_override(argument, given.overrides[:place], root)
            overrides.append(f"{words.pop(0)}={quoted(argument)}")
        else:
            overrides.append(override(argument, root, sweep=sweep))
    return [*flags, *overrides]


def _flag(argument: str, root: type[RootSettings]) -> str:
    """Write a flag of a verb as ``key=value``: ``--force``, ``--reason="…"``, ``--rollback``.

    Every key of a verb is a flag, too; one without a value says yes. So is each of its actions. Hydra's own
    flags come first.
    """
    match = _FLAG.fullmatch(argument)
    if not match or argument.partition("=")[0] in _hydra_flags():
        return argument
    name, value = match["name"], match["value"]
    if value is None and name in _actions(root):
        return f"action={name}"
    field = root.model_fields.get(name)
    if field is None or (value is None and field.annotation is not bool):
        return argument
    return f"{name}{value or '=true'}"


def _actions(root: type[RootSettings]) -> tuple[str, ...]:
    """Return the words that a verb's key ``action`` takes."""
    field = root.model_fields.get("action")
    return get_args(field.annotation) if field else ()


@cache
def _hydra_flags() -> frozenset[str]:
    from hydra._internal.utils import get_args_parser

    return frozenset(word for action in get_args_parser()._actions for word in action.option_strings)


def override(argument: str, root: type[RootSettings], *, sweep: bool = False) -> str:
    r"""Quote the value of ``key=value`` where the key holds a text.

    Parameters
    ----------
    sweep
        Whether commas outside quotes part the values of a multirun.

    Examples
    --------
    >>> from segmentwerk.config import ScoreSettings
    >>> print(override("input=accounts (1).csv", ScoreSettings))
    input='accounts (1).csv'
    >>> print(override("seed=3", ScoreSettings))
    seed=3
    """
    match = _OVERRIDE.fullmatch(argument)
    key = text_key(root, match["name"]) if match else None
    if not match or key is None:
        return argument
    if not sweep:
        return match["key"] + _single(match["value"], key)
    if _CALL.fullmatch(match["value"]):  # choice(a,b) and the like: a sweep in Hydra's words
        return argument
    return match["key"] + ",".join(_single(piece, key) for piece in _pieces(match["value"]))


def quoted(text: str) -> str:
    r"""Write a text so that Hydra takes it for just that text.

    Examples
    --------
    >>> print(quoted("Anna's"))
    'Anna\'s'
    """
    plain = re.sub(r"(\\*)\$\{", r"\1\1\\${", text)  # else OmegaConf would look for what it names
    return _in_quotes(plain)


def _single(value: str, key: TextKey) -> str:
    if value == "" or (key.nullable and value.lower() == "null") or re.fullmatch(_QUOTED, value, re.DOTALL):
        return value
    return _in_quotes(value) if _refers(value) else quoted(value)


def _in_quotes(text: str) -> str:
    escaped = re.sub(r"(\\*)(?='|\Z)", r"\1\1", text).replace("'", "\\'")
    return f"'{escaped}'"


def _refers(value: str) -> bool:
    """Return whether a text names something by ``${...}``, in OmegaConf's grammar."""
    if "${" not in value:
        return False
    from omegaconf.errors import GrammarParseError
    from omegaconf.grammar_parser import parse

    try:
        parse(value)
    except GrammarParseError:
        return False
    return True


def _pieces(value: str) -> list[str]:
    """Return what stands between the commas; a comma inside quotes parts nothing."""
    pieces = []
    end = -1
    while end < len(value):
        match = _PIECE.match(value, end + 1)
        assert match is not None, "it matches anything"
        pieces.append(match[1])
        end = match.end() - 1 if match[0].endswith(",") else len(value)
    return pieces


def _insist_on_text(argument: str) -> None:
    if not argument:
        raise ConfigError(
            "An argument is empty.", "Is a variable of the shell empty? Leave the argument out."
        )
    try:
        argument.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"The argument {argument!a} holds bytes that are no UTF-8.", "Rename the file."
        ) from error


def _split(verb: str, arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Part Hydra's flags, with their values, from the overrides, wherever they stand."""
    from hydra._internal.utils import get_args_parser

    def refuse(message: str) -> NoReturn:
        raise ConfigError(f"{message[:1].upper()}{message[1:]}.", f"See: segmentwerk {verb} --help")

    parser = get_args_parser()
    parser.error = refuse  # type: ignore[method-assign]  # argparse asks for it
    given, unknown = parser.parse_known_intermixed_args(list(arguments))
    if unknown:
        refuse(f"unknown flag {unknown[0]}")
    flags = []
    for action in parser._actions:
        value = getattr(given, action.dest, action.default)
        if action.option_strings and value != action.default:
            flags += [action.option_strings[0]] if value is True else [f"{action.option_strings[0]}={value}"]
    return given, flags


def _no_override(argument: str, before: Sequence[str], root: type[RootSettings]) -> ConfigError:
    """Say what is wrong with a word that nobody asked for; often it is the rest of a value with a blank."""
    match = _OVERRIDE.fullmatch(before[-1]) if before else None
    remedy = "Write key=value."
    if match and text_key(root, match["name"]):
        remedy = f'Put a value with a blank into quotes: {match["key"]}"{match["value"]} {argument}".'
    return ConfigError(f"Cannot use the argument {argument!r}.", remedy)
