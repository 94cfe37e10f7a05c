"""Pictures of a run: from files, addresses and scenes; who is asked with which, and what a job says of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.fakes import billable
from tests.generate.paid import Server
from vbench.adapters import download
from vbench.bench import Bench
from vbench.bench.jobs import plan_of
from vbench.catalog import find_suite
from vbench.catalog.card import ModelCard
from vbench.errors import CatalogError, OptionError
from vbench.generate import Matrix, RunSpec, generate, plan_jobs
from vbench.generate.pictures import Pictures, pictures_folder, take_pictures
from vbench.records import Prompt
from vbench.synthetic.stills import still
from vbench.video.pictures import MAX_BYTES, read_picture

pytestmark = pytest.mark.usefixtures("quick")


def picture(path: Path, *, size: tuple[int, int] = (128, 72), colour: str = "red") -> str:
    Image.new("RGB", size, colour).save(path)
    return str(path)


def taker(name: str = "taker", **can: Any) -> ModelCard:
    return billable.card(name, capabilities={"seed": True, "i2v": True, **can})


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path / "server")


def planned(bench: Bench, spec: RunSpec, server: Server) -> Matrix:
    spec = spec.resolved().with_pictures(pictures_folder(bench))
    return plan_jobs(spec, bench=bench, adapters={tool.label: server(tool.card) for tool in spec.tools()})


# --- where they come from -------------------------------------------------------------------------------------------


def test_pictures_are_drawn_from_the_scene_and_drawn_once(tmp_path: Path) -> None:
    prompts = [p for p in find_suite("storyboard").prompts if p.id == "ring-rises-to-the-top"]
    (taken,), notes = take_pictures(prompts, Pictures(), tmp_path)
    assert notes == {}
    first, last = read_picture(Path(taken.image)), read_picture(Path(taken.last_image))
    assert first.shape == last.shape == (720, 1280, 3)
    purple = [np.abs(frame.astype(int) - (130, 52, 175)).sum(axis=-1) < 90 for frame in (first, last)]
    assert np.argwhere(purple[0])[:, 0].mean() > 360 + 100  # it starts below the middle and rises
    assert np.argwhere(purple[1])[:, 0].mean() < 360 - 100
    written = Path(taken.image).stat().st_mtime_ns
    (again,), _ = take_pictures(prompts, Pictures(), tmp_path)
    assert again == taken
    assert Path(again.image).stat().st_mtime_ns == written


def test_a_still_is_the_same_each_time_and_shows_its_object_alone() -> None:
    from vbench.synthetic.scene import parse_scene

    scene, _ = parse_scene("a small red star bounces over a blue checkerboard while a green ring rotates")
    assert (still(scene, "object", width=96, height=54) == still(scene, "object", width=96, height=54)).all()
    alone = still(scene, "object", width=96, height=54).astype(int)
    assert (np.abs(alone - (232, 48, 44)).sum(axis=-1) < 120).sum() > 200
    assert (np.abs(alone - (40, 165, 70)).sum(axis=-1) < 120).sum() == 0


def test_a_scene_is_needed_to_draw_from(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="needs a scene to draw"):
        take_pictures([Prompt(id="a", text="a fox", image="drawn:start")], Pictures(), tmp_path)
    prompt = replace(find_suite("storyboard").prompts[0], image="drawn:begin")
    with pytest.raises(CatalogError, match=r"drawn:begin cannot be drawn"):
        take_pictures([prompt], Pictures(), tmp_path)


class Web:
    """What lies at which address."""

    def __init__(self, answers: dict[str, httpx.Response]) -> None:
        self.answers, self.asked = answers, 0

    @contextmanager
    def client(self, **_: Any) -> Iterator[httpx.Client]:
        def answer(request: httpx.Request) -> httpx.Response:
            self.asked += 1
            return self.answers[str(request.url)]

        with httpx.Client(transport=httpx.MockTransport(answer)) as http:
            yield http


def test_an_address_is_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = Path(picture(tmp_path / "a.png")).read_bytes()
    moved = httpx.Response(302, headers={"location": "https://cdn.example.org/b"})
    web = Web({"https://example.org/a.png": moved, "https://cdn.example.org/b": httpx.Response(200, content=data)})
    monkeypatch.setattr(download, "client", web.client)
    prompt = Prompt(id="a", text="a fox", image="https://example.org/a.png")
    (taken,), _ = take_pictures([prompt], Pictures(), tmp_path / "kept")
    assert Path(taken.image).read_bytes() == data
    assert take_pictures([prompt], Pictures(), tmp_path / "kept")[0] == (taken,)
    assert web.asked == 2


@pytest.mark.parametrize(
    ("url", "answer", "says"),
    [
        ("http://example.org/a.png", None, "starts with http:, only https is fetched"),
        ("file:///etc/passwd", None, "starts with file:, only https"),
        ("https://127.0.0.1/a.png", None, "not a public address"),
        ("https://[::1]/a.png", None, "not a public address"),
        ("https://169.254.169.254/latest", None, "not a public address"),
        ("https://example.org/a", httpx.Response(404), "HTTP 404; save the picture here"),
        ("https://example.org/a", httpx.Response(200, content=b"<html>"), "is no picture that can be read"),
        ("https://example.org/a", httpx.Response(200, content=b"x" * (MAX_BYTES + 1)), "more than 30 MiB"),
        ("https://example.org/a", httpx.Response(302, headers={"location": "http://10.0.0.1/"}), "only https"),
        ("https://example.org/a", httpx.Response(302, headers={"location": "https://10.0.0.1/"}), "not a public"),
        ("https://example.org/a", httpx.Response(302, headers={"location": "/a"}), "redirects more than 5 times"),
    ],
)
def test_an_address_is_fetched_under_the_rules_of_downloads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, answer: httpx.Response | None, says: str
) -> None:
    monkeypatch.setattr(download, "client", Web({url: answer} if answer is not None else {}).client)
    with pytest.raises(OptionError, match=says):
        take_pictures([Prompt(id="a", text="a fox", image=url)], Pictures(), tmp_path / "kept")


def test_names_that_lie_within_are_not_connected_to(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="not a public address"):
        take_pictures([Prompt(id="a", text="a fox", image="https://localhost/a.png")], Pictures(), tmp_path)


# --- who is asked with which ----------------------------------------------------------------------------------------


def test_a_tool_that_cannot_take_them_does_not_make_the_clip(bench: Bench, tmp_path: Path, server: Server) -> None:
    prompt = Prompt(id="fox", text="a fox", image=picture(tmp_path / "a.png"), last_image=picture(tmp_path / "b.png"))
    cards = [taker("both", last_image=True), taker("first"), billable.card("words")]
    spec = RunSpec(models=cards, prompts=[prompt])
    report = generate(bench, spec, make=server)
    assert report.states == {"succeeded": 1}
    assert sorted(report.impossible) == [
        "first cannot take its last frame; leave that out with `without_image=`, or take a tool that can",
        "words cannot take its first frame and last frame; leave that out with `without_image=`, or take a tool that "
        "can",
    ]
    assert [line.split()[0] for line in server.seen()] == ["both"]
    matrix = planned(bench, spec, server)
    assert [dict(tool.n) for tool in matrix.tools] == [{"done": 1}, {"impossible": 1}, {"impossible": 1}]


def test_without_image_is_a_persons_word_and_is_written_down(bench: Bench, tmp_path: Path, server: Server) -> None:
    prompt = Prompt(id="fox", text="a fox", image=picture(tmp_path / "a.png"), last_image=picture(tmp_path / "b.png"))
    generate(bench, models=[taker("first")], prompts=[prompt], without_image=True, make=server)
    (clip,), (job,) = bench.clips(), bench.jobs()
    sent = plan_of(job).request
    assert sent.image is not None
    assert sent.image.is_relative_to(bench.root)
    assert sent.last_image is None
    assert clip.prompt.last_image.endswith(".png")
    assert clip.provenance.extra["sent"]["image_use"] == "image without last_image"
    assert "made without its last frame, which first does not take" in plan_of(job).warnings


def test_of_too_many_references_the_first_are_kept(tmp_path: Path, server: Server) -> None:
    references = tuple(picture(tmp_path / f"{n}.png", colour=c) for n, c in enumerate(("red", "blue", "lime")))
    card = taker(references=2)
    spec = RunSpec(models=[card], prompts=[Prompt(id="fox", text="a fox", references=references)], without_image=True)
    (cell,) = plan_jobs(spec, adapters={"taker": server(card)}).cells
    assert cell.plan is not None
    assert [path.name for path in cell.plan.request.references] == ["0.png", "1.png"]
    assert cell.plan.sends.image_use == "references without more references"


def test_a_tool_that_only_starts_from_pictures_is_not_paid_for_words(server: Server) -> None:
    card = taker(t2v=False)
    spec = RunSpec(models=[card], prompts=[Prompt(id="fox", text="a fox")])
    (cell,) = plan_jobs(spec, adapters={"taker": server(card)}).cells
    assert (cell.state, cell.note) == ("impossible", "taker starts from a first frame; give this prompt an image")


def test_a_picture_for_all_prompts_makes_prompts_of_its_own(bench: Bench, tmp_path: Path, server: Server) -> None:
    prompts = [Prompt(id="fox", text="a fox"), Prompt(id="cat", text="a cat")]
    red, blue = picture(tmp_path / "red.png"), picture(tmp_path / "blue.png", colour="blue")
    for image in (red, blue, red):
        spec = RunSpec(models=[taker()], prompts=prompts, pictures=Pictures(image=image))
        generate(bench, spec, make=server)
    assert len(server.seen()) == 4
    made = [job.prompt for job in bench.jobs()]
    assert sorted(prompt.id.partition("-")[0] for prompt in made) == ["cat", "cat", "fox", "fox"]
    assert len({prompt.id for prompt in made}) == 4
    assert len({prompt.image for prompt in made}) == 2


def test_other_bytes_are_another_job(bench: Bench, tmp_path: Path, server: Server) -> None:
    prompt = Prompt(id="fox", text="a fox", image=picture(tmp_path / "a.png"))
    spec = RunSpec(models=[taker()], prompts=[prompt])
    before = planned(bench, spec, server).intents()[0].identity
    assert planned(bench, spec, server).intents()[0].identity == before
    picture(tmp_path / "a.png", colour="blue")
    assert planned(bench, spec, server).intents()[0].identity != before


def test_what_was_changed_about_a_picture_is_told_by_plan_and_clip(
    bench: Bench, tmp_path: Path, server: Server
) -> None:
    Image.new("RGBA", (128, 72), (255, 0, 0, 90)).save(tmp_path / "a.png")
    prompt = Prompt(id="fox", text="a fox", image=str(tmp_path / "a.png"))
    said = f"{tmp_path / 'a.png'}: has transparency; it was laid over black"
    generate(bench, models=[taker()], prompts=[prompt], make=server)
    (job,) = bench.jobs()
    assert said in plan_of(job).warnings


def test_a_bench_gives_back_all_pictures_of_a_prompt(bench: Bench) -> None:
    prompts = [
        Prompt(id="a", text="a", image="/p/a.png"),
        Prompt(id="b", text="b", image="/p/a.png", last_image="/p/b.png", references=("/p/c.png", "/p/d.png")),
        Prompt(id="c", text="c", references=("/p/c.png",)),
        Prompt(id="d", text="d"),
    ]
    bench.add_prompts(prompts)
    assert bench.prompts() == prompts


def test_pictures_move_with_their_bench(tmp_path: Path) -> None:
    place = picture(tmp_path / "given.png")
    with Bench.open(tmp_path / "here") as before:
        taken, _ = take_pictures(
            [Prompt(id="a", text="a", image=place), Prompt(id="b", text="b", image=place, references=(place,))],
            Pictures(),
            pictures_folder(before),
        )
        before.add_prompts(taken)
    (tmp_path / "here").rename(tmp_path / "there")
    with Bench.open(tmp_path / "there") as after:
        places = [each for prompt in after.prompts() for each in (prompt.image, *prompt.references)]
    assert len(places) == 3
    assert all(Path(each).is_file() and Path(each).is_relative_to(tmp_path / "there") for each in places)


def test_a_run_for_another_process_keeps_its_pictures() -> None:
    spec = RunSpec(models=["kling-v3"], pictures=Pictures(image="a.png", references=("b.png",)), without_image=True)
    assert RunSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
