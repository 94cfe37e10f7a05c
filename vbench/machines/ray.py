"""A run on the nodes of a Ray cluster: a task for each, started elsewhere when its node dies."""

from __future__ import annotations

import math
import os
import socket
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from typing import Any

from vbench.errors import OptionError
from vbench.machines.fleet import Fleet, Note
from vbench.machines.share import Contribution, Order, work_off
from vbench.text import first_line

RETRIES = 3
"""How often a process whose node or itself was killed is started again."""
STOP_S = 60.0


def run(order: Order, fleet: Fleet, note: Note) -> list[Contribution]:
    """See `vbench.machines.run.EngineModule`; on the cluster that ``RAY_ADDRESS`` names, else on this machine's."""
    try:
        import ray
    except ModuleNotFoundError:
        raise OptionError("`engine=ray` needs the package ray: pip install 'vbench-studio[ray]'") from None
    with redirect_stdout(sys.stderr):  # Ray prints what befalls its nodes, and that is no part of an answer
        return _on_cluster(ray, order, fleet, note)


def _on_cluster(ray: Any, order: Order, fleet: Fleet, note: Note) -> list[Contribution]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    was_open = ray.is_initialized()
    try:
        ray.init(ignore_reinit_error=True, log_to_driver=False, logging_level="ERROR", namespace="vbench")
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise OptionError(
            f"`engine=ray`: no cluster at {os.environ.get('RAY_ADDRESS')} ({first_line(error)}); start one with "
            "`ray start --head`, and name it with RAY_ADDRESS"
        ) from None
    try:
        return _shared(ray, order, fleet, note)
    finally:
        if not was_open:
            ray.shutdown()


def _shared(ray: Any, order: Order, fleet: Fleet, note: Note) -> list[Contribution]:
    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    if not nodes:
        raise OptionError("`engine=ray`: the cluster has no node with a core; start one with `ray start`")
    hosts = {node["NodeManagerHostname"] for node in nodes}
    order.check_place(sorted(hosts - {socket.gethostname()}))
    n_gpus = int(sum(node["Resources"].get("GPU", 0) for node in nodes))
    n = fleet.machines or n_gpus or len(nodes)
    least = min(int(node["Resources"]["CPU"]) for node in nodes)
    cpus = fleet.number("cpus", default=max(1, least // math.ceil(n / len(nodes))))
    gpus = fleet.number("gpus", default=1 if n_gpus else 0)
    note(f"{n} processes on {len(nodes)} nodes of Ray, each with {cpus} cores" + f" and {gpus} GPUs" * bool(gpus))
    remote = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=RETRIES, scheduling_strategy="SPREAD")(work_off)
    tasks = [remote.remote(replace(order, cores=cpus)) for _ in range(n)]
    try:
        return [_share(ray, task) for task in tasks]
    except KeyboardInterrupt:
        for task in tasks:
            ray.cancel(task)  # a KeyboardInterrupt there: what is under way is put down
        ray.wait(tasks, num_returns=n, timeout=STOP_S)
        raise


def _share(ray: Any, task: Any) -> Contribution:
    """What a process did; one that died too often leaves its work to the others, and that is told."""
    try:
        share: Contribution = ray.get(task)
        return share
    except ray.exceptions.RayTaskError:  # a bug, with its traceback from there
        raise
    except ray.exceptions.RayError as error:
        return Contribution(
            host="Ray", report=None, problem=f"a process died {RETRIES + 1} times ({first_line(error)})"
        )
