"""Who may be addressed by which channel: a usable contact, and consent or no refusal."""

from __future__ import annotations

import pandas as pd

from segmentwerk.core.activation_settings import ActivationSettings
from segmentwerk.core.errors import InputError

CONSENT = {
    "email": "consent_email",
    "phone": "consent_phone",
    "post": "consent_post",
    "visit": None,
    "portal": None,
    "ads": "consent_email",
}
"""Column of the table ``accounts`` that holds the consent to each channel; none is asked for visits and the
portal. Advertising networks know people by their e-mail address."""
ASKING = ("email", "phone", "ads")
"""Channels that need consent; the others go unless they are refused."""
_EMAIL = r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;.]{2,}"
_DIGITS = 6
"""Fewest digits of a telephone number."""


def reachable(accounts: pd.DataFrame, settings: ActivationSettings) -> pd.DataFrame:
    """Return for each account and channel whether it may be addressed.

    A refusal that is noted for one account counts for every account with the same address or number.

    Parameters
    ----------
    accounts
        The table ``accounts``, with ``account_id`` as a column or as the index; other columns may be absent.

    Returns
    -------
    DataFrame
        (n_accounts, 6) bool, by ``account_id`` and channel.

    Raises
    ------
    InputError
        If an account stands twice, or a consent is neither 0, 1 nor empty.
    """
    known = by_account(accounts)
    usable = _usable(known, unheard=settings.contacts == "tool")
    answer = {
        channel: _consent(known, channel, column) if column else None for channel, column in CONSENT.items()
    }
    allowed = {
        channel: usable[channel]
        & _allowed(given, channel not in ASKING or settings.unknown_consent == "allow", known.index)
        for channel, given in answer.items()
    }
    return pd.DataFrame(allowed, index=known.index)


def by_account(accounts: pd.DataFrame, table: str = "table accounts") -> pd.DataFrame:
    """Return a table by the accounts' ids as text.

    Raises
    ------
    InputError
        If there are no ids, or an account stands twice.
    """
    if "account_id" in accounts.columns:
        accounts = accounts.set_index("account_id")
    elif accounts.index.name != "account_id":
        raise InputError(f"The {table} has no column 'account_id'.", "Map it in the source's yaml.")
    known = accounts.set_axis(accounts.index.astype(str), axis="index")
    twice = int(known.index.duplicated().sum())
    if twice:
        raise InputError(
            f"{twice} accounts stand twice in the {table}.",
            "Keep one row an account: see segmentwerk data check.",
        )
    return known


def _usable(known: pd.DataFrame, *, unheard: bool) -> dict[str, pd.Series]:
    """Return who has a contact; ``unheard`` stands for all where there is no such column."""

    def held(column: str, usable: pd.Series) -> pd.Series:
        return usable if column in known.columns else pd.Series(unheard, index=known.index)

    email = held("email", _text(known, "email").str.fullmatch(_EMAIL))
    address = held("address", _text(known, "address") != "")
    return {
        "email": email,
        "phone": held("phone", _text(known, "phone").str.count(r"\d") >= _DIGITS),
        "post": address,
        "visit": address | (_text(known, "town") != ""),
        "portal": pd.Series(True, index=known.index),
        "ads": email,
    }


def _text(known: pd.DataFrame, column: str) -> pd.Series:
    if column not in known.columns:
        return pd.Series("", index=known.index, dtype="str")
    return known[column].astype("str").where(known[column].notna(), "").str.strip()


def _consent(known: pd.DataFrame, channel: str, column: str) -> pd.Series:
    """Return 1, 0 or NaN; 0 for all who share a contact with one who refused."""
    if column not in known.columns:
        return pd.Series(float("nan"), index=known.index)
    given = pd.to_numeric(known[column], errors="coerce").astype("float64")
    odd = int((known[column].notna() & ~given.isin([0, 1])).sum())
    if odd:
        raise InputError(
            f"accounts.{column} is neither 0 nor 1 in {odd} rows.", "1: agreed, 0: refused, empty: unknown."
        )
    if channel == "post":
        return given  # a house has many addressees
    contact = _text(known, "phone" if channel == "phone" else "email").str.casefold()
    if channel == "phone":
        contact = contact.str.replace(r"\D", "", regex=True)
    lowest = given.groupby(contact).transform("min").where(contact != "")
    return given.mask(lowest == 0, 0)


def _allowed(given: pd.Series | None, unknown: bool, index: pd.Index) -> pd.Series:
    """Return who agreed, or did not refuse where that is enough."""
    if given is None:
        return pd.Series(unknown, index=index)
    return given.fillna(float(unknown)) == 1
