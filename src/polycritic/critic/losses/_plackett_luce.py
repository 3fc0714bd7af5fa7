from __future__ import annotations

import torch
from torch import Tensor


def plackett_luce_loss(utilities: Tensor, ranks: Tensor) -> Tensor:
    r"""Negative log likelihood of rankings under Plackett and Luce's model; ties by Breslow's approximation.

    .. math:: \ell(u, r) = \sum_i \Big[\log \sum_{j : r_j \ge r_i} e^{u_j} - u_i\Big]

    Candidates of equal rank are drawn from the same set: each is weighed against all that are not better. The last place
    costs nothing when it is not shared.

    **Laws**: shifting all utilities of a ranking changes nothing; permuting candidates with their ranks changes nothing;
    only the order of the ranks counts; two candidates without a tie give the Bradley-Terry loss; over all orders without
    ties the likelihoods sum to 1.

    Args:
        utilities: (n, m) utilities of m candidates.
        ranks: (n, m) places, lowest is best; NaN or infinity where a shorter ranking is padded.

    Returns:
        (n,) losses in nats.

    >>> import torch
    >>> plackett_luce_loss(torch.tensor([[2.0, 1.0, 0.0]]), torch.tensor([[1.0, 2.0, 3.0]]))
    tensor([0.7209])

    References:
        Plackett (1975), The Analysis of Permutations. Breslow (1974), Covariance Analysis of Censored Survival Data.
    """
    present = torch.isfinite(ranks)
    utilities = torch.where(present, utilities, 0.0)
    rivals = (ranks.unsqueeze(-2) >= ranks.unsqueeze(-1)) & present.unsqueeze(-2)  # (n, i, j): j is not better than i
    rivals = torch.where(
        present.unsqueeze(-1), rivals, torch.eye(ranks.shape[-1], dtype=torch.bool, device=ranks.device)
    )
    pool = torch.where(rivals, utilities.unsqueeze(-2), -torch.inf).logsumexp(-1)
    return torch.where(present, pool - utilities, 0.0).sum(-1)
