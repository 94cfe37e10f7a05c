"""A judge whose weights are on this machine, through transformers' `AutoModelForImageTextToText`."""

from __future__ import annotations

import io
import queue
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from vbench.errors import JobError, WeightsError
from vbench.files import home_expanded
from vbench.judge.card import JudgeCard
from vbench.judge.phrases import SYSTEM
from vbench.judge.request import JudgeRequest, Said, content_of
from vbench.text import first_line

GATHER_S = 0.05
"""How long the first request of a batch waits for others."""


class LocalBackend:
    """Weights here; requests that come at once are answered in one batch.

    Args:
        card: Its `options.model` is a folder as `save_pretrained` writes it, or a repository in the hub's cache.
        device: `cpu` or `cuda:N`.

    Raises:
        WeightsError: the weights are not here, are no such model, or bring code of their own without leave.
    """

    def __init__(self, card: JudgeCard, device: str = "cpu") -> None:
        import torch
        import transformers

        self.card, self.device = card, device
        source, options = model_source(card), card.options
        trust: dict[str, Any] = {"trust_remote_code": options.trust_remote_code, "local_files_only": True}
        if options.revision and not Path(source).is_dir():
            trust["revision"] = options.revision
        try:
            self._processor: Any = transformers.AutoProcessor.from_pretrained(source, **trust)
            dtype = torch.bfloat16 if device.startswith("cuda") else torch.float32
            model = transformers.AutoModelForImageTextToText.from_pretrained(source, dtype=dtype, **trust)
        except Exception as error:
            raise WeightsError(
                f"judge {card.id}: {options.model} cannot be loaded from this machine ({first_line(error, 200)}); "
                "download it with the hub's own client, or give a folder in options.model"
            ) from None
        self._model: Any = model.eval().requires_grad_(False).to(device)
        if hasattr(self._processor, "tokenizer"):
            self._processor.tokenizer.padding_side = "left"  # answers are written at the right end
        self._waiting: queue.SimpleQueue[tuple[JudgeRequest, Future[Said]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name=f"judge {card.id}", daemon=True)
        self._thread.start()

    def ask(self, request: JudgeRequest) -> Said:
        """The answer, perhaps made in one batch with those to other threads."""
        future: Future[Said] = Future()
        self._waiting.put((request, future))
        return future.result()

    def close(self) -> None:
        self._waiting.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch, is_last = [first], False
            until = time.monotonic() + GATHER_S
            while len(batch) < self.card.options.batch:
                try:
                    item = self._waiting.get(timeout=max(0.0, until - time.monotonic()))
                except queue.Empty:
                    break
                if item is None:
                    is_last = True
                    break
                batch.append(item)
            self._answer(batch)
            if is_last:
                return

    def _answer(self, batch: list[tuple[JudgeRequest, Future[Said]]]) -> None:
        started = time.monotonic()
        try:
            texts, n_tokens = self.generate([request for request, _ in batch])
        except Exception as error:  # of the model's own code: each clip of the batch gets it as its failure
            code = "out_of_memory" if "out of memory" in str(error).lower() else "crashed"
            for _, future in batch:
                future.set_exception(JobError(f"judge {self.card.id}: {first_line(error, 300)}", code=code))
            return
        each_s = (time.monotonic() - started) / len(batch)
        for (_, future), text in zip(batch, texts, strict=True):
            facts = {"batch": len(batch), "tokens_in": n_tokens}
            future.set_result(Said(text=text, cost_usd=0.0, latency_s=each_s, facts=facts))

    def generate(self, requests: list[JudgeRequest]) -> tuple[list[str], int]:
        """The answers to several requests, and how many tokens the longest of them took in."""
        import torch

        prompts, pictures = [], []
        for request in requests:
            prompts.append(self._processor.apply_chat_template(_messages(request), add_generation_prompt=True))
            pictures.append(_images(request))
        images = pictures if any(pictures) else None
        inputs = self._processor(text=prompts, images=images, padding=True, return_tensors="pt").to(self.device)
        options = self.card.options
        sampling: dict[str, Any] = {"do_sample": options.temperature > 0}
        if options.temperature > 0:
            sampling["temperature"] = options.temperature
            torch.manual_seed(options.seed or 0)
        with torch.inference_mode():
            tokens = self._model.generate(**inputs, max_new_tokens=options.max_tokens, **sampling)
        n_in = int(inputs["input_ids"].shape[1])
        return self._processor.batch_decode(tokens[:, n_in:], skip_special_tokens=True), n_in


def model_source(card: JudgeCard) -> str:
    """Where the weights are looked for: a folder, or a repository of the hub's cache."""
    name = card.options.model
    folder = home_expanded(name)
    return str(folder) if folder.is_dir() else name


def _messages(request: JudgeRequest) -> list[dict[str, Any]]:
    user = [part if part["type"] == "text" else {"type": "image"} for part in content_of(request)]
    return [
        {"role": "system", "content": [{"type": "text", "text": SYSTEM}]},
        {"role": "user", "content": user},
    ]


def _images(request: JudgeRequest) -> list[Any]:
    from PIL import Image

    return [
        Image.open(io.BytesIO(part["jpeg"])).convert("RGB") for part in content_of(request) if part["type"] == "image"
    ]
