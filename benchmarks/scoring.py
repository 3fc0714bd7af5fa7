"""Scoring beside what reward pipelines and sentence-transformers do: the same texts, in turn, in one process.

    OMP_NUM_THREADS=1 python benchmarks/scoring.py [--part encoder decoder] [--only packed] [--rounds 3] [--json out.json]

encoder: the embedded MiniLM, random linear head, pairs whose prompts and responses have log-normal lengths (medians 40 and 90
words of a token each, sigma 1, at most 512 tokens in all): batches of 32 as they come, padded, are 2.6 times as long. decoder: a
random 54M-parameter Qwen2, 32 responses of 64 tokens to one prompt of 512.

Every contender gets the same strings and gives one logit a text; the critic is exported once as a plain sequence classifier,
which the others load. Printed are pairs per CPU second, the median over rounds of the ratio to the first contender of the same
round, the rate of multiplication as a share of one large matrix product's, and the largest difference from the first contender,
in standard deviations of the scores.

The share is of what a contender really multiplies, padding included and what it leaves out left out, as torch counts it in a run
that is not timed; nothing is known of what onnxruntime multiplies. The matrix product's rate is measured right before and right
after each run, for half a second of CPU time and over all of it, as the run's own is. The share of its best 24 milliseconds in
all rounds is printed besides.

- arrival: transformers, batches of 32 as they come, padded to the longest of each (what reward pipelines do).
- fixed: the same, padded to 512 tokens.
- cross_encoder: sentence-transformers' ``CrossEncoder.predict``, which sorts by characters.
- padded: ours, sorted, batches of a budget of tokens, padded.
- packed: ours as it is: no padding, and shared beginnings read once.
- alone: ours without shared beginnings (decoder).
- onnx, int8: the exported graph in onnxruntime, and in eight bits unless it is refused (encoder).
- bfloat16: ours, where the processor multiplies bfloat16.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from unittest import mock

import numpy as np
import torch
import transformers
from torch.utils.flop_counter import FlopCounterMode

from polycritic.core import Candidate, PolycriticError, Task
from polycritic.critic import Critic
from polycritic.critic._prefix import shared_prefixes
from polycritic.critic.backbones import Transformer, embedded_tokenizer, native_precision
from polycritic.judges import Onnx

_TASK = Task("helpful", "How helpful is the response to the prompt?")
_ROOM = 512
Contender = Callable[[], np.ndarray]


class Bench:
    """A critic, its export, and texts to score."""

    def __init__(self, critic: Critic, candidates: Sequence[Candidate], folder: Path, batch: int) -> None:
        self.critic, self.candidates, self.batch = critic, list(candidates), batch
        with torch.no_grad():
            for p in critic.described.parameters():
                p.normal_(generator=torch.Generator().manual_seed(1))
        critic.eval()
        critic.export_hf(folder, _TASK)
        self.folder = folder
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self.model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
        texts = [critic.backbone.render(_TASK, c) for c in self.candidates]
        self.pairs = [(t.before, t.response) for t in texts]
        self.lengths = np.array([len(t.ids) for t in critic.backbone.tokenize(texts)])

    def ours(self) -> np.ndarray:
        """The critic's own scores."""
        return self.critic.score(self.candidates, [_TASK]).values[:, 0]

    def padded(self) -> np.ndarray:
        """Without packing."""
        with mock.patch("polycritic.critic._scoring.can_pack", return_value=False):
            return self.ours()

    def alone(self) -> np.ndarray:
        """Without shared beginnings."""
        apart = functools.partial(shared_prefixes, least=1 << 30)
        with mock.patch("polycritic.critic._scoring.shared_prefixes", apart):
            return self.ours()

    def bfloat16(self) -> np.ndarray:
        """In bfloat16."""
        self.critic.backbone.precision = torch.bfloat16
        try:
            return self.ours()
        finally:
            self.critic.backbone.precision = torch.float32

    @torch.inference_mode()
    def loop(self, padding: str | bool = True) -> np.ndarray:
        """Batches as they come."""
        causal = self.critic.backbone.causal
        logits = []
        for start in range(0, len(self.pairs), self.batch):
            pairs = self.pairs[start : start + self.batch]
            texts = (["\n".join(p) for p in pairs],) if causal else ([p[0] for p in pairs], [p[1] for p in pairs])
            room = None if causal else _ROOM
            inputs = self.tokenizer(
                *texts, padding=padding, truncation=not causal, max_length=room, return_tensors="pt"
            )
            logits.append(self.model(**inputs).logits[:, 0].numpy())
        bias = getattr(self.model.config, "polycritic_bias", [0.0])[0]
        return np.concatenate(logits).astype(np.float64) + bias


def encoder(pairs: int, folder: Path) -> tuple[Bench, dict[str, Contender]]:
    """MiniLM and its contenders."""
    rng = np.random.default_rng(0)
    prompts, responses = (np.exp(rng.normal(np.log(m), s, pairs)).astype(int) for m, s in ((40, 1.0), (90, 1.0)))
    words = _words()
    candidates = []
    for p, r in zip(prompts.clip(1, _ROOM // 2), responses.clip(1), strict=True):
        r = min(r, _ROOM - 40 - p)  # and what else is written around them
        candidates.append(Candidate(" ".join(rng.choice(words, p)), " ".join(rng.choice(words, r))))
    critic = Critic([_TASK], Transformer(max_length=_ROOM), surface=False)
    bench = Bench(critic, candidates, folder, 32)
    from sentence_transformers import CrossEncoder

    cross = CrossEncoder(str(folder), max_length=_ROOM, device="cpu")
    contenders: dict[str, Contender] = {
        "arrival": bench.loop,
        "fixed": lambda: bench.loop("max_length"),
        "cross_encoder": lambda: np.asarray(cross.predict(bench.pairs, batch_size=32, show_progress_bar=False), float),
        "padded": bench.padded,
        "packed": bench.ours,
    }
    return bench, contenders | _bfloat16(bench) | _onnx(bench, folder)


def decoder(pairs: int, folder: Path) -> tuple[Bench, dict[str, Contender]]:
    """A random Qwen2, many responses to one prompt."""
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    tokenizer = embedded_tokenizer()
    config = transformers.Qwen2Config(
        vocab_size=30522,
        hidden_size=512,
        intermediate_size=2048,
        num_hidden_layers=10,
        num_attention_heads=8,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        eos_token_id=tokenizer.sep_token_id,
    )
    transformers.Qwen2Model(config).save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    critic = Critic([_TASK], Transformer(folder / "model", max_length=1024), surface=False)
    prompt = _text(critic.backbone.tokenizer, 512, rng)
    candidates = [Candidate(prompt, _text(critic.backbone.tokenizer, 64, rng)) for _ in range(pairs)]
    bench = Bench(critic, candidates, folder / "export", 16)
    contenders: dict[str, Contender] = {"arrival": bench.loop, "alone": bench.alone, "packed": bench.ours}
    return bench, contenders | _bfloat16(bench)


def _bfloat16(bench: Bench) -> dict[str, Contender]:
    if native_precision() == torch.bfloat16:
        return {"bfloat16": bench.bfloat16}
    print("bfloat16: not on this processor")
    return {}


def _onnx(bench: Bench, folder: Path) -> dict[str, Contender]:
    """The exported graph, and in eight bits where that agrees on half of the texts."""
    threads, found = torch.get_num_threads(), dict[str, Contender]()
    for name, sample in (("onnx", ()), ("int8", bench.candidates[::2])):
        try:
            bench.critic.export_onnx(folder / name, _TASK, int8=sample)
        except PolycriticError as refused:
            print(f"{name}: {refused}")
            continue
        judge = Onnx(folder / name, threads=threads)
        found[name] = lambda judge=judge: judge.score(bench.candidates, [_TASK]).values[:, 0]
    return found


def _words() -> list[str]:
    """Words that are one token each."""
    return sorted(w for w in embedded_tokenizer().get_vocab() if w.isascii() and w.isalpha() and len(w) > 2)


def _text(tokenizer: transformers.PreTrainedTokenizerBase, tokens: int, rng: np.random.Generator) -> str:
    """Words that come to a number of tokens."""
    words, text = _words(), ""
    while len(tokenizer.tokenize(text)) < tokens:
        text += f" {rng.choice(words)}"
    return text.strip()


def gemm_rates(seconds: float = 0.5) -> tuple[float, float]:
    """Multiplications and additions a CPU second of one large float32 matrix product: over all of the time, and at best."""
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    spent: list[float] = []
    while sum(spent) < seconds:
        start = time.process_time()
        for _ in range(4):
            a @ b
        spent.append(time.process_time() - start)
    made = 4 * 2 * 1024**3
    return made * len(spent) / sum(spent), made / min(spent)


def multiplied(run: Contender) -> int:
    """Multiplications and additions of a run's matrix products; 0 where they are not torch's."""
    flash = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention}
    with FlopCounterMode(display=False, custom_mapping=flash) as counter:
        run()
    return int(counter.get_total_flops())


def _attention(
    query: Sequence[int],
    key: Sequence[int],
    _value: Sequence[int],
    _dropout: float = 0.0,
    causal: bool = False,
    **_others: object,  # torch's own: the result's shape, the mask, the scale
) -> int:
    """What torch does not count itself: two products of queries and keys, half of each where nobody looks ahead."""
    batch, heads, asking, width = query
    return 4 * batch * heads * asking * key[2] * width // (2 if causal else 1)


@contextmanager
def clocks(found: list[tuple[float, float]]) -> Iterator[None]:
    """Append CPU and wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    yield
    found.append((time.process_time() - cpu, time.perf_counter() - wall))


def measure(part: str, bench: Bench, contenders: dict[str, Contender], rounds: int) -> list[dict[str, object]]:
    """Run all contenders in turn."""
    made = {name: multiplied(run) for name, run in contenders.items()}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    shares: dict[str, list[float]] = {name: [] for name in contenders}
    errors, rates = dict.fromkeys(contenders, 0.0), []
    reference = np.zeros(0)
    for _ in range(rounds):
        rates.append(gemm_rates())
        for name, run in contenders.items():
            with clocks(times[name]):
                scores = run()
            rates.append(gemm_rates())
            beside = (rates[-2][0] + rates[-1][0]) / 2
            shares[name].append(made[name] / times[name][-1][0] / beside if made[name] else np.nan)
            reference = reference if len(reference) else scores
            errors[name] = float(np.abs(scores - reference).max() / reference.std())
    first = next(iter(contenders))
    usual, best = statistics.median(rate for rate, _ in rates), max(rate for _, rate in rates)
    results = []
    print(
        f"{part}: {len(reference)} texts of {bench.lengths.mean():.0f} tokens, {usual / 1e9:.0f} GFLOP per CPU second"
        f" (at best {best / 1e9:.0f})"
    )
    for name, spent in times.items():
        cpu = statistics.median(c for c, _ in spent)
        ratios = [statistics.median(a[k] / b[k] for a, b in zip(times[first], spent, strict=True)) for k in (0, 1)]
        row = {
            "part": part,
            "contender": name,
            "per_cpu_second": len(reference) / cpu,
            "cpu_ratio": ratios[0],
            "wall_ratio": ratios[1],
            "gflop": made[name] / 1e9,
            "gemm_share": statistics.median(shares[name]),
            "gemm_share_of_best": made[name] / cpu / best if made[name] else np.nan,
            "error": errors[name],
        }
        results.append(row)
        print(
            f"{part:8} {name:14} {row['per_cpu_second']:7.2f} per CPU second  x{ratios[0]:5.2f} CPU  x{ratios[1]:5.2f} wall"
            f"  {made[name] / 1e9:6.0f} GFLOP at {row['gemm_share']:5.2f} of GEMM ({row['gemm_share_of_best']:.2f} of its best)"
            f"  error {row['error']:.1e} sd",
            flush=True,
        )
    return results


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--part", nargs="+", choices=["encoder", "decoder"], default=["encoder", "decoder"])
    parser.add_argument("--pairs", type=int, default=96)
    parser.add_argument("--responses", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", help="contenders beside the first")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    results = []
    for part in options.part:
        with tempfile.TemporaryDirectory() as folder:
            make = {"encoder": encoder, "decoder": decoder}[part]
            bench, contenders = make(options.pairs if part == "encoder" else options.responses, Path(folder))
            first = next(iter(contenders))
            contenders = {k: c for k, c in contenders.items() if not options.only or k in (first, *options.only)}
            results += measure(part, bench, contenders, options.rounds)
    if options.json:
        options.json.write_text(json.dumps({"results": results, **_where()}, indent=2) + "\n")


def _where() -> dict[str, object]:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    packages = ("torch", "transformers", "sentence-transformers", "onnxruntime")
    return {
        "commit": done.stdout.strip() or "unknown",
        "threads": torch.get_num_threads(),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in packages},
        "machine": platform.machine(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "seed": 0,
    }


if __name__ == "__main__":
    main()
