"""What a critic makes of a response's surface: length, overlap, repetition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from polycritic.core import Task
from polycritic.critic.backbones import SURFACE

_NEAR = 0.1
"""How much less alike than the most alike a description may be for its task to count a share of 1 / e."""


class SurfaceTerm(nn.Module):
    r"""What the countable surface of a response is worth for each task: a linear term beside the backbone's features.

    .. math:: u_s = (a + a_{\text{family}} + a_{\text{task}}) \cdot s

    A task's weights are those of all tasks, moved by its family and by itself, so that a task never trained on gets what its
    family learnt, or what all did. In place of its own move it gets those of the known tasks whose descriptions are like its own,

    .. math:: a_{\text{new}} = \sum_t \operatorname{softmax}_t(\cos(d_{\text{new}}, d_t) / 0.1)\, a_t

    with words weighed by TF-IDF; a description that shares no word with any gets none. All weights start at zero.

    >>> term = SurfaceTerm([Task("qa/a", "Is the answer right?"), Task("qa/b", "Is the summary faithful?")])
    >>> _ = torch.nn.init.constant_(term.family, 1.0)
    >>> term.task.data[0] = 2.0
    >>> new = [Task("qa/a"), Task("qa/unseen"), Task("other", "Is it a right answer?"), Task("other")]
    >>> [round(term.weights([task])[0, 0].item(), 2) for task in new]
    [3.0, 1.0, 2.0, 0.0]

    References:
        Cheng et al. (2016), Wide & Deep Learning for Recommender Systems. Chen et al. (2024), ODIN: Disentangled Reward Mitigates
        Hacking in RLHF (a length term of its own). Gelman and Hill (2006), Data Analysis Using Regression and
        Multilevel/Hierarchical Models.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        super().__init__()
        self.families: dict[str, int] = {}
        self.tasks: dict[str, int] = {}
        self._descriptions: list[str] = []
        self._words: tuple[Any, Any] | None = None
        self.shared = nn.Parameter(torch.zeros(len(SURFACE)))
        self.family = nn.Parameter(torch.zeros(0, len(SURFACE)))
        self.task = nn.Parameter(torch.zeros(0, len(SURFACE)))
        self.add_tasks(tasks)

    def add_tasks(self, tasks: Sequence[Task]) -> None:
        """Make room for new tasks; what was learnt stays."""
        for task in tasks:
            if task.name not in self.tasks:
                self.tasks[task.name] = len(self.tasks)
                self._descriptions.append(task.description)
            self.families.setdefault(task.family, len(self.families))
        self._words = None
        for rows, size in (("family", len(self.families)), ("task", len(self.tasks))):
            old = getattr(self, rows).data
            setattr(self, rows, nn.Parameter(torch.cat([old, old.new_zeros(size - len(old), len(SURFACE))])))

    def weights(self, tasks: Sequence[Task]) -> Tensor:
        """The weights of tasks, known or not, (t, k)."""
        zero = torch.zeros_like(self.shared)
        return torch.stack(
            [
                self.shared
                + (self.family[self.families[task.family]] if task.family in self.families else zero)
                + (self.task[self.tasks[task.name]] if task.name in self.tasks else self._like(task.description))
                for task in tasks
            ]
        )

    def _like(self, description: str) -> Tensor:
        """What tasks with a description like this one are moved by, (k,)."""
        self._words = self._words or _tfidf(self._descriptions)
        vectorizer, known = self._words
        alike = (known @ vectorizer.transform([description]).T).toarray()[:, 0] if vectorizer else np.zeros(1)
        if not alike.any():
            return torch.zeros_like(self.shared)
        return torch.softmax(torch.from_numpy(alike / _NEAR), 0).to(self.task) @ self.task


def _tfidf(descriptions: Sequence[str]) -> tuple[Any, Any]:
    """What weighs a description's words, and the known ones weighed, each of length one; None where there are no words."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(sublinear_tf=True)
    if not any(map(vectorizer.build_analyzer(), descriptions)):
        return None, None
    return vectorizer, vectorizer.fit_transform(descriptions)
