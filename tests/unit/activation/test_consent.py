"""Who may be addressed: a usable contact, consent where it is asked for, and no refusal."""

import pandas as pd
import pytest

from segmentwerk.activation import consent
from segmentwerk.core.activation_settings import ActivationSettings
from segmentwerk.core.errors import InputError


def reachable(unknown="refuse", **columns):
    size = len(next(iter(columns.values())))
    accounts = pd.DataFrame({"account_id": [f"a{i}" for i in range(size)], **columns})
    return consent.reachable(accounts, ActivationSettings(unknown_consent=unknown))


def test_consent_unknown_consent_and_refusal():
    given = {"email": [f"{i}@x.example" for i in range(3)], "consent_email": [1, 0, None]}
    assert reachable(**given)["email"].tolist() == [True, False, False]
    assert reachable("allow", **given)["email"].tolist() == [True, False, True]
    assert reachable(**given)["ads"].tolist() == [True, False, False]


def test_post_and_visits_need_no_consent_but_obey_a_refusal():
    found = reachable(address=["Street 1"] * 3, consent_post=[1, 0, None])
    assert found["post"].tolist() == [True, False, True]
    assert found["visit"].all()
    assert found["portal"].all()
    assert not found["phone"].any()


@pytest.mark.parametrize(
    ("email", "usable"),
    [
        ("a@b.example", True),
        (" a@b.example ", True),
        ("a@b", False),
        ("a b@c.example", False),
        ("a@b.example,c@d.example", False),
        ("", False),
        (None, False),
        ("@b.example", False),
    ],
)
def test_addresses_that_can_be_written_to(email, usable):
    assert reachable(email=[email], consent_email=[1])["email"].tolist() == [usable]


@pytest.mark.parametrize(("phone", "usable"), [("+49 555 123", True), ("030/12", False), ("none", False)])
def test_numbers_that_can_be_called(phone, usable):
    assert reachable(phone=[phone], consent_phone=[1])["phone"].tolist() == [usable]


def test_a_refusal_counts_for_all_who_share_the_contact():
    found = reachable(
        email=["Info@x.example", "info@X.example", None, None],
        consent_email=[0, 1, 0, 1],
        phone=["+49 555 123456", "+49 (555) 12 34 56", None, "+49 555 999999"],
        consent_phone=[1, 0, 0, 1],
    )
    assert found["email"].tolist() == [False] * 4
    assert found["phone"].tolist() == [False, False, False, True]


def test_without_columns_nobody_is_written_to_or_called():
    accounts = pd.DataFrame(index=pd.Index(["a", "b"], name="account_id"))
    found = consent.reachable(accounts, ActivationSettings(unknown_consent="allow"))
    assert found.drop(columns="portal").to_numpy().sum() == 0
    assert found["portal"].all()


def test_where_the_tool_holds_the_contacts_only_consent_counts():
    accounts = pd.DataFrame(
        {"consent_email": [1, 0, None]}, index=pd.Index(["a", "b", "c"], name="account_id")
    )
    found = consent.reachable(accounts, ActivationSettings(contacts="tool"))
    assert found["email"].tolist() == [True, False, False]
    assert found["post"].all()
    assert not found["phone"].any()


def test_the_answer_is_by_account_whatever_type_the_ids_have():
    accounts = pd.DataFrame(
        {"account_id": [2, 1], "email": ["b@b.example", None], "consent_email": [True, None]}
    )
    found = consent.reachable(accounts, ActivationSettings())
    assert found.index.tolist() == ["2", "1"]
    assert found["email"].to_dict() == {"2": True, "1": False}
    assert set(found.dtypes.astype(str)) == {"bool"}


def test_what_is_refused():
    with pytest.raises(InputError, match="consent_email is neither 0 nor 1 in 1 rows"):
        reachable(consent_email=[1, 2])
    twice = pd.DataFrame({"account_id": ["secret-7", "secret-7"]})
    with pytest.raises(InputError, match="1 accounts stand twice") as raised:
        consent.reachable(twice, ActivationSettings())
    assert "secret" not in str(raised.value)
    with pytest.raises(InputError, match="'account_id'"):
        consent.reachable(pd.DataFrame({"id": [1]}), ActivationSettings())
