"""A critic on disk: weights in safetensors, everything else in JSON, checked on the way in.

A folder holds ``critic.json`` (format, tasks, and the names of the parts), ``model.safetensors`` (all weights) and
``backbone/`` (tokenizer and architecture). Nothing in it is code.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from polycritic import __version__
from polycritic.core import PolycriticError, Scale, Task, lookup, scale_from_dict, scale_to_dict

if TYPE_CHECKING:
    from torch import Tensor

    from polycritic.critic._critic import Critic

FORMAT = 1


def save(critic: Critic, folder: Path) -> None:
    """Write a critic; an older one in the same folder is replaced only when the new one is complete."""
    from safetensors.torch import save_file

    from polycritic.critic import heads, sharing
    from polycritic.critic._critic import default_head

    kinds = [] if critic.make_head is default_head else [_name(head, heads) for head in critic.heads]
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        (partial / "backbone").mkdir()
        critic.backbone.save(partial / "backbone")
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in critic.state_dict().items()}
        save_file(state, partial / "model.safetensors")
        (partial / "model.safetensors").chmod(0o644)
        description = {
            "format": FORMAT,
            "polycritic": __version__,
            "backbone": {"kind": type(critic.backbone).__name__, **critic.backbone.spec()},
            "sharing": _name(critic.sharing, sharing),
            "heads": kinds,
            "surface": list(critic.reads),
            "annotators": list(critic.annotators.names),
            "tasks": [
                {"name": t.name, "description": t.description, "scale": scale_to_dict(t.scale)} for t in critic.tasks
            ],
            "files": {str(f.relative_to(partial)): _digest(f) for f in sorted(partial.rglob("*")) if f.is_file()},
        }
        (partial / "critic.json").write_text(json.dumps(description, indent=1, ensure_ascii=False), encoding="utf-8")
        _swap(partial, folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def load(folder: Path) -> Critic:
    """Read a critic; see :meth:`Critic.load`."""
    from safetensors.torch import load_file

    from polycritic.critic import backbones, heads, sharing
    from polycritic.critic._critic import Critic, heads_by_scale

    description = read_description(folder)
    _check_files(folder, description)
    try:
        spec: dict[str, Any] = dict(description["backbone"])
        kind = str(spec.pop("kind"))
        known = [name for name in backbones.__all__ if name[0].isupper()]
        backbone = getattr(backbones, lookup(kind, known, "backbone")).restore(spec, folder / "backbone")
        tasks = [Task(t["name"], t["description"], scale_from_dict(t["scale"])) for t in description["tasks"]]
        shape = _part(str(description["sharing"]), sharing, "sharing")
        names: list[str] = list(description["heads"])
        if names:
            kinds = [_part(name, heads, "head") for name in names]
            critic = Critic(tasks, backbone, shape, _from(iter(kinds)))
            critic.make_head = heads_by_scale(dict(zip([type(t.scale) for t in tasks], kinds, strict=True)))
        else:
            critic = Critic(tasks, backbone, shape)
        critic.reads = tuple(description["surface"])
        critic.annotators.add(description.get("annotators", ()))
    except (KeyError, TypeError) as error:
        raise PolycriticError("a damaged critic", where=str(folder / "critic.json"), found=repr(error)) from error
    try:
        critic.load_state_dict(_widened(load_file(folder / "model.safetensors"), critic))
    except RuntimeError as error:
        raise PolycriticError("weights and description disagree", where=str(folder), found=str(error)) from error
    return critic.eval()


def _widened(state: dict[str, Tensor], critic: Critic) -> dict[str, Tensor]:
    """Weights of an older critic, that counted fewer things in a text, with zeros for those it did not."""
    from torch.nn import functional

    for name, parameter in critic.surface.named_parameters():
        held = state.get(f"surface.{name}")
        if held is not None and held.shape[:-1] == parameter.shape[:-1] and held.shape[-1] < parameter.shape[-1]:
            state[f"surface.{name}"] = functional.pad(held, (0, parameter.shape[-1] - held.shape[-1]))
    return state


def read_description(folder: Path) -> dict[str, Any]:
    """The contents of ``critic.json``.

    Raises:
        PolycriticError: It is not there, is not JSON, or was written by a newer version.
    """
    path = folder / "critic.json"
    if not path.is_file():
        raise PolycriticError(
            "not a critic's folder",
            where=str(folder),
            expected="critic.json",
            mend="Name what `polycritic train -o` wrote",
        )
    try:
        description: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = int(description["format"])
    except (ValueError, KeyError, TypeError) as error:
        raise PolycriticError("a damaged critic", where=str(path), found=str(error)) from error
    if version > FORMAT:
        raise PolycriticError(
            "a critic of a newer polycritic",
            where=str(path),
            found=f"format {version}",
            expected=f"format {FORMAT} or older",
            mend="pip install -U polycritic",
        )
    return description


def _name(part: object, room: ModuleType) -> str:
    """What a part of a critic is called: by its name in the room, and a stranger by ``module:Name``."""
    kind = type(part)
    own = getattr(room, kind.__name__, None) is kind
    return kind.__name__ if own else f"{kind.__module__}:{kind.__qualname__}"


def _part(name: str, room: ModuleType, what: str) -> Any:
    """The class of that name; a stranger's must be there already, for a critic's folder says nothing that is run.

    Raises:
        PolycriticError: There is none.
    """
    if ":" not in name:
        return getattr(room, lookup(name, room.__all__, what))
    module, _, attribute = name.partition(":")
    found = getattr(sys.modules.get(module), attribute, None)
    if found is None:
        raise PolycriticError(
            f"a critic with a {what} of somebody else",
            found=repr(name),
            expected=f"{module} to be imported before",
            mend="On the command line, name an object of your own that loads it: package.module:Name",
        )
    return found


def _from(kinds: Any) -> Any:
    def make(scale: Scale, dim: int) -> Any:
        return next(kinds)(scale, dim)

    return make


def _check_files(folder: Path, description: dict[str, Any]) -> None:
    """Every file that was written must be there, and be the same."""
    files = description.get("files")
    if not isinstance(files, dict) or "model.safetensors" not in files:
        raise PolycriticError(
            "a damaged critic", where=str(folder / "critic.json"), expected='the digests of its files, "files"'
        )
    for name, expected in files.items():
        path = folder / name
        found = _digest(path) if path.is_file() else ""
        if found != expected:
            raise PolycriticError(
                "a damaged critic",
                where=str(path),
                found=f"sha256 {found[:12]}..." if found else "no such file",
                expected=f"sha256 {str(expected)[:12]}...",
                mend="Copy the folder again, whole",
            )


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _swap(new: Path, folder: Path) -> None:
    """Put a complete new folder in the place of an old one."""
    new.chmod(0o755)
    if folder.exists():
        if any(folder.iterdir()) and not (folder / "critic.json").exists():
            raise PolycriticError(
                "a folder that is not a critic's would be overwritten", where=str(folder), mend="Name another folder"
            )
        old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
        folder.replace(old / "critic")
        new.replace(folder)
        shutil.rmtree(old, ignore_errors=True)
    else:
        new.replace(folder)
