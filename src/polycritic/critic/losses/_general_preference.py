from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus

from polycritic.core import PolycriticError


def general_preference_scores(first: Tensor, second: Tensor, scales: Tensor | None = None) -> Tensor:
    r"""How much the first is preferred to the second, from an embedding of each; preferences may run in circles.

    .. math:: s(v, w) = \sum_{l} c_l\,(v_{2l} w_{2l+1} - v_{2l+1} w_{2l})

    Each candidate is embedded once. The shapes broadcast, so ``general_preference_scores(v[:, None], v)`` compares m candidates
    with each other from m embeddings, and ``general_preference_scores(v, v.mean(0))`` is the mean score against all of them at
    a cost linear in m.

    **Laws**: ``s(v, w) == -s(w, v)``; nothing is preferred to itself; linear in each; a pair of features of which the second is
    one for all is a difference of utilities, as in Bradley and Terry's model.

    Args:
        first: (..., d) embeddings of the first candidates; d is even.
        second: (..., d) embeddings of the second.
        scales: (..., d / 2) what each pair of features weighs, for instance gated by the prompt; all 1 where it is not given.

    Returns:
        (...) scores.

    Raises:
        PolycriticError: d is odd, or differs.

    >>> import torch
    >>> general_preference_scores(torch.tensor([[1.0, 0.5]]), torch.tensor([[0.2, 0.9]]))
    tensor([0.8000])

    References:
        Zhang et al. (2024), General Preference Modeling with Preference Representations for Aligning Language Models.
    """
    d = first.shape[-1]
    if d % 2 or second.shape[-1] != d:
        raise PolycriticError(
            "embeddings are of pairs of features", found=f"{d} and {second.shape[-1]}", expected="the same even number"
        )
    blocks = first[..., 0::2] * second[..., 1::2] - first[..., 1::2] * second[..., 0::2]
    return (blocks if scales is None else blocks * scales).sum(-1)


def general_preference_loss(
    first: Tensor, second: Tensor, preference: Tensor, temperature: Tensor | float = 1.0, scales: Tensor | None = None
) -> Tensor:
    r"""Negative log likelihood of preferences under the general preference model, which allows circles.

    .. math:: \ell = p\,\mathrm{softplus}(-s / \tau) + (1 - p)\,\mathrm{softplus}(s / \tau)

    **Laws**: swapping the two with ``1 - preference`` changes nothing; turning all embeddings in the plane of a pair of features
    changes nothing; never negative.

    Args:
        first: (n, d) embeddings of the first candidates; d is even.
        second: (n, d) embeddings of the second.
        preference: (n,) probability that the first is better.
        temperature: () or (n,), :math:`\tau`, above zero; embeddings of unit length want about 0.1.
        scales: (n, d / 2) see :func:`general_preference_scores`.

    Returns:
        (n,) losses in nats.

    >>> import torch
    >>> general_preference_loss(torch.tensor([[1.0, 0.5]]), torch.tensor([[0.2, 0.9]]), torch.tensor([1.0]))
    tensor([0.3711])

    References:
        Zhang et al. (2024), General Preference Modeling with Preference Representations for Aligning Language Models.
    """
    score = general_preference_scores(first, second, scales) / temperature
    return preference * softplus(-score) + (1.0 - preference) * softplus(score)
