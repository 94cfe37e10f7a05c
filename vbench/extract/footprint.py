"""What a batch costs on a device before it runs there: memory at its peak, arithmetic, and bytes moved.

Backbones are run on tensors that have shapes, kinds and a device, and no contents (torch's `FakeTensorMode`): it takes
a fraction of a second, no memory, and no GPU. Whatever needs the contents, such as a number on the host, raises there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vbench.contracts import Encoder

if TYPE_CHECKING:
    from torch import Tensor

MOST_TIMES = 8
"""A batch is at most this many times the one its backbone names: beyond it nothing gets faster."""
SPARE = 1.25
"""Workspaces of libraries and fragments come on top of what tensors hold."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """The cost of one batch."""

    rows: int
    peak_bytes: int
    """Largest sum of the tensors that live at one time, weights and input left out."""
    moved_bytes: int
    """Read and written by all operations, none of them fused."""
    flops: int
    """A multiplication and an addition are two."""


def footprint(encoder: Encoder, frame: Sequence[int], rows: int, device: str) -> Footprint:
    """The cost of `rows` rows of frames of a size.

    Args:
        encoder: A loaded backbone, real or fake.
        frame: (height, width) in pixels.
        rows: Frames, or windows that overlap as in a clip.
        device: Where its weights are, or are said to be.
    """
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.utils.flop_counter import FlopCounterMode

    mode = _fake_mode_of(encoder) or FakeTensorMode(allow_non_fake_inputs=True)
    height, width = frame
    with mode, torch.inference_mode():
        n_frames = rows if encoder.window == 1 else encoder.window + (rows - 1) * encoder.hop
        frames = torch.empty((n_frames, 3, height, width), dtype=torch.uint8, device=device)
        inputs: list[Tensor] = [frames]
        if encoder.window > 1:
            inputs.append(torch.zeros((rows, encoder.window), dtype=torch.int64, device=device))
        encode: Callable[..., Tensor] = encoder.encode if encoder.window == 1 else encoder.encode_windows
        counter, ledger = FlopCounterMode(display=False), Ledger()
        # cuDNN's own operations have no shapes to be told by; those that stand in for them cost the same
        was_fast = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)  # one operation for all of attention, which no counter knows
        try:
            with torch.backends.cudnn.flags(enabled=False), counter, ledger.mode():
                encoded = encode(*inputs)
        finally:
            torch.backends.mha.set_fastpath_enabled(was_fast)
        del encoded
    return Footprint(rows, ledger.peak_bytes, ledger.moved_bytes, int(counter.get_total_flops()))


def _fake_mode_of(encoder: Encoder) -> Any:
    """The mode that made the encoder's weights, where they have no contents."""
    from torch import nn
    from torch._subclasses.fake_tensor import FakeTensor

    for value in vars(encoder).values():
        if isinstance(value, nn.Module):
            for parameter in value.parameters():
                if isinstance(parameter.data, FakeTensor):
                    return parameter.data.fake_mode
                if isinstance(parameter, FakeTensor):
                    return parameter.fake_mode
    return None


class Ledger:
    """Counts what operations read, write and keep."""

    def __init__(self) -> None:
        self.peak_bytes = self.moved_bytes = 0
        self._live: dict[int, tuple[Any, int]] = {}

    def mode(self) -> AbstractContextManager[Any]:
        """Within it, operations are counted."""
        from torch.utils._python_dispatch import TorchDispatchMode

        ledger = self

        class Counted(TorchDispatchMode):  # type: ignore[no-untyped-call]
            def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                result = func(*args, **(kwargs or {}))
                ledger.enter(func, (args, kwargs or {}), result)
                return result

        return Counted()  # type: ignore[no-untyped-call]

    def enter(self, func: Any, given: Any, result: Any) -> None:
        """One operation: what it was given, and what came of it."""
        from torch import Tensor
        from torch.multiprocessing.reductions import StorageWeakRef
        from torch.utils._pytree import tree_leaves

        made = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        taken = [leaf for leaf in tree_leaves(given) if isinstance(leaf, Tensor)]
        places = {tensor.untyped_storage()._cdata for tensor in taken}
        is_view = bool(made) and all(tensor.untyped_storage()._cdata in places for tensor in made)
        if not (is_view and not func._schema.is_mutable):
            self.moved_bytes += sum(tensor.numel() * tensor.element_size() for tensor in (*taken, *made))
        for tensor in made:
            storage = tensor.untyped_storage()
            if storage._cdata not in places:
                self._live[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())  # type: ignore[no-untyped-call]
        self._live = {place: kept for place, kept in self._live.items() if not kept[0].expired()}
        self.peak_bytes = max(self.peak_bytes, sum(size for _, size in self._live.values()))


def batch_under(encoder: Encoder, frame: Sequence[int], budget_bytes: int, device: str) -> int:
    """The largest batch whose peak stays under a budget: the backbone's own, doubled or halved as often as it takes.

    Args:
        encoder: A loaded backbone.
        frame: (height, width) in pixels.
        budget_bytes: What a batch may take beside the weights.
        device: Where its weights are.

    Returns:
        At least 1, even where one row does not fit: then the device says so.
    """
    one, two = (footprint(encoder, frame, rows, device).peak_bytes * SPARE for rows in (1, 2))
    a_row = max(1.0, two - one)
    fits = int(1 + max(0.0, budget_bytes - one) // a_row)
    batch = encoder.batch * MOST_TIMES
    while batch > max(1, fits):
        batch //= 2
    return max(1, batch)
