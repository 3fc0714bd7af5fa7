"""
More than weights
=================

Against tasks that hurt each other: safe sharing, trees that tell outliers, a penalty on what tasks look at, and their order.
"""

import matplotlib.pyplot as plt
import numpy as np

from polycritic.core import Binary, Candidate, Rating, Task
from polycritic.critic import Critic, compile_batch
from polycritic.critic.backbones import Numbers, Words
from polycritic.critic.probes import Boosted
from polycritic.critic.sharing import DSMTL
from polycritic.training import AdamW, Recipe, RepMTL, train
from polycritic.training.sampling import RichFirst, UniformSampling

TASKS = [Task("wave"), Task("alike"), Task("other")]
SHAPES = {"wave": np.sin, "alike": lambda x: 0.8 * np.sin(x), "other": lambda x: np.cos(2 * x)}
places = np.linspace(-3, 3, 40)
candidates = [Candidate("", str(x)) for x in places]
rows = [Rating(task=n, candidate=c, value=f(float(c.response))) for n, f in SHAPES.items() for c in candidates]
# %%
# ``DSMTL``: each task has a gate between a path that all share and one of its own.
critic, fast = Critic(TASKS, Numbers(1), DSMTL), AdamW(learning_rate=0.03, head_rate=0.03)
found = [critic.sharing.gate.sigmoid().tolist() for _ in train(critic, rows, Recipe(steps=300, optimizer=fast))]
_, gates = plt.subplots(figsize=(6, 3), subplot_kw={"title": "DSMTL: what tasks share, by step"})
gates.plot(found, label=[task.name for task in TASKS])
gates.legend()
# %%
# ``RMTGB`` boosts trees for all tasks, and others for outliers; each task has a share of these.
judge = Boosted(Critic([], Numbers(1)), TASKS, rows)
_, trees = plt.subplots(figsize=(6, 3), subplot_kw={"title": "RMTGB: shares of the outliers' trees"})
for task, values in zip(TASKS, judge.score(candidates, TASKS).values.T, strict=True):
    trees.plot(places, values, label=f"{task.name}: {judge.outliers[task.name]:.2f}")
trees.legend()
# %%
# ``RepMTL`` keeps tasks apart where they look: a token's entropy over tasks falls. One task reads the first word, one the last.
PAIR = {name: Task(name, scale=Binary()) for name in ("first", "last")}
said = [(a, z) for a in ("ripe", "raw") for z in ("here", "there")]
texts = [(Candidate("", f"{a} fruit {z}"), a == "ripe", z == "here") for a, z in said]
pairs = [Rating(task=n, candidate=t[0], value=float(t[1 + k])) for t in texts for k, n in enumerate(PAIR)]
_, shares = plt.subplots(figsize=(6, 3), subplot_kw={"title": "RepMTL: entropy over tasks, by step"})
for weight in (0.0, 0.3):
    critic, measure, found = Critic(list(PAIR.values()), Words(dim=8)), RepMTL(entropy=1.0, alignment=0.0), []
    recipe = Recipe(steps=80, rows=8, optimizer=AdamW(0.01, 0.01), regularizer=RepMTL(weight, 0.0))
    for _ in train(critic, pairs, recipe):
        found.append(float(measure(critic, compile_batch(pairs, PAIR, critic.backbone)).detach()))
    shares.plot(found, label=f"weight {weight}")
    print(f"mean entropy with weight {weight}: {np.mean(found):.3f}")
shares.legend()
# %%
# ``RichFirst`` trains on the large task alone before it mixes.
sampler, rng = RichFirst(steps=40, then=UniformSampling()), np.random.default_rng(0)
counts = [sampler.at(step).counts(np.array([1000, 50]), 16, rng) for step in range(80)]
_, order = plt.subplots(figsize=(6, 3), subplot_kw={"title": "RichFirst: rows in each step"})
order.stackplot(range(80), np.transpose(counts), labels=["1000 rows", "50 rows"])
order.legend()
