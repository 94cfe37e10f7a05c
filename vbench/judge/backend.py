"""What reaches a judge: an endpoint, weights on this machine, or a planted character."""

from __future__ import annotations

from vbench.judge.card import JudgeCard
from vbench.judge.request import Backend


def backend_of(card: JudgeCard, device: str = "cpu") -> Backend:
    """What reaches this judge; `device` is for weights on this machine.

    Raises:
        OptionError: it is not available any more.
        WeightsError: its weights are not here.
    """
    card.refuse_if_away()
    if card.adapter == "planted":
        from vbench.judge.planted import PlantedBackend

        return PlantedBackend(card)
    if card.adapter == "transformers":
        from vbench.judge.local import LocalBackend

        return LocalBackend(card, device)
    from vbench.judge.endpoint import EndpointBackend

    return EndpointBackend(card)
