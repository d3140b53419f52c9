"""A version in the registry, its card, and what stays where there is none."""

from segmentwerk.core.errors import DeniedError
from segmentwerk.core.settings import RegistrySettings
from segmentwerk.registry import promotion
from segmentwerk.registry.incumbent import NEXT_ID
from segmentwerk.release.describing import describe
from segmentwerk.release.publishing import announce
from segmentwerk.reporting.pages import card

NAME = RegistrySettings().model_name


def test_the_version_carries_its_card_and_its_tags(described, packed, prepared, settings, store):
    with store.run("e", "t") as run:
        found = announce(described, packed, prepared, settings, store, run, card)
    version = promotion.get(store, NAME, found.version)
    assert version.description == card(described, packed, prepared, settings, found)
    assert version.description.endswith(card(described, packed, prepared, settings)[-200:])
    assert version.tags[NEXT_ID] == "4"
    assert version.tags["algorithm"] == "kmeans"
    metrics = store.client.get_run(run.id).data.metrics
    assert metrics["prospect/accuracy"] == packed.prospect.accuracy
    assert "identity/moved" not in metrics


def test_the_next_one_is_set_against_the_champion(described, packed, prepared, settings, winner, store):
    kept = settings.model_copy(update={"registry": RegistrySettings(promote="always", gates=[])})
    with store.run("e", "first") as run:
        first = announce(described, packed, prepared, kept, store, run, card)
    assert first.standing == "champion"
    again = describe(prepared, winner, kept, store)
    assert again.identity.ids == described.identity.ids
    assert again.replaced.version == again.comparison.champion == first.version
    assert again.moves.accounts == len(again.replaced.ids)
    assert (again.comparison.moved > 0) == (len(again.replaced.ids) < len(again.labels))
    with store.run("e", "second") as run:
        second = announce(again, packed, prepared, kept, store, run, card)
    assert second.comparison == again.comparison
    assert store.client.get_run(run.id).data.metrics["identity/moved"] == 0.0


def test_segments_that_the_same_run_registered_before_keep_their_ids(
    described, packed, prepared, settings, winner, store
):
    never = settings.model_copy(update={"registry": RegistrySettings(promote="never")})
    with store.run("e", "interrupted") as run:
        announce(described, packed, prepared, never, store, run, card)
        again = describe(prepared, winner, never, store, run.id)
    assert again.identity.ids == described.identity.ids
    other = describe(prepared, winner, never, store, "another run")
    assert min(other.identity.ids.values()) == described.identity.next_id


def test_without_a_registry_the_proposal_says_so(described, packed, prepared, settings, store):
    with store.run("e", "t") as run:
        found = announce(described, packed, prepared, settings, None, run, card)
    assert (found.standing, found.cause, found.version) == ("unregistered", "away", None)
    assert "prospect/accuracy" in store.client.get_run(run.id).data.metrics


def test_who_may_not_register_keeps_everything_else(described, packed, prepared, settings, store, caplog):
    def refused(*_):
        raise DeniedError("Not yours.")

    with store.run("e", "t") as run:
        found = announce(described, packed, prepared, settings, store, run, refused)
    assert (found.standing, found.cause) == ("unregistered", "denied")
    assert "registry.model_name" in caplog.text
    assert "prospect/accuracy" in store.client.get_run(run.id).data.metrics
