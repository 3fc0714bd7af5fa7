"""Tiny models and rows that tests share: made here, never downloaded."""

from __future__ import annotations

from pathlib import Path

import torch

from polycritic.core import (
    BagRating,
    Binary,
    Candidate,
    Comparison,
    Feedback,
    Interval,
    Levels,
    Ranking,
    Rating,
    StepRatings,
    Task,
)
from polycritic.critic.backbones import embedded_folder

TASKS = (
    Task("even", "Is the number even?", Binary()),
    Task("size", "How large is the number?", Interval(0, 20)),
    Task("grade", "Grade the number.", Levels(("1", "2", "3"))),
    Task("larger", "Prefer the larger number."),
)


def number(n: int) -> Candidate:
    return Candidate("Say a number.", f"number {n}", steps=(f"number {n}", f" then {n + 1}") if n % 4 == 1 else ())


def mixed_rows(count: int = 12) -> list[Feedback]:
    """Rows of every kind, on four tasks."""
    rows: list[Feedback] = []
    for n in range(count):
        rows.append(Rating(task="even", candidate=number(n), value=float(n % 2 == 0)))
        rows.append(Rating(task="size", candidate=number(n), value=float(n)))
        rows.append(Rating(task="grade", candidate=number(n), value=1.0 + n % 3))
        rows.append(Comparison(task="larger", first=number(n), second=number(n + 1), preference=0.0))
        if n % 4 == 1:
            rows.append(StepRatings(task="even", candidate=number(n), values=(0.0, 1.0)))
        if n % 3 == 0:
            rows.append(Ranking(task="larger", candidates=(number(n), number(n + 2), number(n + 5)), ranks=(3, 2, 1)))
            rows.append(BagRating(task="size", candidates=(number(n), number(n + 4)), value=n + 2.0))
    return rows


def tiny_encoder(folder: Path) -> Path:
    """A random two-layer BERT with the embedded model's tokenizer."""
    from transformers import AutoTokenizer, BertConfig, BertModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=30522,
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=128,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
        BertModel(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(embedded_folder()).save_pretrained(folder)
    return folder


def tiny_decoder(folder: Path) -> Path:
    """A random two-layer Llama with the embedded model's tokenizer and a padding token of its own."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaModel

    tokenizer = AutoTokenizer.from_pretrained(embedded_folder())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=30522,
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            intermediate_size=32,
            max_position_embeddings=128,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=None,
            eos_token_id=tokenizer.sep_token_id,
        )
        LlamaModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
