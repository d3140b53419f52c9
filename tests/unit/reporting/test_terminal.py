"""What the terminal says at the end of a comparison."""

from dataclasses import replace

from segmentwerk.core.proposal import Proposal
from segmentwerk.insight.language import Language
from segmentwerk.reporting import terminal

ENGLISH = Language("en", "EUR")
NOTHING = Proposal("b2b-segments", None, "unregistered", "off", 1200, None)


def test_the_ranking_has_the_names_that_the_command_line_takes_and_the_reason_those_of_the_report(
    tell, capsys
):
    terminal.show(tell(ENGLISH, proposal=NOTHING), None, None)
    shown = capsys.readouterr().out
    (row,) = [line for line in shown.splitlines() if line.startswith(" rfm_grid")]
    assert row.split() == ["rfm_grid", "4", "2.000", "0.100", "0.200", "G002"]
    assert "Winner: kmeans. 1 of 2 candidates passed every gate. k-means won with 4 segments" in shown
    assert "It ranks ahead of the baseline RFM grid in 90% of the paired bootstrap draws." in shown
    assert "Structure: reproducible. It comes back." in shown
    assert shown.rstrip().endswith("Nothing was registered, so nothing is to be decided.\nTracking is off.")


def test_a_name_that_looks_like_markup_is_shown_as_it_is(tell, capsys):
    story = tell(ENGLISH, proposal=NOTHING)
    named = replace(story.cards[0].segment, name="[bold]big[/]")
    terminal.show(replace(story, cards=[replace(story.cards[0], segment=named)]), None, None)
    assert "[bold]big[/]" in capsys.readouterr().out


def test_one_that_could_no_longer_win_did_not_pass(tell, selection, capsys):
    ranking = selection.ranking.assign(failed="")
    story = tell(ENGLISH, proposal=NOTHING, selection=replace(selection, ranking=ranking))
    terminal.show(story, None, None)
    (row,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith(" rfm_grid")]
    assert row.split()[-2:] == ["not", "measured"]
