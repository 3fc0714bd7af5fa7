from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from polycritic.core import PolycriticError, bounds
from polycritic.critic import Batch, Critic

_NONE = 1e-20
"""A text whose largest saliency is not above this says nothing: no task answers to it."""
_STILL = 1e-12
"""A token to which the tasks answer less than this, as a share of the text's largest answer, is one they do not read."""

Regularizer = Callable[[Critic, Batch], Tensor]
"""What a step minimises beside its tasks' weighted losses: a number made of a critic and some of the step's rows."""


@dataclass(frozen=True, slots=True)
class RepMTL:
    r"""Keep tasks apart where they look, and let them agree on what matters in a text: Rep-MTL, without labels.

    The *saliency* of task t is what its score answers to in the tokens' states Z of a text, :math:`S_t = \partial
    \hat y_t / \partial Z`, (l, d), with :math:`\hat y_t` the score as a share of the task's scale. Two penalties are made of it:

    .. math::

        R_{\text{TSR}} &= \operatorname{mean}_i H(P_i), \qquad
            P_{it} = \lvert \operatorname{mean}_c S_{tic} \rvert
                / {\textstyle\sum_k} \lvert \operatorname{mean}_c S_{kic} \rvert \\
        R_{\text{CSA}} &= -\operatorname{mean}_{bt} \log \frac{\exp(\cos(A_b, M_{bt}) / \tau)}
            {\sum_{k \ne b} \exp(\cos(A_b, A_k) / \tau)}, \qquad
            M_{bt} = {\textstyle\sum_i} s_{bti} s_{bti}^\top, \quad A_b = a_b a_b^\top

    for tokens i, texts b, and :math:`a_b` the mean of a text's saliencies over tokens and tasks. Low entropy is a token that
    one task reads; high alignment is tasks that answer to the same directions on one text, and not to those of other texts.
    The matrices have d rows and are never formed: :math:`\langle aa^\top, M \rangle = \sum_i (a \cdot s_i)^2`.

    The paper compares the gradients of losses, and so needs every task's label on every example. Here an example has the label
    of one task, so we take the gradients of scores, of all the tasks of a step on all its texts: it differentiates twice, but
    only through what stands on the backbone. On a task without bounds and with a mean over tokens a score is linear in the
    states and S the same everywhere; then only the heads are moved, and tasks that disagree are bent towards one another: leave
    it out there. It is a regularizer for ``Recipe(regularizer=RepMTL())``.

    Args:
        entropy: What the entropy weighs, beside losses of about 1.
        alignment: What the alignment weighs.
        temperature: :math:`\tau`.

    **Laws**: both are unchanged by the order of texts and tasks, by padding, and by the unit of a task's scale.

    >>> from polycritic.core import Binary, Candidate, Rating, Task
    >>> from polycritic.critic import compile_batch
    >>> from polycritic.critic.backbones import Words
    >>> tasks = {name: Task(name, scale=Binary()) for name in ("a", "b")}
    >>> rows = [Rating(task=name, candidate=Candidate("", "yes"), value=1.0) for name in tasks]
    >>> critic = Critic(list(tasks.values()), Words(dim=4))  # both have the same head: each token is half of each
    >>> round(RepMTL(entropy=1.0, alignment=0.0)(critic, compile_batch(rows, tasks, critic.backbone)).item(), 4)
    0.6931

    References:
        Wang et al. (2025), Rep-MTL: Unleashing the Power of Representation-level Task Saliency for Multi-Task Learning.
    """

    entropy: float = 0.01
    alignment: float = 0.01
    temperature: float = 0.5

    def __post_init__(self) -> None:
        if not (self.entropy >= 0.0 and self.alignment >= 0.0 and self.temperature > 0.0):
            raise PolycriticError("bad RepMTL", found=repr(self), expected="weights 0 or more, a temperature above 0")

    def __call__(self, critic: Critic, batch: Batch) -> Tensor:
        """The weighted sum of both for a batch's texts and tasks."""
        entropies, anchors, agreements = [], [], []
        for found, mask in saliencies(critic, batch):
            saliency = in_own_unit(found)
            entropies.append(token_entropy(saliency, mask))
            anchor, agreement = alignments(saliency, mask)
            anchors.append(anchor)
            agreements.append(agreement)
        entropy = torch.cat(entropies)
        aligned = alignment_loss(torch.cat(anchors), torch.cat(agreements, dim=1), self.temperature)
        return self.entropy * (entropy.mean() if len(entropy) else entropy.sum()) + self.alignment * aligned


def saliencies(critic: Critic, batch: Batch) -> list[tuple[Tensor, Tensor]]:
    """The gradient of each task's score by the tokens' states, differentiable, and which states are real.

    (t, s, l, d) and (s, l) for each bucket of texts; a backbone that keeps one state a text has one that is real.
    """
    described = None
    if batch.descriptions is not None:
        ids, mask = batch.descriptions
        with torch.no_grad():
            described = critic.backbone.pool(critic.backbone(ids, mask), mask)
    found = []
    for ids, mask in batch.buckets:
        states = critic.backbone(ids, mask)
        states = states if states.requires_grad else states.detach().requires_grad_()
        pooled = critic.backbone.pool(states, mask)
        of_task = []
        for k, task in enumerate(batch.tasks):
            column = torch.full((len(pooled),), critic.column(task), device=pooled.device)
            features = critic.sharing(pooled, column, pooled if described is None else described[k].expand_as(pooled))
            value, _ = critic.head(task).decode(features, critic.described(features))
            low, high = bounds(task.scale)
            share = value.sum() / (high - low) if high - low < float("inf") else value.sum()
            of_task.append(torch.autograd.grad(share, states, create_graph=True)[0].float())
        found.append((torch.stack(of_task), mask if states.shape[1] == mask.shape[1] else mask.any(-1, keepdim=True)))
    return found


def in_own_unit(saliency: Tensor) -> Tensor:
    """Each text's saliencies over their largest, which neither penalty sees: those of a task learnt by heart are next to zero."""
    largest: Tensor = saliency.detach().abs().amax((0, 2, 3), keepdim=True)
    return torch.where(largest > _NONE, saliency / largest.clamp_min(_NONE), 0.0)


def token_entropy(saliency: Tensor, mask: Tensor) -> Tensor:
    """The entropy over tasks of each real token that any task answers to, (n,), in nats, from saliencies (t, s, l, d).

    >>> token_entropy(torch.tensor([[[[2.0, 4.0]]], [[[0.0, -2.0]]]]), torch.tensor([[True]]))  # shares 3/4 and 1/4
    tensor([0.5623])
    """
    size = saliency.mean(-1).abs()
    size = size[:, mask & (size.detach().sum(0) > _STILL)]
    share = size / size.sum(0)
    return -(share * share.clamp_min(torch.finfo(share.dtype).tiny).log()).sum(0)


def alignments(saliency: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Each text's mean saliency (s, d), and the cosine (t, s) of its outer product with the affinity of each task's."""
    real = saliency * mask.unsqueeze(-1)
    anchor = real.sum((0, 2)) / (len(real) * mask.sum(-1, keepdim=True))
    along = torch.einsum("tsld,sd->tsl", real, anchor).square().sum(-1)
    size = torch.einsum("tsld,tsmd->tslm", real, real).flatten(2).norm(dim=-1)
    return anchor, _over(along, anchor.square().sum(-1) * size)


def alignment_loss(anchor: Tensor, agreement: Tensor, temperature: float) -> Tensor:
    """The contrastive loss of agreements (t, s) against the texts' anchors (s, d); zero for a text alone."""
    if len(anchor) < 2:
        return 0.0 * agreement.sum()
    square = anchor.square().sum(-1)
    others = _over((anchor @ anchor.T).square(), square[:, None] * square)
    others = (others / temperature).masked_fill(
        torch.eye(len(anchor), dtype=torch.bool, device=anchor.device), -torch.inf
    )
    return (others.logsumexp(-1) - agreement / temperature).mean()


def _over(top: Tensor, bottom: Tensor) -> Tensor:
    """A ratio of sizes; zero where there is nothing to compare."""
    return torch.where(bottom > 0.0, top / torch.where(bottom > 0.0, bottom, 1.0), 0.0)
