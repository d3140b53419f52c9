"""A small plan of three segments, with measures of its own."""

from datetime import date

import numpy as np
import pandas as pd

from segmentwerk.activation.campaign import make
from segmentwerk.activation.figures import Book
from segmentwerk.activation.plans import Situation
from segmentwerk.core.activation_settings import ActivationSettings, PlaybookSettings
from segmentwerk.core.settings import GoalSettings

AS_OF = date(2026, 1, 1)
GOAL = GoalSettings(priorities={"potential": 1.0})
SIZES = {1: 60, 2: 40, 3: 20}
PROSPECTS = 5
"""Accounts of each segment that never ordered."""


def situation(seed=0):
    rng = np.random.default_rng(seed)
    numbers = np.repeat(list(SIZES), list(SIZES.values()))
    ids = pd.Index([f"id-{i:03d}" for i in range(len(numbers))], name="account_id")
    place = np.concatenate([np.arange(size) for size in SIZES.values()])
    customers = (place >= PROSPECTS).astype(float)
    book = pd.DataFrame({"accounts": 1.0, "customers": customers, "prospects": 1 - customers}, index=ids)
    book["potential"] = np.where(customers > 0, rng.lognormal(4, 1, len(ids)), 0.0) * (numbers == 1)
    book["revenue"] = customers * rng.lognormal(5, 1, len(ids)).round(2)
    book["recency_days"] = rng.integers(0, 300, len(ids)).astype(float)
    segments = pd.DataFrame(
        {
            "segment_id": numbers,
            "segment": [f"name {n}" for n in numbers],
            "confidence": rng.random(len(ids)),
            "basis": "full",
        },
        index=ids,
    )
    segments.loc["id-119", ["segment_id", "segment"]] = [-1, None]
    reachable = pd.DataFrame(
        {"email": rng.random(len(ids)) < 0.5, "phone": rng.random(len(ids)) < 0.5}, index=ids
    )
    recent = pd.DataFrame(
        {
            f"{name}_{days}": rng.random(len(ids)) < 0.5
            for name in ("ordered", "revenue")
            for days in (30, 60, 120)
        },
        index=ids,
    ).astype(float)
    effects = pd.DataFrame(
        [(1, "recency_days", "", 0.6)], columns=["segment_id", "feature", "level", "effect"]
    )
    purchases = pd.DataFrame({"account_id": [], "kind": [], "item": [], "spend": []})
    return Situation(Book(book, AS_OF), segments, {1: ("dormant",)}, effects, purchases, recent, reachable)


def measure(name, **more):
    kpi = {"metric": "order_rate", "target": 0.05}
    words = {"en": f"{name}: {{{{ segment }}}}", "de": f"{name} auf Deutsch"}
    plain = {"name": {"en": name, "de": name.upper()}, "message": words, "offer": words, "owner": "o"}
    return {
        **plain,
        "kpi": kpi,
        "days": 30,
        "channels": ["phone", "email"],
        "hours": 0.5,
        "cost": 2.0,
        **more,
    }


def playbook(given=None):
    measures = given or {
        "win_back": measure("win", when={"all": [{"feature": "recency_days", "above": 0.3}]}),
        "mail": measure("mail", channels=["email"], hours=0, when={"segments": [2, 3]}),
        "nurture": measure("nurture", when={"basis": ["firmographic"]}),
    }
    return PlaybookSettings.model_validate({"name": "p", "measures": measures})


def planned(given=None, language="en", drawn=None, key=b"k", **settings):
    asked = ActivationSettings(**{"holdout": 0.2, "n_bootstrap": 20, **settings})
    return make(situation(), playbook(given), GOAL, asked, language=language, key=key, seed=0, drawn=drawn)
