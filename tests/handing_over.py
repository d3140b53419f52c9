"""A made-up customer base with measures, and the part of `activate` that writes, to be run and killed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from segmentwerk.activation import consent, exporting, ledger, sink
from segmentwerk.core.activation_settings import ActivationSettings
from segmentwerk.core.paths import config_root
from segmentwerk.core.sink_settings import SinkSettings

KEY = b"k" * 32
AS_OF = date(2026, 1, 1)


def sink_settings(tool, **changes):
    text = (config_root() / "conf" / "sink" / f"{tool}.yaml").read_text(encoding="utf-8")
    return SinkSettings.model_validate({**yaml.safe_load(text), **changes})


def base(accounts, seed=0):
    """Return the tables accounts, segments and assignments: one measure an account, a tenth held back."""
    rng = np.random.default_rng(seed)
    ids = [f"{i:07d}" for i in range(accounts)]
    people = pd.DataFrame(
        {
            "account_id": ids,
            "name": [f"Müller & Söhne {i} GmbH" for i in ids],
            "email": [f"info@{i}.example" for i in ids],
            "phone": [f"+49 555 {i}" for i in ids],
            "address": [f"Straße {i}" for i in ids],
            "consent_email": rng.choice([0.0, 1.0, np.nan], accounts, p=[0.1, 0.7, 0.2]),
            "consent_phone": rng.choice([0.0, 1.0, np.nan], accounts, p=[0.1, 0.7, 0.2]),
        }
    )
    number = rng.integers(0, 6, accounts)
    segments = pd.DataFrame(
        {
            "segment_id": number,
            "segment": [f"Gruppe {i}" for i in number],
            "confidence": rng.random(accounts).round(6),
            "basis": "full",
        },
        index=pd.Index(ids, name="account_id"),
    )
    rows = pd.DataFrame(
        {
            "account_id": ids,
            "segment_id": number,
            "segment": segments["segment"].to_numpy(),
            "campaign": "2026-01 win back",
            "measure": "win_back",
            "arm": np.where(rng.random(accounts) < 0.1, "control", "treated"),
            "channel": np.array(["email", "phone", "post"])[rng.integers(0, 3, accounts)],
            "message": 'Wir vermissen Sie, "sehr"',
            "offer": "Category A",
            "owner": "Vertrieb",
            "from_date": AS_OF,
            "until_date": date(2026, 3, 31),
            "priority": np.arange(1, accounts + 1),
            "potential": (rng.random(accounts) * 1000).round(2),
        }
    )
    return people, segments, rows


def record(place, accounts):
    """Write the ledger alone, to a folder or a table."""
    ledger.append(place, base(accounts)[2], model="m/1", as_of=AS_OF, key=KEY)


def hand_over(home, accounts, *sinks):
    """Write ledger and exports below a folder, as the verb does below home/activation."""
    people, segments, rows = base(accounts)
    reach = consent.reachable(people, ActivationSettings())
    ready = [
        sink.prepare(sink_settings(name), rows, people, segments, reach, currency="EUR") for name in sinks
    ]
    ledger.append(Path(home) / "ledger", rows, model="b2b-segments/1", as_of=AS_OF, key=KEY)
    for one in ready:
        exporting.export(one, Path(home) / "exports")
