"""Chat messages as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

_KEYS = (("role", "content"), ("from", "value"))


def is_messages(kind: pa.DataType) -> bool:
    """Whether an Arrow type is a list of chat messages."""
    return _is_list(kind) and pa.types.is_struct(kind.value_type) and _keys(kind.value_type) is not None


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _keys(kind: pa.StructType) -> tuple[str, str] | None:
    names = {kind.field(i).name for i in range(kind.num_fields)}
    return next(((role, content) for role, content in _KEYS if {role, content} <= names), None)


def render(messages: Sequence[Mapping[str, Any]]) -> str:
    r"""Messages as text: one message is its content, several are named by their roles.

    >>> render([{"role": "user", "content": "Hi"}])
    'Hi'
    >>> render([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}])
    'user: Hi\n\nassistant: Hello'
    """
    if len(messages) == 1:
        return _content(messages[0])
    return "\n\n".join(f"{_role(message)}: {_content(message)}" for message in messages)


def answer(messages: Sequence[Mapping[str, Any]]) -> str:
    """What a chat answers: the messages after the last one that is not the assistant's.

    >>> answer([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}])
    'Hello'
    """
    last = max((i for i, message in enumerate(messages) if _role(message) not in _ANSWERING), default=-1)
    return render(messages[last + 1 :] or messages)


def parted(first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]) -> tuple[str, str, str]:
    """Two chats as their common beginning and two answers.

    >>> user = {"role": "user", "content": "Hi"}
    >>> parted([user, {"role": "assistant", "content": "Hello"}], [user, {"role": "assistant", "content": "Go"}])
    ('Hi', 'Hello', 'Go')
    """
    most = min(len(first), len(second)) - 1
    common = next((i for i in range(max(most, 0)) if first[i] != second[i]), max(most, 0))
    return render(first[:common]), render(first[common:]), render(second[common:])


_ANSWERING = ("assistant", "gpt", "model", "tool")


def _role(message: Mapping[str, Any]) -> str:
    return str(message.get("role") or message.get("from") or "")


def _content(message: Mapping[str, Any]) -> str:
    content = message.get("content", message.get("value"))
    if isinstance(content, list):  # parts of several kinds: the texts count
        return "\n".join(str(part.get("text") or "") for part in content if isinstance(part, Mapping))
    return "" if content is None else str(content)
