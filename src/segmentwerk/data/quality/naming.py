"""By what a text shows that it names a person, in the syntax that RE2 and PostgreSQL share."""

from __future__ import annotations

from typing import Any

from segmentwerk.data.privacy import CONTACT

_CAPITAL = "[A-ZÀ-ÖØ-ÞČĆĐĎĚĞİŁŃŇŐŒŘŚŠŞŤŮŰŹŽŻ]"
_NAME = rf"{_CAPITAL}[^[:space:][:digit:]]+"
_FORMS = (
    "[Mm]r|[Mm]rs|Ms|MRS|[Hh]errn?|HERRN?|[Ff]rau|FRAU|[Ff]räulein|Mme|MME|Mlle|MLLE|Madame|Monsieur|"
    "Sra|SRA|Srta|Señora?|Señorita|Doña|DOÑA|Senhora?|Signora?|Sig|Sig\\.ra|Dhr|Mevr|Mevrouw"
)
"""No MS and MR: MS Office, MR imaging."""
_TITLES = "[Dd]r|DR|Dott|[Pp]rof|PROF|Professor|Don|DON|Dona|Sr|SR|Miss"
"""Firms and brands bear these, too (Dr. Oetker, Don Julio), and Sr means senior in English."""
_DOCTOR = r"((Dr|DR|Prof|PROF)\.?[[:space:]]+)*"

_BETWEEN = "[[:punct:][:space:]\u00a0\u00ab\u00bb\u2010-\u2027\u2039\u203a]+"
"""Also the blank that does not break, dashes and quotation marks of typesetting."""

ADDRESSED = rf"({_FORMS})\.?[[:space:]]+{_DOCTOR}{_NAME}"
TITLED = rf"(^|[^[:alnum:]])({_TITLES})\.?[[:space:]]+{_NAME}"
_FIRM = (
    r"(^| )(gmbh|ag|kg|ohg|ug|co|ltd|limited|llc|llp|inc|corp|company|group|gruppe|holding|plc|sa|sas|sarl|"
    r"srl|spa|bv|nv|brands?|stores?|shops?)( |$)"
)
DESK = (
    r"(^| )(team|sales|support|service|services|marketing|shop|store|web|online|inside|outside|internal|"
    r"external|partners?|reseller|direct|desk|office|admin|accounts?|region|vertrieb|innendienst|"
    r"aussendienst|kundendienst|call|center|centre)( |$)"
)
"""Words of departments and queues, which own records in a CRM as people do; none that is a surname (West)."""


def bare(text: Any) -> Any:
    """Return a column of texts in lower case, with one blank for all that is between words, and ss for ß."""
    return text.lower().replace("ß", "ss").re_replace(_BETWEEN, " ").strip()


def is_addressed(text: Any, key: Any, *, anywhere: bool) -> Any:
    """Tell texts with a form of address and a name: in a sentence anywhere, else where they begin so.

    Firms that are called so are left out (Poltrona Frau, Mr Price Group).
    """
    before = "(^|[^[:alnum:]])" if anywhere else "^[[:space:][:punct:]]*"
    return text.re_search(before + ADDRESSED) & ~key.re_search(_FIRM)


def is_titled(text: Any, key: Any) -> Any:
    """Tell texts with a title and a name; a department is none (Prof. Services)."""
    return text.re_search(TITLED) & ~key.re_search(DESK)


def is_contact(text: Any) -> Any:
    """Tell texts with an e-mail address or a telephone number."""
    return text.re_search(CONTACT)
