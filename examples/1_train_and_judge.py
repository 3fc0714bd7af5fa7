"""
Train a critic, judge an unseen task
====================================

One critic learns from ratings, comparisons and outcomes of three tasks, and then judges a fourth, which it knows only by
its description. The backbone is a bag of words, so this takes seconds; leave it out to train the embedded MiniLM.
"""

import numpy as np

from polycritic.core import Binary, Candidate, Comparison, Feedback, Levels, Rating, Task
from polycritic.critic import Critic
from polycritic.critic.backbones import Words
from polycritic.training import AdamW, Recipe, train

# %%
# Feedback
# --------
# Made-up replies to guests, of which some words are kind and some are not. What makes a reply good is the same in all tasks;
# how people said so differs.
rng = np.random.default_rng(0)
KIND, RUDE = ["please", "gladly", "thanks", "welcome", "sorry"], ["whatever", "no", "wrong", "wait", "silly"]


def reply() -> tuple[Candidate, int]:
    kind = int(rng.integers(0, 5))
    words = [*rng.choice(KIND, kind), *rng.choice(RUDE, 4 - kind), *rng.choice(["room", "key", "bill", "lift"], 4)]
    return Candidate("A guest asks for help.", " ".join(rng.permutation(words))), kind


polite = Task("reply/polite", "Is the reply polite?", Binary())
tone = Task("reply/tone", "How polite is the tone of the reply?", Levels(("1", "2", "3", "4", "5")))
better = Task("reply/better", "Which reply would a guest prefer?")
rows: list[Feedback] = []
for _ in range(200):
    (first, a), (second, b) = reply(), reply()
    rows.append(Rating(task="reply/polite", candidate=first, value=float(a >= 2)))
    rows.append(Rating(task="reply/tone", candidate=second, value=1.0 + b))
    rows.append(Comparison(task="reply/better", first=first, second=second, preference=0.5 + 0.5 * np.sign(a - b)))

# %%
# Training
# --------
# The loop is a generator of steps: what happens between two of them is the caller's affair.
critic = Critic([polite, tone, better], Words())
for step in train(critic, rows, Recipe(steps=150, optimizer=AdamW(learning_rate=3e-3))):
    if step.number % 50 == 0:
        print(f"step {step.number}: loss {step.loss:.3f}")

# %%
# A task it never saw
# -------------------
unseen = Task("reply/kind", "Is the reply kind to the guest?", Binary())
fresh = [reply() for _ in range(300)]
scores = critic.score([candidate for candidate, _ in fresh], [unseen, tone])
kindness = np.array([kind for _, kind in fresh])
print(scores)
print("agreement with the truth on the unseen task:", np.corrcoef(scores.of(unseen), kindness)[0, 1].round(2))
