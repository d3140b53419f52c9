"""Who the accounts are: the table ``accounts`` with names and contacts, for the files of sales alone."""

from __future__ import annotations

import pandas as pd

from segmentwerk.preparation.accounts import Accounts


def people_of(accounts: Accounts) -> pd.DataFrame:
    """Return the table ``accounts`` by id; of accounts that stand in the orders only, the id."""
    ids = accounts.table.orders.index.astype(str)
    if "accounts" not in accounts.checked.tables:
        return pd.DataFrame(index=pd.Index(ids, name="account_id"))
    rows: pd.DataFrame = accounts.checked.tables["accounts"].to_pyarrow().to_pandas()
    rows = rows.set_index("account_id")
    rows.index = rows.index.astype(str)
    return rows.reindex(pd.Index(ids, name="account_id"))
