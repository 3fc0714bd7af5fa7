"""
Make tasks with known truth
===========================

A world draws problems, solves them, makes mistakes of known kinds, and verifies any answer. So feedback of many tasks can be made
without anybody to label it.
"""

from random import Random

from polycritic.core import Rating, StepRatings
from polycritic.worlds import Mix, equal_relation, find, make, numeric_world

# %%
# One problem
# -----------
world = find("roman_numerals")
problem = world.make(seed=1, difficulty=2)
print(problem.prompt)
print("right:", "".join(world.solve(problem)))
for grade, steps in world.mistakes(problem, Random(0)).items():
    response = "".join(steps)
    print(f"{grade.name.lower():12} {world.verify(problem, response)!s:5} {response!r}")

# %%
# Rows of feedback
# ----------------
# Right or wrong by the verifier, preferences by the kind of mistake, step ratings where answers have steps.
rows = make([world, find("shown_steps")], 50, seed=0, mix=Mix(ratings=2, comparisons=1, padding=0.5))
kinds = sorted({type(row).__name__ for row in rows})
print(len(rows), "rows:", *kinds)
outcomes = [row.value for row in rows if isinstance(row, Rating)]
print("share of right answers:", round(sum(outcomes) / len(outcomes), 2))
steps = next(row for row in rows if isinstance(row, StepRatings) and 0.0 in row.values)
for step, value in zip(steps.candidate.steps, steps.values, strict=True):
    print(f"{value:.0f}  {step.rstrip()}")

# %%
# Tasks whose relation is known
# -----------------------------
# Three tasks that agree to 0.8 and one that has nothing to do with them, on candidates that are rows of numbers.
numbers = numeric_world(equal_relation(4, 0.8, outliers=1), 200, noise=0.1, seed=0)
print(numbers)
print((numbers.weights @ numbers.weights.T).round(2))
