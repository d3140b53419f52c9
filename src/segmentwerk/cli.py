"""`segmentwerk VERB [overrides]`: dispatch to a thin Hydra application, nothing else.

Exit codes: 0 done, 1 a bug, 2 bad input or config, 3 a gate said no, 130 interrupted.
"""

from __future__ import annotations

import importlib
import logging
import os
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omegaconf import DictConfig

VERBS = {
    "compare": ("CompareSettings", "tune and judge all segmenters, register the best: the main job"),
    "train": ("TrainSettings", "fit and judge one segmenter with given parameters"),
    "tune": ("TuneSettings", "search the parameters of one segmenter"),
    "score": ("ScoreSettings", "assign accounts to segments with a registered model"),
    "promote": ("PromoteSettings", "make a version champion, roll back, or reject it"),
    "data": ("DataSettings", "generate the demo, or check and describe a source"),
    "sync": ("SyncSettings", "send what was kept while the tracking store did not answer"),
    "server": ("ServerSettings", "start an MLflow server on PostgreSQL with passwords"),
    "ui": ("UiSettings", "start the MLflow UI on the project's store"),
}

HELP = """segmentwerk compares customer segmentations fairly and registers the best one.

usage: segmentwerk VERB [key=value ...]

{verbs}

  segmentwerk VERB --help          the verb's keys, config groups and examples
  segmentwerk VERB --cfg job       the composed config, without running
  segmentwerk VERB -m key=a,b      one run for each value (Hydra multirun)
  eval "$(segmentwerk completion)" completion for bash

exit codes: 0 done, 2 bad input or config, 3 a gate said no, 1 a bug
"""

COMPLETION = """_segmentwerk() {{
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{verbs}" -- "${{COMP_WORDS[1]}}"))
    return
  fi
  local verb="${{COMP_WORDS[1]}}" words=($COMP_LINE)
  local line="segmentwerk ${{COMP_LINE#*$verb}}"
  local choices=$(COMP_LINE="$line" COMP_POINT="${{#line}}" segmentwerk "$verb" -sc query=bash 2>/dev/null)
  COMPREPLY=($(compgen -o nospace -W "$choices" -- "${{words[$COMP_CWORD]}}"))
}}
COMP_WORDBREAKS=${{COMP_WORDBREAKS//=}}
complete -o nospace -o default -F _segmentwerk segmentwerk
"""

log = logging.getLogger(__name__)


def main() -> int:
    """Run the command line and return its exit code."""
    arguments = sys.argv[1:]
    verb = arguments[0] if arguments else "--help"
    if verb in ("-h", "--help", "help"):
        sys.stdout.write(
            HELP.format(verbs="\n".join(f"  {name:9} {text}" for name, (_, text) in VERBS.items()))
        )
        return 0
    if verb == "--version":
        from segmentwerk import __version__

        sys.stdout.write(f"segmentwerk {__version__}\n")
        return 0
    if verb == "completion":
        sys.stdout.write(COMPLETION.format(verbs=" ".join(VERBS)))
        return 0
    return _guarded(verb, arguments[1:])


def _guarded(verb: str, arguments: list[str]) -> int:
    """Run a verb; turn every failure into one message and an exit code."""
    from segmentwerk.core.errors import ConfigError, SegmentwerkError, brief, nearest

    debug = "debug=true" in arguments
    try:
        if verb not in VERBS:
            raise ConfigError(f"Unknown verb {verb!r}.", nearest(verb, VERBS))
        _run_hydra(verb, _positional(verb, arguments))
        return 0
    except KeyboardInterrupt:
        return _fail("Interrupted. Nothing half done was kept; the same command goes on where it can.", 130)
    except SegmentwerkError as error:
        if debug:
            raise
        return _fail(str(error), error.exit_code)
    except OSError as error:
        if debug:
            raise
        return _fail(f"{error.strerror or error}: {error.filename or ''}".rstrip(": "), 2)
    except Exception as error:
        if debug:
            raise
        remedy = _config_remedy(error, verb)
        if remedy is not None:
            return _fail(remedy, 2)
        return _fail(
            f"This is a bug: {brief(error)}. Add debug=true to see all of it; it may quote your data.", 1
        )


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"segmentwerk: {message}\n")
    return code


def _positional(verb: str, arguments: list[str]) -> list[str]:
    """Let people write `data check`, `data fetch online_retail`, `promote 3` and `promote --rollback`."""
    keys = {"data": ["action", "subject"], "promote": ["version"]}.get(verb, [])
    translated = []
    for argument in arguments:
        if verb == "promote" and argument.removeprefix("--") in ("rollback", "reject"):
            translated.append(f"action={argument.removeprefix('--')}")
        elif keys and argument[0] not in "-+~" and "=" not in argument:
            key = keys.pop(0)
            translated.append(f"{key}={_quoted(argument) if key == 'subject' else argument}")
        else:
            translated.append(argument)
    return translated


def _quoted(text: str) -> str:
    """Write a text so that Hydra takes it for one: bare, 12 would be a number, and some signs an error."""
    escaped = re.sub(r"(\\*)(?='|$)", r"\1\1", text).replace("'", "\\'")
    return f"'{escaped}'"


def _run_hydra(verb: str, arguments: list[str]) -> None:
    os.environ["HYDRA_FULL_ERROR"] = "1"  # else Hydra prints its own traceback and exits by itself
    # One thread for each fit: sums then come out the same everywhere; fits run side by side instead.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import hydra
    from omegaconf import OmegaConf

    from segmentwerk.core.paths import config_root, default_home

    OmegaConf.register_new_resolver("segmentwerk_home", lambda: str(default_home()), replace=True)
    sys.argv = [f"segmentwerk {verb}", *arguments]
    application = hydra.main(version_base="1.3", config_path=str(config_root() / "conf"), config_name=verb)
    failures: list[Exception] = []
    application(_task(verb, failures))()
    if failures:
        raise failures[0]


def _task(verb: str, failures: list[Exception]) -> Callable[[DictConfig], None]:
    """Return what Hydra runs; errors go to ``failures``, so that Hydra adds no words of its own."""

    def task(config: DictConfig) -> None:
        try:
            work(config)
        except Exception as error:
            failures.append(error)

    def work(config: DictConfig) -> None:
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        from segmentwerk import config as settings_module
        from segmentwerk.pipelines.context import Context

        settings = settings_module.parse(getattr(settings_module, VERBS[verb][0]), config)
        job = HydraConfig.get()
        sweep = job.sweep.dir if job.mode == RunMode.MULTIRUN else None
        context = Context.open(verb, job.runtime.output_dir, sweep=sweep, overrides=list(job.overrides.task))
        pipeline = importlib.import_module(f"segmentwerk.pipelines.{verb}")
        with context.interruptible():
            summary = pipeline.run(settings, context)
        path = context.write_summary(summary)
        sys.stdout.write(f"{path}\n")

    return task


def _config_remedy(error: Exception, verb: str) -> str | None:
    """Explain an error that Hydra raised while composing the config; None if it is none of those."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from segmentwerk.core.errors import nearest

    if not isinstance(error, HydraException | OmegaConfBaseException):
        return None
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    key = getattr(cause, "key", None)
    parent = getattr(cause, "parent_node", None)
    known = [str(name) for name in parent] if parent is not None and hasattr(parent, "keys") else []
    hint = nearest(str(key), known) if key is not None and known else f"See: segmentwerk {verb} --help"
    first = str(error).strip().splitlines()[0]
    return f"{first} {hint}"
