"""`segmentwerk VERB [overrides]`: dispatch to a thin Hydra application, nothing else.

Exit codes: 0 done, 1 a bug, 2 bad input or config, 3 a gate said no, 130 interrupted.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from segmentwerk.config import Sealed

VERBS = {
    "compare": ("CompareSettings", "tune and judge all segmenters, register the best: the main job"),
    "train": ("TrainSettings", "fit and judge one segmenter with given parameters"),
    "tune": ("TuneSettings", "search the parameters of one segmenter"),
    "score": ("ScoreSettings", "assign accounts to segments with a registered model"),
    "activate": (
        "ActivateSettings",
        "plan measures for the segments, draw hold-outs, write files for the CRM",
    ),
    "measure": ("MeasuringSettings", "what campaigns brought, segment by segment, and what to do next"),
    "monitor": ("MonitorSettings", "say whether the champion still holds: drift, movement, gates"),
    "refresh": ("RefreshSettings", "compare anew from the champion on, and say whether it stays"),
    "analyse": (
        "AnalyseSettings",
        "one of the analyst's methods: conjoint, factor analysis, maps, affinities",
    ),
    "serve": ("ServeSettings", "answer requests for segments over HTTP"),
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
    from segmentwerk.core.garbage import collect_seldom
    from segmentwerk.core.streams import secure
    from segmentwerk.core.veil import discreet

    collect_seldom()
    secure()
    try:
        with discreet():
            code = _dispatch(sys.argv[1:])
        sys.stdout.flush()
    except OSError as error:  # a full disk behind stdout, for instance
        sys.stdout = sys.stderr  # else Python tries once more at its end
        return _fail(f"Cannot write what there is to say: {error.strerror or error}.", 2)
    return code


def _dispatch(arguments: list[str]) -> int:
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
    from segmentwerk.core.interruption import EXIT_CODE, is_interruption
    from segmentwerk.core.veil import veiled

    try:
        _run_hydra(verb, arguments)
        return 0
    except (KeyboardInterrupt, Exception) as error:
        if is_interruption(error):
            words = "Interrupted. Nothing half done was kept; the same command goes on where it can."
            return _fail(words, EXIT_CODE)
        if any(word.lstrip("+").lower() == "debug=true" for word in arguments):
            sys.stderr.write(veiled(traceback.format_exc()))
        return _fail(*_explained(error, verb))


def _explained(error: BaseException, verb: str) -> tuple[str, int]:
    """Return what is said of an error, and the exit code."""
    from segmentwerk.core.errors import SegmentwerkError, brief
    from segmentwerk.refusals import explained

    if isinstance(error, SegmentwerkError):
        return str(error), error.exit_code
    remedy = explained(error, verb)
    if remedy is not None:
        return remedy, 2
    if isinstance(error, OSError):
        return f"{error.strerror or error}: {error.filename or ''}".rstrip(": "), 2
    return f"This is a bug: {brief(error)}. Add debug=true to see all of it; it may quote your data.", 1


def _fail(message: str, code: int) -> int:
    from segmentwerk.core.veil import veiled

    sys.stderr.write(veiled(f"segmentwerk: {message}\n"))
    return code


def _run_hydra(verb: str, arguments: list[str]) -> None:
    from segmentwerk.core.errors import ConfigError, nearest
    from segmentwerk.core.threads import default_to_one_thread

    if verb not in VERBS:
        raise ConfigError(f"Unknown verb {verb!r}.", nearest(verb, VERBS))
    os.environ["HYDRA_FULL_ERROR"] = "1"  # else Hydra prints its own traceback and exits by itself
    # One thread for each fit: sums then come out the same everywhere; fits run side by side instead.
    default_to_one_thread()
    import hydra
    from omegaconf import OmegaConf

    from segmentwerk import config
    from segmentwerk.confining import confined
    from segmentwerk.core.paths import config_root, default_home, insist_on_surroundings, output_root
    from segmentwerk.overrides import translate
    from segmentwerk.sealing import seal

    insist_on_surroundings()
    OmegaConf.register_new_resolver("segmentwerk_home", lambda: str(default_home()), replace=True)
    OmegaConf.register_new_resolver("segmentwerk_outputs", output_root, replace=True)
    overrides, sealed = seal(translate(verb, arguments, getattr(config, VERBS[verb][0])))
    sys.argv = [f"segmentwerk {verb}", *overrides]
    application = hydra.main(version_base="1.3", config_path=str(config_root() / "conf"), config_name=verb)
    failures: list[Exception] = []
    # Read once: MLflow itself sets it later, for the processes that it starts.
    with confined():
        application(_task(verb, failures, os.environ.get("MLFLOW_TRACKING_URI"), sealed))()
    if failures:
        raise failures[0]


def _task(
    verb: str, failures: list[Exception], store: str | None, sealed: Sealed
) -> Callable[[DictConfig], None]:
    """Return what Hydra runs; errors go to ``failures``, so that Hydra adds no words of its own."""

    def task(config: DictConfig) -> None:
        try:
            work(config)
        except Exception as error:
            failures.append(error)

    def work(config: DictConfig) -> None:
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode
        from omegaconf import OmegaConf

        from segmentwerk import config as settings_module
        from segmentwerk.core.context import Context
        from segmentwerk.core.interruption import GRACE, SERVER_GRACE, interruptible

        root = getattr(settings_module, VERBS[verb][0])
        settings = settings_module.parse(root, config, tracking_uri=store, sealed=sealed)
        job = HydraConfig.get()
        sweep = job.sweep.dir if job.mode == RunMode.MULTIRUN else None
        given = cast(list[str], OmegaConf.to_container(job.overrides.task, resolve=False))
        context = Context.open(verb, job.runtime.output_dir, sweep=sweep, overrides=given)
        pipeline = importlib.import_module(f"segmentwerk.pipelines.{verb}")
        with interruptible(SERVER_GRACE if verb in ("serve", "server", "ui") else GRACE):
            summary = pipeline.run(settings, context)
        path = context.write_summary(summary)
        sys.stdout.write(f"{path}\n")

    return task
