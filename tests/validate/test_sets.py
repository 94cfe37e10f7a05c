"""Public sets in the very layout of their files, small: what is read, what is missing, what is said twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from vbench.errors import CatalogError, OptionError
from vbench.validate.sets import SETS, RatedSet

Make = Callable[[Path], None]


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


def rewardbench(folder: Path) -> None:
    touch(folder, *(f"videos/{model}/{i}.mp4" for model in ("gen3", "kling") for i in (0, 1)))
    rows = ["path_A,path_B,prompt,A_model,B_model,VQ,MQ,TA,Overall"]
    rows += ["videos/gen3/0.mp4,videos/kling/0.mp4,a cat,gen3,kling,A,same,B,A"]
    rows += ["videos/gen3/1.mp4,videos/kling/1.mp4,a dog,gen3,kling,B,B,B,B"]
    rows += ["videos/gen3/0.mp4,videos/kling/0.mp4,a cat,gen3,kling,B,B,B,B"]  # once more
    rows += ["videos/luma/0.mp4,videos/kling/0.mp4,a cat,luma,kling,A,A,A,A"]  # not there
    (folder / "videogen-rewardbench.csv").write_text("\n".join(rows))


def genai_bench(folder: Path) -> None:
    touch(folder, *(f"videos/{model}-{i}.mp4" for model in ("pika", "sora") for i in (0, 1)))
    (folder / "video_generation").mkdir(parents=True)
    frame = pd.DataFrame(
        {
            "prompt": ["a cat", "a dog", "a dog"],
            "left_model": ["pika", "pika", "lavie"],
            "left_video": ["https://host/videos/pika-0.mp4", "https://host/x/pika-1.mp4?y=1", "lavie-1.mp4"],
            "right_model": ["sora"] * 3,
            "right_video": ["https://host/videos/sora-0.mp4", "sora-1.mp4", "sora-1.mp4"],
            "vote_type": ["leftvote", "bothbad_vote", "rightvote"],
        }
    )
    frame.to_parquet(folder / "video_generation" / "test-00000-of-00001.parquet")


def uve_bench(folder: Path) -> None:
    touch(folder, *(f"unpacked/v/{model}/{model}_0000{i}.mp4" for model in ("mochi", "sora") for i in (0, 1)))

    def entry(i: int, says: str, aspect: str) -> Any:
        both = {"video_a": f"mochi/mochi_0000{i}.mp4", "video_b": f"sora/sora_0000{i}.mp4"}
        return both | {"prompt": None, "preference": says, "aspect": aspect, "subaspects": [aspect], "dataset": "d"}

    entries = [entry(0, "A is better", "flickering"), entry(1, "same bad", "flickering"), entry(1, "B is better", "x")]
    (folder / "uve_bench.json").write_text(json.dumps(entries))


def videofeedback(folder: Path) -> None:
    touch(folder, "test/videos/p000304.mp4", "test/videos/r000200.mp4")
    names = (
        "visual quality",
        "temporal consistency",
        "dynamic degree",
        "text-to-video alignment",
        "factual consistency",
    )
    entries = [
        {"id": name, "images": [], "text prompt": "a cat", "video link": "https://host/v.mp4", "conversations": []}
        | dict.fromkeys(names, value)
        for name, value in (("p000304", 3), ("r000200", 1), ("p000999", 2))
    ]
    (folder / "test" / "data_annotated.json").write_text(json.dumps(entries))


def video_bench(folder: Path) -> None:
    touch(folder, *(f"data/color/{model}/A red bird_0.mp4" for model in ("lavie", "pika")))
    (folder / "data" / "human_anno").mkdir(parents=True)
    entry = {
        "prompt_en": "A red bird",
        "videos": {model: f"data/color/{model}/A red bird_0.mp4" for model in ("lavie", "pika")},
        "human_anno": {"lavie": [3, 2, 3], "pika": [1, 1, 2]},
    }
    (folder / "data" / "human_anno" / "color.json").write_text(json.dumps([entry]))


def fetv(folder: Path) -> None:
    touch(folder, "cogvideo/a-stream-0.mp4", "real/a-stream-0.mp4")
    (folder / "prompts.jsonl").write_text(json.dumps({"id": "a-stream", "text": "A mountain stream"}))
    rows = ["model,prompt_id,sample,temporal_quality", "cogvideo,a-stream,0,2.0", "real,a-stream,0,4.7"]
    (folder / "ratings.csv").write_text("\n".join([*rows, "zeroscope,a-stream,0,3"]))


MAKERS: dict[str, Make] = {
    "videogen-rewardbench": rewardbench,
    "genai-bench": genai_bench,
    "uve-bench": uve_bench,
    "videofeedback": videofeedback,
    "video-bench": video_bench,
    "fetv": fetv,
}


def read(name: str, folder: Path) -> RatedSet:
    folder.mkdir(exist_ok=True)
    MAKERS[name](folder)
    return SETS[name].read(folder)


def says(rated: RatedSet) -> list[tuple[str, str, str, int]]:
    return [(each.rating, each.first[0], each.second[0], each.says) for each in rated.preferences]


def test_every_set_has_a_fake() -> None:
    assert MAKERS.keys() == SETS.keys()


def test_rewardbench(tmp_path: Path) -> None:
    rated = read("videogen-rewardbench", tmp_path)
    assert len(rated.clips) == 4
    assert says(rated)[:4] == [
        ("visual_quality", "gen3", "kling", 1),
        ("motion_quality", "gen3", "kling", 0),
        ("text_alignment", "gen3", "kling", -1),
        ("overall", "gen3", "kling", 1),
    ]
    assert len(rated.preferences) == 8
    assert rated.notes == (
        f"1 rated clips are not in {tmp_path}, e.g. videos/luma/0.mp4",
        "4 rows say again what others said: left out",
    )


def test_genai_bench_finds_clips_by_the_end_of_their_address(tmp_path: Path) -> None:
    rated = read("genai-bench", tmp_path)
    assert says(rated) == [("preference", "pika", "sora", 1), ("preference", "pika", "sora", 0)]
    assert {clip.path.name for clip in rated.clips.values()} >= {"pika-1.mp4"}
    assert "lavie-1.mp4" in rated.notes[0]


def test_uve_bench_pairs_by_aspect(tmp_path: Path) -> None:
    rated = read("uve-bench", tmp_path)
    assert says(rated) == [
        ("flickering", "mochi", "sora", 1),
        ("flickering", "mochi", "sora", 0),
        ("x", "mochi", "sora", -1),
    ]
    assert len({clip.place[1] for clip in rated.clips.values()}) == 2


def test_videofeedback_rates_five_things(tmp_path: Path) -> None:
    rated = read("videofeedback", tmp_path)
    assert sorted(rated.ratings) == sorted(
        ["visual_quality", "temporal_consistency", "dynamic_degree", "text-to-video_alignment", "factual_consistency"]
    )
    assert sorted(rated.ratings["visual_quality"].values()) == [1.0, 3.0]
    assert "p000999" in rated.notes[0]


def test_video_bench_keeps_its_raters(tmp_path: Path) -> None:
    rated = read("video-bench", tmp_path)
    (rating,) = rated.ratings.values()
    assert {rater for rater, _ in rating} == {"rater0", "rater1", "rater2"}
    assert len(rating) == 6
    assert SETS["video-bench"].published["color"] == 0.545


def test_fetv_names_clips_like_this_project(tmp_path: Path) -> None:
    rated = read("fetv", tmp_path)
    assert {clip.text for clip in rated.clips.values()} == {"A mountain stream"}
    assert len(rated.ratings["temporal_quality"]) == 2
    assert "zeroscope/a-stream-0" in rated.notes[-1]


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_an_empty_folder_is_told(name: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="expected"):
        SETS[name].read(tmp_path)


def test_what_is_not_in_the_layout_is_told(tmp_path: Path) -> None:
    rewardbench(tmp_path)
    table = tmp_path / "videogen-rewardbench.csv"
    table.write_text(table.read_text().replace("same", "equal"))
    with pytest.raises(CatalogError, match=r":2: MQ: 'equal' is none of A, B, same"):
        SETS["videogen-rewardbench"].read(tmp_path)
    (tmp_path / "uve_bench.json").write_text('{"a": 1}')
    with pytest.raises(CatalogError, match="expected a list"):
        SETS["uve-bench"].read(tmp_path)


def test_two_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    from vbench.validate.sets import Files

    touch(tmp_path, "a/0.mp4", "b/0.mp4")
    files = Files(tmp_path)
    assert files.find("videos/b/0.mp4") == tmp_path / "b" / "0.mp4"
    assert files.find("0.mp4") is None
    assert list(files.missing) == ["0.mp4"]
