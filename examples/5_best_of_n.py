"""
Pick the best of several answers
================================

A critic learns to tell right from wrong, a generator that is right now and then proposes several answers to each problem, and the
critic picks one. A verifier tells how often the pick was right.
"""

import numpy as np

from polycritic.core import Candidate
from polycritic.critic import Critic
from polycritic.critic.backbones import Words
from polycritic.decision import best_of_n, best_of_n_curve
from polycritic.judges import Random
from polycritic.training import AdamW, Recipe, train
from polycritic.worlds import NoisySolver, find, make, problems

# %%
# A critic of answers that must keep to stated rules
# --------------------------------------------------
world = find("stated_rules")
critic = Critic([world.task], Words())
recipe = Recipe(steps=300, optimizer=AdamW(learning_rate=3e-3))
for step in train(critic, make([world], 400, seed=0), recipe):
    if step.number % 100 == 0:
        print(f"step {step.number}: loss {step.loss:.3f}")

# %%
# Picking
# -------
asked = problems([world], 150, seed=1)
solver = NoisySolver(asked, right=0.3)
proposals = solver.generate([Candidate(problem.prompt, "") for problem in asked], 8, seed=0)
candidates = [candidate for several in proposals for candidate in several]
prompts = [candidate.prompt for candidate in candidates]
values = critic.score(candidates, [world.task]).of(world.task)
picked = [candidates[i] for i in best_of_n(values, prompts)]
print(f"{sum(map(solver.verify, picked))} of {len(picked)} picks are right, such as")
print(picked[0].prompt, "->", picked[0].response)

# %%
# What it is worth
# ----------------
# The best of fewer, over all ways to draw them, beside chance. The gain need not grow for ever: the more an imperfect critic has
# to choose from, the more of its own mistakes it finds.
right = np.array([solver.verify(candidate) for candidate in candidates], dtype=float)
chance = Random().score(candidates, [world.task]).of(world.task)
for name, scores in {"critic": values, "chance": chance}.items():
    curve = best_of_n_curve(scores, right, prompts, (1, 2, 4, 8))
    print(name, *(f"  {n}: {outcome}" for n, outcome in zip(curve.sizes, curve.outcomes, strict=True)), sep="\n")
