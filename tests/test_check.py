"""What is said before a run, on real folders."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from safetensors.numpy import save_file

from degcraft import run_time
from degcraft.check import _time, check
from degcraft.config import parse_config
from degcraft.errors import UserError
from degcraft.images import read_image
from degcraft.remarks import look, look_at_all, remarks
from degcraft.training.run import Run


@pytest.fixture
def mine(raw, schema, root, tmp_path):
    """A configuration of eight sharp photos and eight reference photos of 48 pixels; `said` makes its remarks."""
    hr, reference = tmp_path / "photos", tmp_path / "old"
    for folder in (hr, reference):
        folder.mkdir()
    whole = read_image(root / "resources/demo/hr/Red-Maple.jpg")
    other = read_image(root / "resources/demo/hr/Spruce-Needles.jpg")
    for index in range(8):
        rows, columns = index // 4 * 270, index % 4 * 234
        Image.fromarray(whole[rows : rows + 256, columns : columns + 256]).save(hr / f"sharp{index}.png")
        Image.fromarray(other[rows : rows + 48, columns : columns + 48]).save(reference / f"old{index}.png")
    raw |= {"hr": str(hr), "photos": {"size": 96, "per_photo": 5}, "pairs": {"count": 40}}
    raw["targets"] = {"album": {"reference": str(reference)}}
    raw["encoder"] = {"channels": 4, "features": 6, "samples": 3200, "buffer": 64, "batch": 16}
    raw["train"] |= {"channels": 4, "blocks": 1, "crop": 12, "batch": 2, "steps": 500, "seeds": [0, 1]}
    return raw


@pytest.fixture
def said(mine, schema):
    return lambda: list(remarks(look_at_all(parse_config(mine, schema))))


def test_good_photos_get_no_remark(said):
    assert said() == []


def test_soft_compressed_and_repeated_photos_are_named(said, tmp_path):
    hr, reference = tmp_path / "photos", tmp_path / "old"
    image = Image.open(hr / "sharp0.png")
    image.resize((128, 128)).resize((256, 256), Image.Resampling.BICUBIC).save(hr / "upscaled.png")
    Image.open(hr / "sharp1.png").transpose(Image.Transpose.ROTATE_90).save(hr / "saved.jpg", quality=30)
    Image.open(hr / "sharp2.png").resize((96, 96)).save(reference / "twin.png")
    soft, blocky, twice, shared = said()
    assert "not sharp pixel by pixel: 1 of 10 photos (upscaled.png)" in soft
    assert "compressed: 1 of 10 photos (saved.jpg)" in blocky
    assert twice.startswith("hr: sharp0.png and upscaled.png look alike")
    assert "twin.png and sharp2.png show the same" in shared


def test_few_and_too_large_references_are_remarked_on(said, tmp_path):
    for index in range(5):
        (tmp_path / "old" / f"old{index}.png").unlink()
    for path in (tmp_path / "old").iterdir():
        Image.open(path).resize((500, 500)).save(path)
    few, large = said()
    assert "targets.album.reference: 3 usable photos; 8 or more" in few
    assert "larger than the HR photos (0.25 and 0.066 megapixels in the middle)" in large and "swapped" in large


def test_references_that_are_as_large_in_two_digits_are_not_called_larger(said, tmp_path):
    for path in (tmp_path / "old").iterdir():
        Image.open(path).resize((257, 257)).save(path)
    assert not any("larger" in text for text in said())


def test_enlarged_references_are_remarked_on_if_they_are_most(said, tmp_path):
    photos = [tmp_path / f"old/old{index}.png" for index in (0, 1, 2, 6, 7)]  # the others are nearly black
    for path in photos[:4]:
        Image.open(path).resize((96, 96), Image.Resampling.BICUBIC).save(path)
    assert said() == []
    Image.open(photos[4]).resize((192, 192), Image.Resampling.BICUBIC).save(photos[4])
    (remark,) = said()
    assert remark.startswith("targets.album.reference: 5 of 8 photos (old0.png, ")
    assert remark.endswith("give them as the source delivers them; if the source itself is so soft, go on.")


def test_five_test_pairs_are_few_and_six_are_not(mine, said, tmp_path, make_photo):
    for side, length in {"lr": 24, "hr": 96}.items():
        (tmp_path / f"test-{side}").mkdir()
        for index in range(6):
            photo = Image.fromarray(make_photo(96, 96, seed=index))
            photo.resize((length, length)).save(tmp_path / f"test-{side}/{index}.png")
    mine["targets"]["album"]["test"] = {"lr": str(tmp_path / "test-lr"), "hr": str(tmp_path / "test-hr")}
    assert said() == []
    for side in ("lr", "hr"):
        (tmp_path / f"test-{side}/0.png").unlink()
    (remark,) = said()
    assert remark.startswith("targets.album.test.hr: 5 test pairs are too few") and "give 6 or more" in remark


def test_a_made_target_is_tested_on_half_of_its_photos(mine, said, tmp_path):
    shutil.copytree(tmp_path / "photos", tmp_path / "more")
    mine["targets"]["album"] = {"photos": str(tmp_path / "more"), "truth": {"blur_sigma": 1.0}}
    (few,) = (text for text in said() if "test pair" in text)
    assert few.startswith("targets.album.photos: 4 test pairs are too few")


def test_few_hr_photos_and_tests_that_were_trained_on(mine, schema, said, tmp_path, monkeypatch):
    shutil.copytree(tmp_path / "photos", tmp_path / "test-hr")
    (tmp_path / "test-lr").mkdir()
    for index in range(8):
        Image.open(tmp_path / f"photos/sharp{index}.png").resize((64, 64)).save(tmp_path / f"test-lr/sharp{index}.png")
    for index in range(6):
        (tmp_path / "photos" / f"sharp{index}.png").unlink()
    mine["targets"]["album"]["test"] = {"lr": str(tmp_path / "test-lr"), "hr": str(tmp_path / "test-hr")}
    monkeypatch.setattr(run_time, "SECONDS", 0.01)
    (tmp_path / "test-lr/IMG_2.HEIC").touch()
    text = check(parse_config(mine, schema), tmp_path / "check.txt")
    assert f"album: 8 test pairs, in {tmp_path}/test-lr and {tmp_path}/test-hr\n" in text
    assert "passed over in targets.album.test.lr, as no PNG, JPEG, WebP or TIFF: IMG_2.HEIC\n" in text
    few, tested = said()
    assert "hr: 2 usable photos are few" in few
    assert "sharp6.png and sharp6.png, sharp7.png and sharp7.png show the same" in tested


def test_test_pairs_that_do_not_fit_are_named(mine, said, tmp_path, make_photo):
    for side, (height, width) in {"lr": (48, 48), "hr": (192, 196)}.items():
        (tmp_path / f"test-{side}").mkdir()
        Image.fromarray(make_photo(height, width)).save(tmp_path / f"test-{side}/a.png")
    Image.fromarray(make_photo(4, 4)).save(tmp_path / "test-lr/b.png")
    Image.fromarray(make_photo(16, 16)).save(tmp_path / "test-hr/b.png")
    mine["targets"]["album"]["test"] = {"lr": str(tmp_path / "test-lr"), "hr": str(tmp_path / "test-hr")}
    remark, few = said()
    assert few.startswith("targets.album.test.hr: 2 test pairs are too few to tell models apart")
    assert remark.startswith("targets.album.test: the run will stop") and "a.png: 48x48 pixels" in remark
    assert "has 49x48" in remark and "1 more like it" in remark
    Image.fromarray(make_photo(192, 192)).save(tmp_path / "test-hr/a.png")
    remark, _ = said()
    assert "b.png: smaller than 19 pixels" in remark
    (tmp_path / "test-lr/b.png").write_bytes(b"no photo")
    remark, _ = said()
    assert "lr/b.png: is not a PNG" in remark


def test_photos_that_cannot_be_used_are_counted_with_the_reason(tmp_path, make_photo):
    folder = tmp_path / "mixed"
    folder.mkdir()
    Image.fromarray(make_photo(200, 200)).save(folder / "good.png")
    Image.fromarray(make_photo(20, 200)).save(folder / "small.png")
    (folder / "broken.jpg").write_bytes(b"no photo")
    cut = (folder / "good.png").read_bytes()
    (folder / "truncated.png").write_bytes(cut[: len(cut) // 2])
    found = look("hr", folder, 64)
    assert [path.name for path in found.sizes] == ["good.png"]
    reasons = {path.name: reason for path, reason in found.unusable.items()}
    assert reasons["small.png"] == "smaller than a patch of 64 pixels"
    assert "not a PNG" in reasons["broken.jpg"] and "cannot be read" in reasons["truncated.png"]


def test_the_text_counts_what_the_run_makes(mine, schema, tmp_path, monkeypatch):
    monkeypatch.setattr(run_time, "SECONDS", 0.01)
    (tmp_path / "old/IMG_1.HEIC").touch()
    (tmp_path / "old/more").mkdir()
    (tmp_path / "old/.hidden").touch()
    text = check(parse_config(mine, schema), tmp_path / "check.txt")
    assert "passed over in targets.album.reference, as no PNG, JPEG, WebP or TIFF: IMG_1.HEIC, more/\n" in text
    assert (tmp_path / "check.txt").read_text() == text + "\n"
    assert "hr: 8 usable of 8" in text
    assert "4 bins, 40 HR patches, 80 pairs, 4 models" in text  # 8 photos, 5 patches each; two distributions and seeds
    assert f"HR patches {40 * 96**2 * 3 / 1e6:.1f} MB" in text
    assert "\n  from nothing, about " in text and "is not made again; --dry-run lists what would run.\n" in text
    assert (
        "on a GPU" in text and text.count("\n  - ") == 1 and "  - train.distributions: no target has test pairs" in text
    )
    mine["train"]["distributions"] = ["crafted"]
    assert "Nothing looks wrong." in check(parse_config(mine, schema), tmp_path / "check.txt")
    assert max(map(len, text.splitlines())) <= 120


def test_no_usable_photo_is_an_error(mine, schema, tmp_path):
    for path in (tmp_path / "photos").iterdir():
        Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(path)
    with pytest.raises(UserError, match="hr: none of the 8 photos") as error:
        check(parse_config(mine, schema), tmp_path / "check.txt")
    assert str(error.value).endswith(
        "(sharp0.png, sharp1.png, sharp2.png, sharp3.png, sharp4.png, and 3 more: smaller than a patch of 96 pixels); "
        "add larger or readable ones, or lower photos.size"
    )


def test_turned_test_photos_are_compared_upright(mine, said, tmp_path, make_photo):
    for side, (height, width) in {"lr": (48, 32), "hr": (192, 128)}.items():
        (tmp_path / f"test-{side}").mkdir()
        Image.fromarray(make_photo(height, width)).save(tmp_path / f"test-{side}/a.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(make_photo(32, 48)).save(tmp_path / "test-lr/a.png", exif=turned)
    mine["targets"]["album"]["test"] = {"lr": str(tmp_path / "test-lr"), "hr": str(tmp_path / "test-hr")}
    assert not [remark for remark in said() if "the run will stop" in remark]


def test_weights_that_are_no_vgg_are_remarked_on(mine, schema, tmp_path):
    save_file({"body.0.weight": np.zeros((3, 3, 3, 3), np.float32)}, tmp_path / "vgg.safetensors")
    mine["train"] |= {"adversarial_steps": 5, "perceptual": str(tmp_path / "vgg.safetensors")}
    said = " ".join(check(parse_config(mine, schema), tmp_path / "check.txt").split())
    assert "- train.perceptual: " in said and "holds no VGG" in said and "train.start" not in said


def test_weights_that_do_not_fit_are_remarked_on(mine, schema, tmp_path):
    save_file({"body.0.weight": np.zeros((3, 3, 3, 3), np.float32)}, tmp_path / "start.safetensors")
    mine["train"]["start"] = str(tmp_path / "start.safetensors")
    text = check(parse_config(mine, schema), tmp_path / "check.txt")
    said = " ".join(text.split())
    assert "- train.start: " in said and "does not fit compact with blocks 1" in said and "; the run will not" in said
    assert "from nothing, about" not in said and "4 bins, 40 HR patches" in said


@pytest.mark.parametrize("own", [False, True])
def test_test_pairs_of_the_demo_beside_photos_of_ones_own_are_named(mine, schema, root, tmp_path, monkeypatch, own):
    mine["targets"]["album"]["test"] = {"lr": "resources/demo/test/lr", "hr": "resources/demo/test/hr"}
    if not own:
        mine["targets"]["album"]["reference"] = "resources/demo/reference"
    monkeypatch.chdir(root)
    text = " ".join(check(parse_config(mine, schema), tmp_path / "check.txt").split())
    assert ("targets.album.test: these are the demo's photos, not those of the source" in text) == own


def test_folders_that_seem_swapped_are_named_where_no_hr_photo_is_usable(mine, schema, tmp_path):
    mine["hr"], mine["targets"]["album"]["reference"] = str(tmp_path / "old"), str(tmp_path / "photos")
    with pytest.raises(
        UserError, match=r"hr: none of the 8 photos .*, or swap hr and targets\.album\.reference, whose "
    ):
        check(parse_config(mine, schema), tmp_path / "check.txt")


def test_reference_photos_of_what_is_tested_are_named(mine, said, tmp_path):
    shutil.copytree(tmp_path / "old", tmp_path / "test-hr")
    (tmp_path / "test-lr").mkdir()
    for index in range(8):
        Image.open(tmp_path / f"old/old{index}.png").resize((12, 12)).save(tmp_path / f"test-lr/old{index}.png")
    for index in range(1, 8):
        (tmp_path / "test-hr" / f"old{index}.png").unlink()
        (tmp_path / "test-lr" / f"old{index}.png").unlink()
    mine["targets"]["album"]["test"] = {"lr": str(tmp_path / "test-lr"), "hr": str(tmp_path / "test-hr")}
    (same,) = (text for text in said() if "show the same" in text)
    assert same.startswith("targets.album.test.hr and targets.album.reference: old0.png and old0.png show the same")
    assert same.endswith("keep test photos out of the reference photos.")


def test_the_same_file_is_found_among_photos_that_were_not_looked_at(said, tmp_path, monkeypatch):
    monkeypatch.setattr("degcraft.remarks.EXAMINED", 1)
    shutil.copy(tmp_path / "photos/sharp2.png", tmp_path / "photos/twin.png")
    shutil.copy(tmp_path / "photos/sharp6.png", tmp_path / "old/sharp6.png")
    assert [text.split(" look")[0].split(" show")[0] for text in said()] == [
        "hr: sharp2.png and twin.png",
        "targets.album.reference and hr: sharp6.png and sharp6.png",
    ]


def test_a_target_without_a_usable_photo_is_named(said, tmp_path):
    for path in (tmp_path / "old").iterdir():
        path.write_bytes(path.read_bytes()[:-100])  # with a head like a photo's
    assert said() == ["targets.album.reference: no usable photo, so the run will stop there. Add photos of the source."]
    for path in sorted((tmp_path / "old").iterdir())[1:]:
        Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(path)
    assert said()[0].endswith("Add photos of the source, or lower photos.size.")


def noisy(photo):
    noise = np.random.default_rng(0).normal(0, 10, (photo.height, photo.width, 3))
    return Image.fromarray(np.clip(np.asarray(photo) + noise, 0, 255).astype(np.uint8))


@pytest.mark.parametrize(
    ("save", "sharp"),
    [
        (lambda photo, name: photo.save(name), True),
        (lambda photo, name: photo.save(f"{name}.webp", quality=95), True),
        (lambda photo, name: photo.resize((64, 64), Image.Resampling.BOX).save(name), False),
        # as large, but degraded: they may be photos of the source
        (lambda photo, name: photo.save(f"{name}.jpg", quality=50), False),
        (lambda photo, name: photo.filter(ImageFilter.GaussianBlur(1)).save(name), False),
        (lambda photo, name: noisy(photo).save(name), False),
    ],
    ids=["copied", "saved anew", "small", "compressed", "blurred", "noisy"],
)
def test_references_that_are_the_sharp_photos_are_told_from_degraded_ones(save, sharp, said, tmp_path):
    for index in range(8):
        (tmp_path / "old" / f"old{index}.png").unlink()
        save(Image.open(tmp_path / f"photos/sharp{index}.png"), tmp_path / f"old/sharp{index}.png")
    remark = said()[-1]
    assert remark.startswith("targets.album.reference")
    assert f"(the first in {tmp_path / 'old'}, the second in {tmp_path / 'photos'})" in remark
    assert ("8 of 8 photos can be found in hr in full size: sharp0.png" in remark) == sharp
    either = "Either hr holds photos of the source: take them out of it. Or these are sharp photos"
    assert (either in remark) == sharp
    assert ("it does no harm" in remark) != sharp


def test_the_folder_of_the_sharp_photos_is_no_reference(mine, said, tmp_path):
    mine["targets"]["album"]["reference"] = str(tmp_path / "old/../photos")
    (remark,) = said()
    assert remark.startswith(f"targets.album.reference: {tmp_path}/old/../photos is the folder of the HR photos, too.")
    assert "These are the sharp photos, not photos of the source" in remark and "no harm" not in remark


def test_photos_to_super_resolve_and_to_degrade_are_looked_at_by_their_heads(mine, schema, tmp_path, monkeypatch):
    monkeypatch.setattr(run_time, "SECONDS", 0.01)
    new, given = tmp_path / "new", tmp_path / "given"
    for folder in (new, given):
        shutil.copytree(tmp_path / "old", folder / "more")
        shutil.copy(tmp_path / "old/old0.png", folder)
        (folder / "IMG_3.HEIC").touch()
    (new / "bad.jpg").write_bytes(b"no photo")
    shutil.copy(given / "old0.png", given / "old 1.png")
    mine["targets"]["album"]["upscale"] = str(new)
    mine["degrade"] = {"photos": str(given), "pairs": True}
    text = check(parse_config(mine, schema), tmp_path / "check.txt")
    assert "  album: 1 photo to super-resolve, judged by the heads of files alone\n" in text
    assert "  degrade: 2 photos to degrade, judged by the heads of files alone\n" in text
    assert f"  not used: {new}/bad.jpg: is not a PNG, JPEG, WebP or TIFF image\n" in text
    assert "passed over in targets.album.upscale, as no PNG, JPEG, WebP or TIFF: IMG_3.HEIC, more/\n" in text
    assert "passed over in degrade.photos, as no PNG, JPEG, WebP or TIFF: IMG_3.HEIC, more/\n" in text
    assert "looked at closely" not in text
    (spaced,) = remarks(look_at_all(parse_config(mine, schema)))
    assert spaced.startswith("degrade.photos: a space in 1 name (old 1.png), so pairs will come without meta_info.txt")
    mine["degrade"]["pairs"] = False
    (new / "old0.png").write_bytes(b"no photo")
    (stop,) = remarks(look_at_all(parse_config(mine, schema)))
    assert stop == "targets.album.upscale: no photo can be read, so the run will stop there. Give others."
    mine["train"]["distributions"] = ["full"]  # nothing is super-resolved then
    assert not list(remarks(look_at_all(parse_config(mine, schema))))


def test_a_step_that_memory_does_not_suffice_for_is_said(mine, schema, tmp_path, monkeypatch):
    def advance(self, lr, hr):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(Run, "advance", advance)
    text = " ".join(check(parse_config(mine, schema), tmp_path / "check.txt").split())
    assert "a step takes more memory than this machine has" in text and "hr: 8 usable" in text


def test_one_is_not_plural(mine, schema, tmp_path, monkeypatch):
    monkeypatch.setattr(run_time, "SECONDS", 0.01)
    for index in range(1, 8):
        (tmp_path / f"photos/sharp{index}.png").unlink()
        (tmp_path / f"old/old{index}.png").unlink()
    mine["photos"]["per_photo"] = mine["pairs"]["count"] = 1
    mine["train"] |= {"distributions": ["full"], "seeds": [0]}
    text = " ".join(check(parse_config(mine, schema), tmp_path / "check.txt").split())
    assert "album: 1 usable reference photo of 1 " in text
    assert "4 bins, 1 HR patch, 1 pair, 1 model " in text
    assert "hr: a single usable photo is little: " in text
    assert "targets.album.reference: 1 usable photo; 8 or more " in text


@pytest.mark.parametrize(
    ("operations", "words"), [(1.44e11, "140 billion"), (2.3e9, "2.3 billion"), (2e7, "0.02 billion")]
)
def test_large_numbers_have_no_powers_of_ten(operations, words):
    took = run_time.Durations((("train", 1, 60.0, 1),), "cpu", operations, 3000)
    assert f"a step has {words} operations" in " ".join(" ".join(_time(took)).split())


def test_what_is_crafted_is_named_and_what_has_no_bins(mine, schema, tmp_path):
    mine["degradation"] = [
        {"blur": {"sigma": {"range": [0.2, 3.0], "bins": 2}}},
        {"resize": {"kind": ["area", "bicubic"]}},
        {"noise": {"sigma": {"range": [0, 25]}}},
        {"jpeg": {"quality": 90}},
    ]
    text = check(parse_config(mine, schema), tmp_path / "check.txt")
    assert "  crafted: blur_sigma in 2 bins, resize_kind in 2 bins" in text.splitlines()
    assert "  not crafted but drawn over all of their range, having no bins: noise_sigma" in text.splitlines()
