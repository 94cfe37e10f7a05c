"""Guesses what each file of a folder is, as the page's table would, and imports those whose prompt is certain."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vbench.catalog.prompt_lines import slug
from vbench.errors import ItemError, OptionError
from vbench.files import home_expanded, sha256_of
from vbench.importing.guess import Guess, guess_from_name
from vbench.importing.match import Match
from vbench.importing.scan import ClipFile, scan_folder
from vbench.importing.store import FileOutcome, Progress, store_all
from vbench.importing.tool_names import family_of
from vbench.records import Prompt, Provenance
from vbench.text import printable

if TYPE_CHECKING:
    from vbench.bench import Bench


@dataclass(frozen=True, slots=True, kw_only=True)
class FileGuess:
    """What one file may be."""

    file: ClipFile
    name: str
    """Path in the folder."""
    guess: Guess
    sample: int
    """As guessed, or the next free number among the files of the same tool and prompt."""
    same_as: str
    """Name of an earlier file with the same bytes; empty: there is none."""
    problem: str
    """Why it cannot be read; empty: it can."""

    @property
    def is_certain(self) -> bool:
        """Whether it can be imported without a person."""
        return bool(self.guess.model and self.guess.is_sure and not self.same_as and not self.problem)

    def to_json(self) -> dict[str, Any]:
        """JSON values: the fields of the guess, with file, sample and whether it is certain."""
        facts = {"file": self.name, "same_as": self.same_as, "problem": self.problem, "is_certain": self.is_certain}
        return facts | asdict(self.guess) | {"sample": self.sample}


def guess_folder(
    folder: str | Path,
    *,
    models: Sequence[str] = (),
    prompts: Sequence[Prompt] = (),
    more_models: Sequence[str] = (),
    more_prompts: Sequence[Prompt] = (),
    skip: Path | None = None,
) -> list[FileGuess]:
    """What the clips of a folder may be; nothing is changed.

    Args:
        folder: Where they lie, in folders of any depth; names with a dot in front are passed over.
        models: Ids of known tools.
        prompts: Known prompts.
        more_models: Tools that are thought of where none of `models` comes into question.
        more_prompts: Prompts, likewise.
        skip: A folder inside that is left out: the bench itself.

    Raises:
        OptionError: there is no such folder.
    """
    from vbench.video import text_tags  # here, since it loads a codec library

    folder = Path(os.path.abspath(home_expanded(folder)))
    if not folder.is_dir():
        raise OptionError(f"{folder}: no such folder; pass the folder that holds the clips")
    seen: list[tuple[ClipFile, str, Guess, str, str]] = []
    for file in scan_folder(folder, skip=skip).clips:
        name = file.path.relative_to(folder).as_posix()
        tags: Mapping[str, str] = {}
        problem, sha256 = "", ""
        try:
            sha256 = sha256_of(file.path)
            tags = {} if file.frames else text_tags(file.path)
        except (ItemError, OSError) as error:
            problem = printable(str(error).removeprefix(f"{file.path}: "))
        guess = guess_from_name(
            name, models, prompts, more_models=more_models, more_prompts=more_prompts, metadata=tags
        )
        seen.append((file, name, guess, sha256, problem))
    telling = sorted(seen, key=lambda item: not (item[2].model and item[2].is_sure))
    kept = {sha256: name for _, name, _, sha256, _ in reversed(telling)}  # of equal files the one that says most
    taken: dict[tuple[str, str], set[int]] = defaultdict(set)
    guesses = []
    for file, name, guess, sha256, problem in seen:
        place = taken[guess.model, guess.prompt_id or guess.prompt]
        sample = guess.sample if guess.sample not in place else max(place) + 1
        same_as = kept[sha256] if sha256 else name
        if same_as == name:
            place.add(sample)
        guesses.append(
            FileGuess(
                file=file,
                name=name,
                guess=guess,
                sample=sample,
                same_as="" if same_as == name else same_as,
                problem=problem,
            )
        )
    return guesses


def import_certain(
    bench: Bench,
    guesses: Sequence[FileGuess],
    prompts: Sequence[Prompt],
    *,
    cards: Mapping[str, Mapping[str, Any]],
    link: bool = False,
    progress: Progress | None = None,
) -> list[FileOutcome]:
    """Import the files whose tool and prompt are certain; the others stay where they are, and are no outcome.

    Args:
        bench: Where to.
        guesses: Of `guess_folder`.
        prompts: All that were known to it.
        cards: Tool → its card, of the catalogue; of a maker's unknown version what is said of the maker holds.
        link: Reference the files where they lie instead of copying them.
        progress: Called before each file.
    """
    known = {prompt.key: prompt for prompt in reversed(prompts)}
    matches = []
    for item in guesses:
        if item.is_certain:
            made = Prompt(id=item.guess.prompt_id or slug(item.guess.prompt), text=item.guess.prompt, suite="import")
            matches.append(
                Match(
                    file=item.file,
                    model=item.guess.model,
                    prompt=known.get(made.key, made),
                    sample=item.sample,
                    provenance=Provenance(source=printable(item.file.path), notes="guessed from its name or texts"),
                )
            )
    for model in {match.model for match in matches} - bench.models().keys():
        bench.add_model(model, maker_facts(model, cards))
    return store_all(bench, matches, dry_run=False, link=link, progress=progress)


def maker_facts(model: str, cards: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The card of a known tool; of an unknown version of a known family only who makes it; else nothing."""
    if model in cards:
        return dict(cards[model])
    own = [card for id, card in cards.items() if family_of(id) == family_of(model) and card.get("vendor")]
    vendors = {str(card["vendor"]): card["vendor"] for card in own}
    return {"name": model, "vendor": next(iter(vendors.values()))} if len(vendors) == 1 else {}
