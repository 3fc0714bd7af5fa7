"""What a model says of its own answers: P(True), asked in words, and P(IK), read from features of the question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polycritic.core import Binary, PolycriticError, Scores
from polycritic.trust._logistic import fit_logistic, sigmoid

if TYPE_CHECKING:
    from polycritic.core import Candidate, FloatArray, Task

QUESTION = """Question: {prompt}
Proposed answer: {response}
Is the proposed answer:
 (A) True
 (B) False
The proposed answer is:"""


@dataclass(frozen=True, slots=True)
class PTrue:
    r"""A judge that asks a language model whether a proposed answer is true: :math:`P(\text{"A"})` of a self-question.

    What comes back leans one way for most models: calibrate it per task, ``Trusted(PTrue(ask), fit_temperature(...))``.

    **Laws**: one question for each candidate, whatever the number of tasks; NaN from the model stays NaN.

    Args:
        ask: Takes n prompts, returns n probabilities that the next token is (A).
        question: The self-question, with the places ``{prompt}`` and ``{response}``.
        name: What to call this judge.

    Raises:
        PolycriticError: On a call, for tasks that are not Binary, or answers that are not n probabilities.

    >>> from polycritic.core import Candidate, Task
    >>> judge = PTrue(lambda prompts: [0.9 if "Proposed answer: 4" in p else 0.2 for p in prompts])
    >>> judge.score([Candidate("2 + 2", "4"), Candidate("2 + 2", "5")], [Task("sums", scale=Binary())]).values.ravel()
    array([0.9, 0.2])

    References:
        Kadavath et al. (2022), Language Models (Mostly) Know What They Know.
    """

    ask: Callable[[Sequence[str]], Sequence[float] | FloatArray]
    question: str = QUESTION
    name: str = "P(True)"

    def score(self, candidates: Sequence[Candidate], tasks: Sequence[Task], /) -> Scores:
        """The probability that each candidate's response is true, the same for each task."""
        for task in tasks:
            if not isinstance(task.scale, Binary):
                raise PolycriticError(
                    "P(True) is about right and wrong",
                    where=f"task {task.name!r}",
                    found=repr(task.scale),
                    expected="Binary()",
                )
        prompts = [
            self.question.replace("{response}", "\0").replace("{prompt}", c.prompt).replace("\0", c.response)
            for c in candidates
        ]
        p = np.asarray(self.ask(prompts) if prompts else [], dtype=np.float64)
        if p.shape != (len(prompts),) or (p < 0).any() or (p > 1).any():
            raise PolycriticError(
                "the model's answers are no probabilities",
                where="ask",
                found=str(p.shape),
                expected=f"({len(prompts)},)",
            )
        return Scores(tuple(tasks), np.repeat(p[:, None], len(tasks), axis=1))


@dataclass(frozen=True, slots=True, eq=False)
class PIKnow:
    r"""The probability that a model will answer a question rightly, from features of the question alone: :math:`\sigma(x b)`.

    Args:
        coefficients: (d + 1,), the constant last.

    >>> PIKnow(np.zeros(3))(np.ones((1, 2)))
    array([0.5])
    """

    coefficients: FloatArray

    def __call__(self, features: FloatArray) -> FloatArray:
        """P(IK) of questions with features (n, d): (n,)."""
        x = np.asarray(features, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] + 1 != len(self.coefficients):
            raise PolycriticError(
                "features do not fit", found=str(x.shape), expected=f"(n, {len(self.coefficients) - 1})"
            )
        return sigmoid(x @ self.coefficients[:-1] + self.coefficients[-1])


def fit_p_i_know(
    features: FloatArray, fraction: FloatArray, answers: FloatArray | None = None, *, ridge: float = 1.0
) -> PIKnow:
    r"""Fit P(IK) by cross-entropy with soft targets: the fraction of sampled answers that were right.

    For one question the cross-entropy :math:`-[f \ln p + (1 - f) \ln(1 - p)]` is smallest at p = f, so soft targets teach the
    share itself; thresholding them would teach who is above one half.

    Args:
        features: (n, d) of the questions; best standardised.
        fraction: (n,) share of the sampled answers that were right.
        answers: (n,) how many were sampled; 1 each by default.
        ridge: Penalty on the squared coefficients, in units of the total loss; the constant is free.

    Raises:
        PolycriticError: Shapes that disagree, or shares outside [0, 1].

    >>> known = fit_p_i_know(np.zeros((2, 0)), np.array([0.2, 0.4]))
    >>> known(np.zeros((1, 0))).round(6)
    array([0.3])

    References:
        Kadavath et al. (2022), Language Models (Mostly) Know What They Know.
    """
    x, f = np.asarray(features, dtype=np.float64), np.asarray(fraction, dtype=np.float64)
    weights = np.ones(len(f)) if answers is None else np.asarray(answers, dtype=np.float64)
    if x.ndim != 2 or f.shape != x.shape[:1] or weights.shape != f.shape or not len(f):
        raise PolycriticError("features and fractions disagree", found=f"{x.shape}, {f.shape}, {weights.shape}")
    if not ((f >= 0) & (f <= 1)).all():
        raise PolycriticError("not a share of right answers", where="fraction", expected="numbers from 0 to 1")
    penalty = np.full(x.shape[1] + 1, ridge)
    penalty[-1] = 0.0
    return PIKnow(fit_logistic(np.column_stack([x, np.ones(len(x))]), f, weights, penalty))
