from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from polycritic.core import FloatArray, Progress
from polycritic.critic.probes import _folder
from polycritic.critic.probes._probed import Predict


class Reasoner(nn.Module):
    r"""A small transformer that reads labelled examples of a new task and judges others, without training on the task.

    It was trained on synthetic tasks alone (:func:`train_reasoner`), so what it learnt is how to learn from few examples, and it
    serves any critic's features: their first principal components, with the examples' mean taken off, at unit size. What lies
    beyond these components it does not see. Every example attends to all examples; what is to be judged attends to the examples
    and to nothing else.

    **Laws**: the order of the examples changes nothing; what is judged does not see the others; flipping all labels turns p
    into 1 - p; no parameter changes when examples are read.

    Args:
        components: How many principal components are read.
        width: The transformer's width, a multiple of 4.
        layers: How many layers.
        seed: Seeds the weights.

    >>> reasoner = Reasoner(components=2, width=8, layers=1)
    >>> predict = reasoner(np.array([[-1.0, 0.0], [1.0, 0.0]]), np.array([0.0, 1.0]))
    >>> predict(np.zeros((3, 2))).shape
    (3,)

    References:
        Bhatia et al. (2023), TART: A Plug-and-Play Transformer Module for Task-Agnostic Reasoning. Müller et al. (2022),
        Transformers Can Do Bayesian Inference.
    """

    def __init__(self, components: int = 8, width: int = 48, layers: int = 3, *, seed: int = 0) -> None:
        super().__init__()
        self.shape = {"components": components, "width": width, "layers": layers}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.read = nn.Linear(components + 1, width)  # the label of an example is -1 to 1; what is judged has 0
            self.layers = nn.ModuleList(_Layer(width) for _ in range(layers))
            self.say = nn.Linear(width, 1)

    def forward(self, x: FloatArray, y: FloatArray) -> Predict:
        """Read examples, features (n, d) and shares of right (n,); a :data:`Reader`."""
        device = self.say.bias.device
        examples, labels = torch.from_numpy(x).to(device), torch.from_numpy(2.0 * y - 1.0).float().to(device)

        def predict(features: FloatArray) -> FloatArray:
            questions = torch.from_numpy(features).to(device)
            with torch.inference_mode():
                known, asked = principal(examples[None], questions[None], self.shape["components"])
                logits = self.logits(known, labels[None], asked)
            return np.asarray(logits[0].double().sigmoid().cpu().numpy(), dtype=np.float64)

        return predict

    def logits(self, examples: Tensor, labels: Tensor, questions: Tensor) -> Tensor:
        """Log odds of right, (t, m), of t tasks at once: examples (t, n, c), labels (t, n) from -1 to 1, questions (t, m, c)."""
        both = torch.cat([labels, -labels])
        said = self._one_sided(examples.repeat(2, 1, 1), both, questions.repeat(2, 1, 1))
        right, wrong = said.chunk(2)
        return 0.5 * (right - wrong)

    def _one_sided(self, examples: Tensor, labels: Tensor, questions: Tensor) -> Tensor:
        known: Tensor = self.read(torch.cat([examples, labels.unsqueeze(-1)], dim=-1))
        asked: Tensor = self.read(torch.cat([questions, torch.zeros_like(questions[..., :1])], dim=-1))
        for layer in self.layers:
            known, asked = layer(known, asked)
        said: Tensor = self.say(asked).squeeze(-1)
        return said

    def save(self, folder: Path | str) -> None:
        """Write the weights and the shape into a folder."""
        _folder.write(folder, "reasoner", self, self.shape)

    @classmethod
    def load(cls, folder: Path | str) -> Reasoner:
        """Read what :meth:`save` wrote.

        Raises:
            PolycriticError: There is no reasoner.
        """
        shape, weights = _folder.read(folder, "reasoner")
        made = cls(**shape)
        made.load_state_dict(weights)
        return made.eval()

    @classmethod
    def pretrained(cls) -> Reasoner:
        """The reasoner that comes with the package: ``train_reasoner(Reasoner())``.

        >>> predict = Reasoner.pretrained()(np.array([[-1.0], [-2.0], [1.0], [2.0]]), np.array([0.0, 0.0, 1.0, 1.0]))
        >>> [round(float(p), 1) for p in predict(np.array([[3.0], [-3.0]]))]
        [0.7, 0.2]
        """
        return cls.load(Path(__file__).parent / "reasoner")


def principal(examples: Tensor, questions: Tensor, components: int) -> tuple[Tensor, Tensor]:
    """Examples (t, n, d) and questions (t, m, d) along the examples' first principal axes, (t, n, c) and (t, m, c).

    The examples' mean is taken off, and their mean square is one; axes beyond the rank of the examples are zero.

    >>> principal(torch.tensor([[[0.0, 5.0], [4.0, 5.0]]]), torch.tensor([[[4.0, 7.0]]]), 2)[1]
    tensor([[[1.4142, 0.0000]]])
    """
    mean = examples.mean(1, keepdim=True)
    centred = examples - mean
    few = examples.shape[1] <= examples.shape[2]  # then the inner products of examples are fewer than those of features
    spread, vectors = torch.linalg.eigh(centred @ centred.mT if few else centred.mT @ centred)
    spread, vectors = spread.flip(-1)[:, :components, None], vectors.flip(-1)[..., :components].mT
    real = spread > 1e-10 * spread[:, :1]
    axes = vectors @ centred / torch.where(real, spread, 1.0).sqrt() if few else vectors
    sign = axes.pow(3).sum(-1, keepdim=True).sign()  # one that does not hang on the order of the examples
    axes = axes * sign * real
    axes = torch.nn.functional.pad(axes, (0, 0, 0, components - axes.shape[1]))
    size = ((centred @ axes.mT).square().mean((1, 2), keepdim=True)).sqrt()
    scaled = axes / torch.where(size > 0, size, 1.0)
    return (centred @ scaled.mT).float(), ((questions - mean) @ scaled.mT).float()


class _Layer(nn.Module):
    """Attention to the examples, then a step of its own, for examples and questions alike."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True)
        self.step = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, known: Tensor, asked: Tensor) -> tuple[Tensor, Tensor]:
        count = known.shape[1]
        tokens = torch.cat([known, asked], dim=1)
        normal = self.before(tokens)
        tokens = tokens + self.attention(normal, normal[:, :count], normal[:, :count], need_weights=False)[0]
        tokens = tokens + self.step(self.after(tokens))
        return tokens[:, :count], tokens[:, count:]


def synthetic_tasks(
    count: int, examples: int, components: int, *, seed: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    r"""Logistic tasks to learn to learn from: other directions, other steepness, other spectra.

    .. math:: x \sim N(0, \Lambda),\ \Lambda_{ii} \propto i^{-a},\quad w \sim N(0, I),\quad
        P(\text{right}) = \sigma\bigl(\alpha\, w \cdot x / \lVert \Lambda^{1/2} w \rVert + b\bigr)

    with a from 0 to 2, the steepness :math:`\alpha` from 1 to 10 and b of standard deviation 1/2, drawn for each task.

    Args:
        count: t, how many tasks.
        examples: n, examples of each.
        components: c, features.
        seed: Same seed, same tasks.

    Returns:
        Features (t, n, c) of unit mean square, labels (t, n) of 0 and 1, and their true log odds (t, n).

    >>> x, y, log_odds = synthetic_tasks(3, 5, 2, seed=0)
    >>> x.shape, y.shape, log_odds.shape
    ((3, 5, 2), (3, 5), (3, 5))
    """
    rng = np.random.default_rng(seed)
    spectrum = np.arange(1, components + 1) ** -rng.uniform(0.0, 2.0, (count, 1))
    spectrum *= components / spectrum.sum(1, keepdims=True)
    x = rng.standard_normal((count, examples, components)) * np.sqrt(spectrum)[:, None]
    w = rng.standard_normal((count, components))
    w /= np.sqrt((spectrum * w**2).sum(1, keepdims=True))
    steep = np.exp(rng.uniform(0.0, np.log(10.0), (count, 1)))
    log_odds = steep * np.einsum("tnc,tc->tn", x, w) + 0.5 * rng.standard_normal((count, 1))
    y = (rng.random((count, examples)) < 1.0 / (1.0 + np.exp(-log_odds))).astype(np.float64)
    return x, y, log_odds


def train_reasoner(
    reasoner: Reasoner, *, steps: int = 2000, tasks: int = 32, most: int = 64, rate: float = 2e-3, seed: int = 0
) -> list[float]:
    """Train a reasoner on synthetic tasks, each seen once: after as many examples as chance gives it, foretell 16 others.

    The tasks have once, twice or four times as many features as the reasoner reads components, and it reads them as it will read
    a critic's: along the principal axes of the examples that it was given.

    Args:
        reasoner: Trained in place.
        steps: Updates.
        tasks: Tasks in each.
        most: The most examples that it learns to read at once.
        rate: Peak learning rate.
        seed: Same seed, same tasks.

    Returns:
        The loss of each step, in nats a question.

    >>> losses = train_reasoner(Reasoner(components=2, width=8, layers=1), steps=3, tasks=4, most=8)
    >>> len(losses)
    3
    """
    optimizer = torch.optim.AdamW(reasoner.parameters(), rate)
    share = lambda step: min(10 * (step + 1) / steps, 0.5 + 0.5 * np.cos(np.pi * step / steps))  # noqa: E731
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
    losses, components = [], reasoner.shape["components"]
    reasoner.train()
    with Progress("training a reasoner", steps) as progress:
        for step in range(steps):
            rng = np.random.default_rng([seed, 1, step])
            count, features = int(2 ** rng.uniform(1.0, np.log2(most))), components * int(rng.choice([1, 2, 4]))
            x, y, _ = synthetic_tasks(tasks, count + 16, features, seed=seed * 1_000_003 + step)
            batch, said = torch.from_numpy(x), torch.from_numpy(y).float()
            known, asked = principal(batch[:, :count], batch[:, count:], components)
            logits = reasoner.logits(known, 2.0 * said[:, :count] - 1.0, asked)
            loss = binary_cross_entropy_with_logits(logits, said[:, count:])
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(reasoner.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
            progress.advance(1)
    reasoner.eval()
    return losses
