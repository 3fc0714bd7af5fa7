"""
A loss and a head of your own
=============================

A loss is a pure function of tensors, a head a small distribution over a task's scale; neither needs to be registered.
"""

import numpy as np
import torch
from torch import Tensor

from polycritic.core import Candidate, Feedback, Rating, Scale, Task
from polycritic.core import Interval as IntervalScale
from polycritic.critic import Critic
from polycritic.critic.backbones import Numbers
from polycritic.critic.heads import Head, Interval
from polycritic.training import AdamW, Recipe, train


# %%
# The loss
# --------
# Huber's loss: quadratic near the target and linear far from it, so that a wild rating pulls no harder than a bad one.
def huber_loss(prediction: Tensor, target: Tensor, width: float) -> Tensor:
    error = (prediction - target).abs()
    return torch.where(error <= width, 0.5 * error.square(), width * (error - 0.5 * width))


# %%
# The head
# --------
# It is the interval head, but for how an error is counted.
class RobustInterval(Interval):
    def nll(self, features: Tensor, prior: Tensor, value: Tensor) -> Tensor:
        mean, _ = self.decode(features, prior)
        return huber_loss(mean, value, width=0.5)


def robust(scale: Scale, dim: int) -> Head:
    return RobustInterval(scale, dim)


# %%
# What it is good for
# -------------------
# One rating in five is nonsense.
rng = np.random.default_rng(0)
task = Task("size", "How large is it?", IntervalScale(0, 10))
x = rng.standard_normal((300, 3))
truth = 10 / (1 + np.exp(-x @ [1.0, -1.0, 0.5]))
said = np.where(rng.random(300) < 0.2, 10.0, truth)
candidates = [Candidate("", " ".join(map(str, row))) for row in x]
rows: list[Feedback] = [Rating(task="size", candidate=c, value=v) for c, v in zip(candidates, said, strict=True)]
for name, head in (("squared error", None), ("Huber", robust)):
    critic = Critic([task], Numbers(inputs=3), head=head)
    list(train(critic, rows, Recipe(steps=300, optimizer=AdamW(head_rate=0.03))))
    error = np.abs(critic.score(candidates, [task]).of(task) - truth).mean()
    print(f"{name:14} mean distance from the truth {error:.2f}")
