"""
Combine ratings, comparisons and rankings
=========================================

All kinds of rows about one task speak of one latent utility. So a few ratings, some comparisons and a handful of rankings
add up: here each kind that joins brings the critic closer to the truth.
"""

import numpy as np

from polycritic.core import Candidate, Comparison, Feedback, Interval, Ranking, Rating, Task
from polycritic.critic import Critic
from polycritic.critic.backbones import Numbers
from polycritic.training import AdamW, Recipe, train

# %%
# One latent score
# ----------------
# A candidate is five numbers, and its worth is a weighted sum of them. Nobody sees the worth; people rate, compare and rank
# with noise.
rng = np.random.default_rng(0)
weights = np.array([2.0, -1.5, 1.0, 0.5, -0.5])
task = Task("worth", "What is it worth?", Interval(0, 10))


def draw() -> tuple[Candidate, float]:
    x = rng.standard_normal(5)
    return Candidate("", " ".join(f"{v:.3f}" for v in x)), float(weights @ x)


def felt(worth: float) -> float:
    return worth + float(rng.normal(0, 1))


ratings: list[Feedback] = []
comparisons: list[Feedback] = []
rankings: list[Feedback] = []
for _ in range(10):
    candidate, worth = draw()
    ratings.append(Rating(task="worth", candidate=candidate, value=float(np.clip(5 + felt(worth), 0, 10))))
    (first, a), (second, b) = draw(), draw()
    comparisons.append(Comparison(task="worth", first=first, second=second, preference=float(felt(a) > felt(b))))
    drawn = [draw() for _ in range(4)]
    places = np.argsort(np.argsort([-felt(worth) for _, worth in drawn])) + 1
    rankings.append(Ranking(task="worth", candidates=tuple(c for c, _ in drawn), ranks=tuple(map(int, places))))

# %%
# More kinds, closer to the truth
# -------------------------------
fresh = [draw() for _ in range(500)]
recipe = Recipe(steps=150, optimizer=AdamW(head_rate=0.03))
rows: list[Feedback] = []
for name, kind in {"ratings": ratings, "and comparisons": comparisons, "and rankings": rankings}.items():
    rows += kind
    critic = Critic([task], Numbers(inputs=5))
    list(train(critic, rows, recipe))
    scores = critic.score([candidate for candidate, _ in fresh], [task]).of(task)
    print(f"{name:16} correlation with the truth {np.corrcoef(scores, [w for _, w in fresh])[0, 1]:.3f}")
