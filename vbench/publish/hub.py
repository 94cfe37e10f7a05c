"""A data set and a Space for a hub: Parquet, card, `eval.yaml`, results for pull requests; and the way there."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from vbench.bench import Bench
from vbench.bench.media import safe_name
from vbench.errors import AuthError, OptionError
from vbench.files import write_text
from vbench.publish.results import Document
from vbench.report.scores import write_scores
from vbench.text import first_line

RepoKind = Literal["dataset", "space"]
TRIES = 5
BUSY = (409, 429, 500, 502, 503, 504)
"""Answers after which the same may go well a moment later: another commit was first, too many requests, trouble."""
LONGEST_WAIT_S = 60.0
_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
Sleep = Callable[[float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What went to the hub."""

    url: str
    n_tries: int


def data_set(bench: Bench, document: Document, folder: Path, repo: str) -> None:
    """Write a hub data set: scores, clips, votes and prompts as Parquet, its card, `eval.yaml` and results per tool.

    Args:
        bench: Of which the document is.
        document: See `results`.
        folder: New.
        repo: ``org/name`` that it will have.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "data").mkdir(exist_ok=True)
    write_scores(bench, folder / "data" / "scores.parquet", "parquet")
    clips = [
        {key: value for key, value in clip.items() if key != "sheet"}
        | {"prompt_id": prompt["id"], "prompt": prompt["text"]}
        for prompt in document["prompts"]
        for clip in prompt["clips"]
    ]
    sheet = [
        {"clip": clip["id"], "prompt_id": prompt["id"], "tool": clip["tool"], "sample": clip["sample"], **cell}
        for prompt in document["prompts"]
        for clip in prompt["clips"]
        for cell in clip["sheet"]
    ]
    tables = {
        "clips": clips,
        "boards": document["rows"],
        "sheet": sheet,
        "votes": [_plain(asdict(vote)) for vote in bench.votes()],
    }
    names = ["scores"]
    for name, rows in tables.items():
        if rows:
            _write_parquet(rows, folder / "data" / f"{name}.parquet")
            names.append(name)
    write_text(folder / "README.md", card(document, repo, names))
    write_text(folder / "eval.yaml", _yaml(eval_of(document)))
    for tool in document["tools"]:
        entries = eval_results(document, tool["tool"], repo)
        if entries:
            write_text(folder / "eval_results" / f"{safe_name(tool['tool'])}.yaml", _yaml(entries))


def _plain(vote: Mapping[str, Any]) -> dict[str, Any]:
    """A vote as columns: what was watched as JSON text."""
    return {**vote, "watched": json.dumps(vote["watched"], sort_keys=True)}


def _write_parquet(rows: Sequence[Mapping[str, Any]], file: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows]), file)


def card(document: Document, repo: str, tables: Sequence[str]) -> str:
    """The data set's card: front matter that the hub reads, and a board for people."""
    front = {
        "pretty_name": document["title"],
        "tags": ["video-generation", "benchmark", "vbench-studio"],
        "configs": [{"config_name": name, "data_files": f"data/{name}.parquet"} for name in tables],
    }
    metric = document["headline"]
    rows = [row for row in document["rows"] if row["metric"] == metric and not row["tag"]]
    lines = [
        "---",
        _yaml(front).rstrip(),
        "---",
        f"# {document['title']}",
        "",
        document["about"] or f"{len(document['tools'])} tools on {len(document['prompts'])} prompts.",
        "",
        f"| rank | tool | {metric} | 95 % interval | prompts |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        rank = "–" if row["rank_low"] is None else f"{row['rank_low']}–{row['rank_high']}"
        interval = (
            "–" if row["ci_low"] is None or row["ci_high"] is None else f"{row['ci_low']:.4g} … {row['ci_high']:.4g}"
        )
        mean = "–" if row["mean"] is None else f"{row['mean']:.4g}"
        lines.append(f"| {rank} | {row['model']} | {mean} | {interval} | {row['n_prompts']} |")
    lines += ["", *(f"- {note}" for note in document["notes"]), "", f"Made with {document['made_with']} for {repo}."]
    return "\n".join(lines) + "\n"


def eval_of(document: Document) -> dict[str, Any]:
    """`eval.yaml` of a benchmark's data set: its tasks, one for each metric."""
    return {
        "name": document["title"],
        "description": document["about"] or "Video generation tools on the same prompts, measured the same way.",
        "evaluation_framework": "vbench-studio",
        "tasks": [
            {"id": name, "description": info["about"], "higher_is_better": info["higher_is_better"]}
            for name, info in document["metrics"].items()
        ],
    }


def eval_results(document: Document, tool: str, repo: str) -> list[dict[str, Any]]:
    """What goes into `.eval_results/` of a model's own repository, by pull request: a value for each metric."""
    return [
        {
            "dataset": {"id": repo, "task_id": row["metric"]},
            "value": row["mean"],
            "date": document["generated"][:10],
            "source": {"url": f"https://huggingface.co/datasets/{repo}", "name": document["title"]},
            "notes": f"mean over {row['n_prompts']} prompts"
            + ("" if row["ci_low"] is None else f", 95 % interval {row['ci_low']:.4g} to {row['ci_high']:.4g}"),
        }
        for row in document["rows"]
        if row["model"] == tool and not row["tag"] and row["mean"] is not None
    ]


def space_card(document: Document) -> str:
    """The README of a static Space: what the hub must know to show it."""
    front = {"title": document["title"], "emoji": "🎬", "colorFrom": "blue", "colorTo": "gray", "sdk": "static"}
    return f"---\n{_yaml(front)}---\n# {document['title']}\n"


def _yaml(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120)


# --- the way there ------------------------------------------------------------------------------------------------


def checked_repo(repo: str) -> str:
    """A repository's name as the hub takes it.

    Raises:
        OptionError: it is none.
    """
    if not _REPO.fullmatch(repo):
        raise OptionError(f"{repo!r} is no repository of a hub; write hf:dataset/ORG/NAME or hf:space/ORG/NAME")
    return repo


def push(folder: Path, repo: str, kind: RepoKind, *, message: str, sleep: Sleep = time.sleep) -> Pushed:
    """Upload a folder in one commit; waits and tries again where the hub says that it is busy.

    Args:
        folder: All that the repository will get; files there that it lacks stay.
        repo: ``org/name``; made where it is not there.
        kind: Of repository.
        message: Of the commit.
        sleep: Waits so many seconds.

    Raises:
        AuthError: the hub does not let this account write.
        OptionError: the hub refuses, or stays busy.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    api = HfApi()
    wait_s = 1.0
    for n_tries in range(1, TRIES + 1):
        try:
            sdk = "static" if kind == "space" else None
            api.create_repo(repo, repo_type=kind, exist_ok=True, space_sdk=sdk)
            commit = api.upload_folder(folder_path=folder, repo_id=repo, repo_type=kind, commit_message=message)
        except HfHubHTTPError as error:
            status = error.response.status_code if error.response is not None else 0
            if status in (401, 403):
                raise AuthError(
                    f"{repo}: the hub does not let you write there; set HF_TOKEN to a token that may"
                ) from None
            if status not in BUSY or n_tries == TRIES:
                raise OptionError(f"{repo}: the hub refused after {n_tries} tries: {first_line(error)}") from None
            told = error.response.headers.get("retry-after", "")
            sleep(min(LONGEST_WAIT_S, float(told) if told.isdigit() else wait_s))
            wait_s *= 2
        else:
            return Pushed(url=str(commit.repo_url), n_tries=n_tries)
    raise AssertionError("the last try returns or raises")
