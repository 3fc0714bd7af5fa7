"""
Every balancer on two tasks
===========================

Two weights and two noisy tasks, each a bowl with its lowest point elsewhere. Each balancer goes its way from two starts.
"""

import inspect
from functools import partial

import matplotlib.pyplot as plt
import torch

from polycritic.core import Task
from polycritic.training import balancing as b

TASKS = [Task("steep"), Task("flat")]
LOWEST, CURVES = torch.tensor([[-1.0, 0.0], [1.0, 0.4]]), torch.tensor([[4.0, 1.5], [0.4, 1.0]])
AROUND = (b.CRMOGM, b.Every, b.Lagged, b.Clipped, b.Normalised, b.Watched, b.FlatRegion)
makers = {name: getattr(b, name) for name in b.__all__ if inspect.isclass(getattr(b, name))}
METHODS = {n: maker for n, maker in makers.items() if next(iter(inspect.signature(maker).parameters), "") == "tasks"}
METHODS["LogOutcomes"] = partial(b.LogOutcomes, costs={"steep": 2.0, "flat": 0.2})
METHODS |= {f"{maker.__name__}(UPGrad)": maker(b.UPGrad) for maker in AROUND}
METHODS["Preferred, 9 to 1"] = b.Preferred(b.UPGrad, {"flat": 9.0})


# %%
# One path
# --------
# A balancer weighs gradients, a combiner makes the direction. Some ask for more: other losses, or gradients nearby.
def path(maker, place):
    balancer, noise, places = maker(TASKS), torch.Generator().manual_seed(0), [place]
    for step in range(120):
        losses = 0.02 + (CURVES * (place - LOWEST) ** 2).sum(1) / 2
        rows = CURVES * (place - LOWEST) + 0.3 * torch.randn(2, 2, generator=noise)
        if isinstance(balancer, b.Validated) and step % 10 == 0:
            balancer.validated(losses)
        if isinstance(balancer, b.LooksAround):
            balancer.around(rows + CURVES * balancer.offsets(losses, rows))
        said = balancer(losses, rows if isinstance(balancer, b.Combiner) else lambda rows=rows: rows @ rows.T)
        place = place - 0.05 * (said if isinstance(balancer, b.Combiner) else said @ rows)
        if isinstance(balancer, b.LooksBack):
            balancer.after_step(0.02 + (CURVES * (place - LOWEST) ** 2).sum(1) / 2)
        places.append(place)
    return torch.stack(places)


# %%
# Blue: the paths. Black: the places that no other betters for both tasks, from the steep task's lowest point to the flat one's.
share = torch.stack([torch.linspace(0, 1, 50), torch.linspace(1, 0, 50)], dim=1)
front = (share @ (CURVES * LOWEST)) / (share @ CURVES)
plt.rc("axes", titlesize=9)
figure, panels = plt.subplots(8, 5, figsize=(10, 13), sharex=True, sharey=True, layout="constrained")
for panel, (name, maker) in zip(panels.flat, METHODS.items(), strict=False):
    ends = [path(maker, torch.tensor([x, 1.4])) for x in (-1.6, 1.7)]
    panel.plot(*front.T, "k", *ends[0].T, "C0", *ends[1].T, "C0", *ends[0][-1:].T, "C1o", *ends[1][-1:].T, "C1o")
    panel.set(xlim=(-2, 2), ylim=(-0.7, 1.6), xticks=[], yticks=[], title=name)
print(f"{len(METHODS)} balancers")
