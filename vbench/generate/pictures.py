"""Takes in the pictures of a run's prompts, wherever they are: a file, an address, or a scene to be drawn."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from vbench.adapters import download
from vbench.bench.workspace import PICTURES
from vbench.catalog.prompt_lines import DRAWN, is_address
from vbench.errors import CatalogError, JobError, OptionError
from vbench.files import home_expanded, write_text, written_whole
from vbench.records import Prompt, digest
from vbench.registry import did_you_mean
from vbench.synthetic.scene import scene_from_mapping

if TYPE_CHECKING:
    from vbench.bench import Bench
    from vbench.video.pictures import TakenPicture

TIMEOUT_S = 30.0
REDIRECTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """Pictures for every prompt of a run, in place of its own: paths or https addresses."""

    image: str = ""
    """The first frame."""
    last_image: str = ""
    references: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Pictures:
        """The pictures among the options of a command."""
        return cls(
            image=str(values.get("image") or ""),
            last_image=str(values.get("last_image") or ""),
            references=tuple(str(reference) for reference in values.get("reference") or ()),
        )

    def __bool__(self) -> bool:
        return bool(self.image or self.last_image or self.references)


@dataclass(slots=True)
class PictureDesk:
    """Takes in each picture once and keeps it in a folder."""

    folder: Path
    _known: dict[str, TakenPicture] = field(default_factory=dict)

    def prompt(self, prompt: Prompt, given: Pictures) -> tuple[Prompt, tuple[str, ...]]:
        """A prompt whose pictures are plain files of the folder, and what was changed about them, in sentences.

        A prompt that is given other pictures than its suite's is another prompt: its id ends in six hex digits of them.

        Raises:
            OptionError: a picture cannot be taken, or the first and the last frame cannot be of one clip.
            CatalogError: a picture is to be drawn and the prompt has no scene.
        """
        if not (given or prompt.pictures):
            return prompt, ()
        from vbench.video.pictures import check_same_shape  # here, so that planning without pictures loads no codec

        places = replace(
            Pictures(image=prompt.image, last_image=prompt.last_image, references=prompt.references),
            **{name: value for name in Pictures.__slots__ if (value := getattr(given, name))},
        )
        image = self._taken(places.image, prompt)
        last_image = self._taken(places.last_image, prompt)
        references = [self._taken(place, prompt) for place in places.references]
        if image is not None and last_image is not None:
            check_same_shape(image, last_image, name=f"prompt {prompt.id!r}")
        pictures = [picture for picture in (image, last_image, *references) if picture is not None]
        names = [picture.path.stem for picture in pictures]
        taken = replace(
            prompt,
            id=f"{prompt.id}-{digest('pictures', names, length=6)}" if given and names else prompt.id,
            image=str(image.path) if image is not None else "",
            last_image=str(last_image.path) if last_image is not None else "",
            references=tuple(str(picture.path) for picture in references if picture is not None),
        )
        return taken, tuple(dict.fromkeys(note for picture in pictures for note in picture.notes))

    def _taken(self, place: str, prompt: Prompt) -> TakenPicture | None:
        """The picture at a place; None: no place is given."""
        if not place:
            return None
        if place.startswith(DRAWN):
            return self._drawn(place.removeprefix(DRAWN), prompt)
        from vbench.video.pictures import take_picture

        if place not in self._known:
            path = self._fetched(place) if is_address(place) else home_expanded(place)
            self._known[place] = take_picture(path, self.folder, name=place)
        return self._known[place]

    def _drawn(self, moment: str, prompt: Prompt) -> TakenPicture:
        from vbench.synthetic.stills import HEIGHT, MOMENTS, WIDTH, drawn_file
        from vbench.video.pictures import TakenPicture

        where = f"prompt {prompt.id!r}"
        if moment not in MOMENTS:
            raise CatalogError(f"{where}: {DRAWN}{moment} cannot be drawn; {did_you_mean(moment, list(MOMENTS))}")
        spelt = prompt.expects.get("scene")
        if not isinstance(spelt, Mapping):
            raise CatalogError(f"{where}: {DRAWN}{moment} needs a scene to draw; write one under expects")
        path = drawn_file(scene_from_mapping(spelt, where=where), moment, self.folder)
        return TakenPicture(path=path, width=WIDTH, height=HEIGHT, notes=())

    def _fetched(self, url: str) -> Path:
        """The picture at an address, fetched once; later runs use what was fetched then."""
        known = self.folder / f"from-{digest('address', url)}.bin"
        if not known.is_file():
            with written_whole(known) as part:
                part.write_bytes(fetch_picture(url))
            write_text(known.with_suffix(".txt"), url + "\n")
        return known


def fetch_picture(url: str) -> bytes:
    """The bytes at a public https address, at most `vbench.video.pictures.MAX_BYTES` of them.

    Raises:
        OptionError: it is another kind of address, not public, too large, or does not answer.
    """
    try:
        with download.client(local=False, timeout_s=TIMEOUT_S) as http:
            return _bytes_at(url, http)
    except JobError as error:
        raise OptionError(f"{url}: {error}".replace("the result", "the picture")) from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise OptionError(
            f"{url}: cannot be fetched ({type(error).__name__}: {error}); save the picture here"
        ) from None


def _bytes_at(url: str, http: httpx.Client) -> bytes:
    from vbench.video.pictures import MAX_BYTES

    address = url
    for _ in range(REDIRECTS + 1):
        download.refuse_inner(address)
        with http.stream("GET", address, headers={"accept-encoding": "identity"}) as response:
            if response.has_redirect_location:
                address = str(response.url.join(response.headers["location"]))
                continue
            if response.status_code != 200:
                raise OptionError(f"{url}: HTTP {response.status_code}; save the picture here and give its path")
            data = b""
            for chunk in response.iter_bytes():
                data += chunk
                if len(data) > MAX_BYTES:
                    raise OptionError(
                        f"{url}: the picture has more than {MAX_BYTES / 2**20:.0f} MiB; give a smaller one"
                    )
            return data
    raise OptionError(f"{url}: redirects more than {REDIRECTS} times; save the picture here and give its path")


def pictures_folder(bench: Bench | None) -> Path:
    """Where pictures are kept: with the bench, or, where there is none yet, in this machine's cache."""
    if bench is not None:
        return bench.root / PICTURES
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "vbench" / "pictures"


def take_pictures(
    prompts: Sequence[Prompt], given: Pictures, folder: Path
) -> tuple[tuple[Prompt, ...], dict[str, tuple[str, ...]]]:
    """Prompts whose pictures are plain files of a folder; and by id what was changed about them.

    Raises:
        OptionError, CatalogError: as `PictureDesk.prompt`.
    """
    desk = PictureDesk(folder)
    taken: list[Prompt] = []
    notes: dict[str, tuple[str, ...]] = {}
    for prompt in prompts:
        with_files, said = desk.prompt(prompt, given)
        taken.append(with_files)
        if said:
            notes[with_files.id] = said
    return tuple(taken), notes
