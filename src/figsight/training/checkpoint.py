"""The state of a run at the end of an epoch, as one safetensors file: no pickle, never half-written.

Random numbers need no state here: every epoch draws its own from (seed, run, epoch).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn

from figsight.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One row of ``history.csv``.

    Attributes:
        run: ``"fold 1"`` ... or ``"final"``.
        epoch: From 1.
        loss: Mean training loss over the epoch's views, nats.
        accuracy: Share of the epoch's (augmented) training views answered rightly, 0..1.
        seconds: How long the epoch took.
    """

    run: str
    epoch: int
    loss: float
    accuracy: float
    seconds: float


def save_checkpoint(
    path: Path,
    network: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
    history: list[EpochRecord],
    progress: float,
) -> None:
    """Write everything that the rest of the run depends on.

    Args:
        path: Of the file.
        network: As it stands.
        average: The moving average of its weights; the network itself where there is none.
        optimizer: With its state.
        history: The epochs that lie behind it.
        progress: How far it is on its way, 0..1.
    """
    tensors: dict[str, Tensor] = {}
    for prefix, module in _modules(network, average).items():
        tensors |= {f"{prefix}/{k}": v.detach() for k, v in module.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            if value is not None:
                tensors[f"optimizer/{index}/{name}"] = torch.as_tensor(value)
    # Copies: safetensors refuses tensors that share memory, and keeps only plain layouts.
    tensors = {k: v.cpu().clone(memory_format=torch.contiguous_format) for k, v in tensors.items()}
    metadata = {
        "history": json.dumps([asdict(record) for record in history]),
        "progress": json.dumps(progress),
    }
    write_whole({path: save_safetensors(tensors, metadata)})


def load_checkpoint(
    path: Path, network: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[list[EpochRecord], float]:
    """Put the state of a run back, and return the epochs that lie behind it, and its progress.

    A file that is not there, or that was damaged from outside, means that nothing is behind it.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            metadata: Mapping[str, str] = file.metadata()
    except (FileNotFoundError, SafetensorError):
        return [], 0.0
    for prefix, module in _modules(network, average).items():
        module.load_state_dict(_part(tensors, prefix))
    whole = optimizer.state_dict()
    state: dict[int, dict[str, Any]] = {}
    for key, value in _part(tensors, "optimizer").items():
        index, name = key.split("/")
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**whole, "state": state})
    for parameter, values in optimizer.state.items():
        for name, value in values.items():
            if value.shape == parameter.shape:
                # The fused step walks through memory: moments must lie as their weights do.
                values[name] = torch.empty_like(parameter).copy_(value)
    history = [EpochRecord(**record) for record in json.loads(metadata["history"])]
    return history, json.loads(metadata.get("progress", "0.0"))


def _modules(network: nn.Module, average: nn.Module) -> dict[str, nn.Module]:
    return {"network": network} if average is network else {"network": network, "average": average}


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        k.removeprefix(f"{prefix}/"): v for k, v in tensors.items() if k.startswith(f"{prefix}/")
    }
