"""Who is best, and how far to believe it.

>>> from polycritic.leaderboard import leaderboard, matches
>>> board = leaderboard(matches(["a", "a", "b", "a"], ["b", "b", "a", "b"], [1, 0.5, 0, 0], item=["p", "q", "r", "s"]))
>>> [row.name for row in board.rows]
['a', 'b']
"""

from polycritic.leaderboard._board import Leaderboard, Row, board_json, board_of, elo, leaderboard, paired
from polycritic.leaderboard._bootstrap import Bootstrap, resampled
from polycritic.leaderboard._borda import Borda, TwoLevelBorda
from polycritic.leaderboard._bradley_terry import BradleyTerry
from polycritic.leaderboard._copeland import Copeland
from polycritic.leaderboard._elo import Elo
from polycritic.leaderboard._facets import Facet, FacetFit, many_facet_rasch
from polycritic.leaderboard._glicko import Glicko2, glicko2_period
from polycritic.leaderboard._item_response import ItemResponses, OnePL, TwoPL, ability, item_responses, solving_matches
from polycritic.leaderboard._judge_groups import JudgeGroups, compare_judge_groups
from polycritic.leaderboard._kemeny import Kemeny, KemenyOrder, kemeny
from polycritic.leaderboard._length_control import (
    LengthControl,
    head_to_head,
    length_controlled,
    length_controlled_of_columns,
)
from polycritic.leaderboard._length_forms import AlpacaEval2, AnchorRows, MaximumLikelihood
from polycritic.leaderboard._matches import Matches, matches, matches_of_columns, matches_of_rows
from polycritic.leaderboard._mean import Mean
from polycritic.leaderboard._multiwinner import (
    SNTV,
    ChamberlinCourant,
    Committee,
    KBorda,
    choose_committee,
    committee_score,
)
from polycritic.leaderboard._paired import PairedComparison, benjamini_hochberg, holm, paired_scores
from polycritic.leaderboard._pairwise import borda_points, pairwise_wins
from polycritic.leaderboard._peer_review import (
    ExponentialWeight,
    LogOddsWeight,
    PowerWeight,
    exam_mark,
    peer_preference,
    peer_rating,
    reviewer_weights,
)
from polycritic.leaderboard._strengths import Coefficient, Method, Strengths
from polycritic.leaderboard._style import even_pairs, style_feature
from polycritic.leaderboard._table import ScoreTable, as_matches, score_table, score_table_of
from polycritic.leaderboard._ties import Davidson, HalfWin, RaoKupper, Ties
from polycritic.leaderboard._tournament import varco_arena

__all__ = [
    "SNTV",
    "AlpacaEval2",
    "AnchorRows",
    "Bootstrap",
    "Borda",
    "BradleyTerry",
    "ChamberlinCourant",
    "Coefficient",
    "Committee",
    "Copeland",
    "Davidson",
    "Elo",
    "ExponentialWeight",
    "Facet",
    "FacetFit",
    "Glicko2",
    "HalfWin",
    "ItemResponses",
    "JudgeGroups",
    "KBorda",
    "Kemeny",
    "KemenyOrder",
    "Leaderboard",
    "LengthControl",
    "LogOddsWeight",
    "Matches",
    "MaximumLikelihood",
    "Mean",
    "Method",
    "OnePL",
    "PairedComparison",
    "PowerWeight",
    "RaoKupper",
    "Row",
    "ScoreTable",
    "Strengths",
    "Ties",
    "TwoLevelBorda",
    "TwoPL",
    "ability",
    "as_matches",
    "benjamini_hochberg",
    "board_json",
    "board_of",
    "borda_points",
    "choose_committee",
    "committee_score",
    "compare_judge_groups",
    "elo",
    "even_pairs",
    "exam_mark",
    "glicko2_period",
    "head_to_head",
    "holm",
    "item_responses",
    "kemeny",
    "leaderboard",
    "length_controlled",
    "length_controlled_of_columns",
    "many_facet_rasch",
    "matches",
    "matches_of_columns",
    "matches_of_rows",
    "paired",
    "paired_scores",
    "pairwise_wins",
    "peer_preference",
    "peer_rating",
    "resampled",
    "reviewer_weights",
    "score_table",
    "score_table_of",
    "solving_matches",
    "style_feature",
    "varco_arena",
]
