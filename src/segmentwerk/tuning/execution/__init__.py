"""The machinery that runs a study's trials: what is stored, who runs what, who died, what was logged.

`execute` is its door. What Optuna and loky do of this by themselves, and why the rest is here, is written in
`docs/decisions/0012-what-optuna-and-loky-do.md`.
"""

from segmentwerk.tuning.execution.search import execute
from segmentwerk.tuning.execution.study_plan import StudyPlan
from segmentwerk.tuning.execution.trial_queue import OnTrial

__all__ = ["OnTrial", "StudyPlan", "execute"]
