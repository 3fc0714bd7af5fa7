"""The critic: one model that judges many tasks."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from polycritic import core
from polycritic.core import Candidate, FloatArray, PolycriticError, Scale, Scores, Task
from polycritic.critic import heads as _heads
from polycritic.critic._annotators import Annotators
from polycritic.critic._batch import Batch
from polycritic.critic._surface import SurfaceTerm
from polycritic.critic.backbones import SURFACE, Backbone, Transformer
from polycritic.critic.heads import Described, Head
from polycritic.critic.losses import plackett_luce_loss
from polycritic.critic.sharing import Hard, Sharing

HeadMaker = Callable[[Scale, int], Head]
_DEFAULT_HEADS: dict[type[Scale], HeadMaker] = {
    core.Binary: _heads.Binary,
    core.Interval: _heads.Interval,
    core.Levels: _heads.Levels,
    core.Utility: _heads.Utility,
}


class Critic(nn.Module):
    """One model that judges many tasks, and is a :class:`~polycritic.core.Judge`.

    A backbone turns each text into features, a sharing shapes them for the task, the described head gives every task a
    utility, and each known task's own head adds its residual and knows its scale. A task it was never trained on is judged
    by its description: the described head alone. Beside the backbone stands a linear term on what can be counted in the text:
    length, overlap with what was given, repetition.

    Args:
        tasks: The tasks to learn; more can be judged.
        backbone: Text into features; the embedded MiniLM by default.
        sharing: How tasks shape features; hard sharing by default.
        head: Makes a task's head from its scale and the number of features, see :func:`heads_by_scale`; by default the head
            named like the scale.
        surface: Whether the response's surface is a term of the score.
        annotators: Named as in the rows' ``source``; their severity is learnt from their ratings, and is no part of a score.
        seed: Seeds the weights that are not pretrained.

    **Laws**: a candidate's score is the same alone as among others, and in any order; scores lie on the task's scale.

    >>> from polycritic.critic.backbones import Words
    >>> critic = Critic([Task("sums", scale=core.Binary())], Words())
    >>> critic.score([Candidate("1 + 1", "2")], [Task("never seen", scale=core.Binary())])
    Scores(1 candidates x 1 tasks: never seen)
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        backbone: Backbone | None = None,
        sharing: Callable[[int], Sharing] = Hard,
        head: HeadMaker | None = None,
        *,
        surface: bool = True,
        annotators: Sequence[str] = (),
        seed: int = 0,
    ) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.backbone = backbone if backbone is not None else Transformer()
            self.sharing = sharing(self.backbone.dim)
            self.described = Described(self.backbone.dim)
            self.make_head = head or default_head
            self.surface = SurfaceTerm(())
            self.reads = SURFACE if surface else ()
            self.annotators = Annotators()
            self.annotators.add(annotators)
            self.tasks: tuple[Task, ...] = ()
            self.heads = nn.ModuleList()
            self.add_tasks(tasks)

    def add_tasks(self, tasks: Sequence[Task]) -> None:
        """Give new tasks a head of their own; it starts as the described head.

        Raises:
            PolycriticError: A task of that name is there already.
        """
        names = [task.name for task in (*self.tasks, *tasks)]
        if len(set(names)) < len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise PolycriticError("tasks need different names", found=", ".join(twice))
        self.tasks = (*self.tasks, *tasks)
        self.surface.add_tasks(tasks)
        self.sharing.add_tasks(tasks)
        self.heads.extend(self.make_head(task.scale, self.backbone.dim).to(self.device) for task in tasks)
        self._columns = {task.name: column for column, task in enumerate(self.tasks)}

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        parameter = next(self.described.parameters()) if hasattr(self, "described") else None
        return parameter.device if parameter is not None else torch.device("cpu")

    def column(self, task: Task) -> int:
        """A known task's place among :attr:`tasks`, or -1.

        Raises:
            PolycriticError: The task is known on another scale.
        """
        column = self._columns.get(task.name, -1)
        if column >= 0 and self.tasks[column].scale != task.scale:
            raise PolycriticError(
                "a task changed its scale",
                where=f"task {task.name!r}",
                found=core.scale_text(task.scale),
                expected=core.scale_text(self.tasks[column].scale),
            )
        return column

    def forward(self, batch: Batch) -> Tensor:
        """The features (r, d) of a batch's readouts, shaped for their tasks."""
        pooled, states = [], []
        for ids, mask in batch.buckets:
            encoded = self.backbone(ids, mask)
            pooled.append(self.backbone.pool(encoded, mask))
            states.append(encoded)
        features = torch.cat(pooled)[batch.sequence]
        if bool((batch.position >= 0).any()):
            features = self._at_positions(features, batch, states)
        columns = torch.tensor([self.column(task) for task in batch.tasks], device=features.device)
        described = features
        if batch.descriptions is not None:
            ids, mask = batch.descriptions
            with torch.no_grad():
                described = self.backbone.pool(self.backbone(ids, mask), mask)[batch.column]
        shaped: Tensor = self.sharing(features, columns[batch.column], described)
        return shaped

    @staticmethod
    def _at_positions(features: Tensor, batch: Batch, states: list[Tensor]) -> Tensor:
        start = 0
        rows = []
        for encoded in states:
            here = (batch.position >= 0) & (batch.sequence >= start) & (batch.sequence < start + len(encoded))
            index = here.nonzero().squeeze(-1)
            rows.append((index, encoded[batch.sequence[index] - start, batch.position[index]].to(features.dtype)))
            start += len(encoded)
        return features.index_copy(0, torch.cat([i for i, _ in rows]), torch.cat([r for _, r in rows]))

    def head(self, task: Task) -> Head:
        """A known task's head, or a fresh one that adds nothing to the described head."""
        column = self.column(task)
        if column >= 0:
            return self.heads[column]  # type: ignore[return-value]
        return self.make_head(task.scale, self.backbone.dim).to(self.device).eval()

    def prior(self, features: Tensor, surface: Tensor, tasks: Sequence[Task], column: Tensor) -> Tensor:
        """The utility (r,) that all tasks share: the described head's, and what the surface (r, k) is worth for the task."""
        weights = self.surface.weights(tasks) * self.reading
        utility: Tensor = self.described(features) + (weights[column] * surface).sum(-1)
        return utility

    @property
    def reading(self) -> Tensor:
        """Which numbers of the surface are read, (k,): 1 or 0."""
        return torch.tensor([float(name in self.reads) for name in SURFACE], device=self.device)

    def losses(self, batch: Batch, features: Tensor | None = None) -> Tensor:
        """Each task's mean loss, (t,), over the tasks of the batch.

        Ratings and steps cost their head's ``nll``, comparisons its ``preference_nll`` (by default Bradley and Terry's), bags its
        ``bag_nll`` (the bag loss of decoded means) and rankings the Plackett-Luce loss. All kinds of one task share one utility.

        Args:
            batch: Compiled rows.
            features: The result of :meth:`forward`, where it is there already.
        """
        features = self(batch) if features is None else features
        prior = self.prior(features, batch.surface, batch.tasks, batch.column)
        utility, severity = torch.zeros_like(prior), self.annotators.shift(batch.sources, prior)
        totals = torch.zeros(len(batch.tasks), dtype=prior.dtype, device=prior.device)
        for column, task in enumerate(batch.tasks):
            head = self.head(task)
            index = (batch.column == column).nonzero().squeeze(-1)
            if batch.rankings is not None:
                utility = utility.index_copy(0, index, head.utility(features[index], prior[index]))
            if batch.ratings is not None:
                mine = batch.ratings.column == column
                if bool(mine.any()):
                    at = batch.ratings.readout[mine]
                    theirs = prior[at] - severity[batch.ratings.source[mine]]
                    nll = head.nll(features[at], theirs, batch.ratings.value[mine])
                    totals = totals.index_add(
                        0, index.new_tensor([column]), (batch.ratings.weight[mine] * nll).sum()[None]
                    )
            if batch.comparisons is not None:
                pairs = batch.comparisons
                mine = pairs.column == column
                if bool(mine.any()):
                    first, second = pairs.first[mine], pairs.second[mine]
                    log_odds = head.log_odds(features[first], prior[first], features[second], prior[second])
                    nll = head.preference_nll(log_odds, pairs.preference[mine], pairs.margin[mine])
                    totals = totals.index_add(0, index.new_tensor([column]), (pairs.weight[mine] * nll).sum()[None])
            if batch.bags is not None:
                mine = batch.bags.column == column
                if bool(mine.any()):
                    at = batch.bags.readouts[mine]
                    mean, _ = head.decode(features[at.ravel()], prior[at.ravel()])
                    nll = head.bag_nll(mean.reshape(at.shape), batch.bags.present[mine], batch.bags.value[mine])
                    totals = totals.index_add(
                        0, index.new_tensor([column]), (batch.bags.weight[mine] * nll).sum()[None]
                    )
        if batch.rankings is not None:
            lists = batch.rankings
            nll = plackett_luce_loss(utility[lists.readouts], lists.ranks)
            totals = totals.index_add(0, lists.column, lists.weight * nll)
        return totals / batch.totals.clamp_min(1e-12)

    def score(self, candidates: Sequence[Candidate], tasks: Sequence[Task], /) -> Scores:
        """Score candidates on tasks, known or not.

        Distinct texts are encoded once, sorted by length and in groups of like length; a progress bar shows long work.
        """
        from polycritic.critic._scoring import score

        return score(self, candidates, tasks)

    def score_steps(self, candidates: Sequence[Candidate], task: Task, /) -> list[FloatArray]:
        """The value of each step of each candidate; NaN where a long response lost the step."""
        from polycritic.critic._scoring import score_steps

        return score_steps(self, candidates, task)

    def compare(self, pairs: Sequence[tuple[Candidate, Candidate]], task: Task, /) -> FloatArray:
        """The probability, (n,), that the first of each pair is better; the critic is a :class:`~polycritic.core.Comparer` too.

        The task's head compares: by the difference of two utilities, or, where it is a
        :class:`~polycritic.critic.heads.GeneralPreference`, by more than any score can say.

        **Laws**: swapping a pair turns p into 1 - p.

        >>> from polycritic.critic.backbones import Words
        >>> critic, pair = Critic([Task("t")], Words()), (Candidate("p", "a"), Candidate("p", "a"))
        >>> critic.compare([pair], Task("t"))
        array([0.5])
        """
        from polycritic.critic._reading import compare

        return compare(self, pairs, task)

    def quantiles(self, candidates: Sequence[Candidate], task: Task, levels: Sequence[float], /) -> FloatArray:
        """The value that each candidate stays below with each probability, (n, q); NaN where the task's head cannot say.

        >>> from polycritic.critic.backbones import Words
        >>> task = Task("t", scale=core.Interval(0, 10))
        >>> Critic([task], Words()).quantiles([Candidate("p", "a")], task, [0.05, 0.95]).shape
        (1, 2)
        """
        from polycritic.critic._reading import quantiles

        return quantiles(self, candidates, task, levels)

    def features(self, candidates: Sequence[Candidate], task: Task, /) -> FloatArray:
        """What the critic's heads read of each candidate, (n, d): frozen features for anything that is fitted on top.

        >>> from polycritic.critic.backbones import Words
        >>> Critic([Task("t")], Words(dim=8)).features([Candidate("p", "a")], Task("t")).shape
        (1, 8)
        """
        from polycritic.critic._reading import features

        return features(self, candidates, task)

    def without_surface(self, *names: str) -> Critic:
        """This critic, sharing its weights, blind to some of what can be counted, or to all of it.

        ``critic.without_surface("length")`` is a length-controlled judge.

        Args:
            names: Of :data:`~polycritic.critic.backbones.SURFACE`; all where none are named.

        >>> from polycritic.critic.backbones import Words
        >>> critic = Critic([Task("t")], Words())
        >>> "length" in critic.without_surface("length").reads, critic.without_surface().reads
        (False, ())
        """
        left_out = {core.lookup(name, SURFACE, "number of the surface") for name in names} or set(SURFACE)
        view = copy.copy(self)
        view.reads = tuple(name for name in self.reads if name not in left_out)
        return view

    def save(self, folder: Path | str) -> None:
        """Write the critic into a folder; see :func:`Critic.load`."""
        from polycritic.critic._saving import save

        save(self, Path(folder))

    @classmethod
    def load(cls, folder: Path | str) -> Critic:
        """Read a critic that :meth:`save` wrote.

        Raises:
            PolycriticError: The folder is not a critic's, is damaged, or was written by a newer version.
        """
        from polycritic.critic._saving import load

        return load(Path(folder))

    def export_hf(self, folder: Path | str, task: Task | None = None) -> None:
        """Write an ``AutoModelForSequenceClassification`` whose logits are this critic's utilities.

        See :func:`~polycritic.critic._export.export_hf`.
        """
        from polycritic.critic._export import export_hf

        export_hf(self, Path(folder), task)

    def export_onnx(self, folder: Path | str, task: Task | None = None, *, int8: Sequence[Candidate] = ()) -> None:
        """Write an ONNX graph with its tokenizer, a judge without torch; in eight bits where given candidates to check it on.

        See :func:`~polycritic.critic._onnx.export_onnx`.
        """
        from polycritic.critic._onnx import export_onnx

        export_onnx(self, Path(folder), task, int8=int8)

    def __repr__(self) -> str:
        parameters = sum(p.numel() for p in self.parameters())
        return f"Critic({len(self.tasks)} tasks, {type(self.backbone).__name__}, {parameters / 1e6:.1f}M parameters)"


def default_head(scale: Scale, dim: int) -> Head:
    """The head named like the scale.

    >>> type(default_head(core.Binary(), 4)).__name__
    'Binary'
    """
    return _DEFAULT_HEADS[type(scale)](scale, dim)


def heads_by_scale(kinds: Mapping[type[Scale], HeadMaker]) -> HeadMaker:
    """Heads chosen by the kind of scale: those that are named, and the default ones for the rest.

    >>> from polycritic.critic.heads import HLGauss
    >>> make = heads_by_scale({core.Interval: HLGauss})
    >>> type(make(core.Interval(0, 10), 4)).__name__, type(make(core.Binary(), 4)).__name__
    ('HLGauss', 'Binary')
    """
    return lambda scale, dim: kinds.get(type(scale), default_head)(scale, dim)
