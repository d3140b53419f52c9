"""From a source to the view on which all candidates are fitted and judged; shared by the learning verbs."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from segmentwerk.config import LearningSettings
from segmentwerk.core.errors import ConfigError, InputError
from segmentwerk.core.settings import FeatureSettings, GoalSettings
from segmentwerk.core.types import AccountTable, Window
from segmentwerk.data import contracts, quality, sources
from segmentwerk.evaluation.scorecard import View
from segmentwerk.features import table as features
from segmentwerk.pipelines.context import Context
from segmentwerk.segmenters.preprocess import ReferenceSpace

log = logging.getLogger(__name__)

SMALLEST_TABLE = 30
