"""The examples do what they promise."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
TRAIN_DIGITS = EXAMPLES / "train_digits.py"
DIGITS_CNN = EXAMPLES / "digits_cnn.py"
CHAR_LM = EXAMPLES / "char_lm.py"

pytestmark = pytest.mark.numpy_only


@pytest.fixture
def needs_extra() -> None:
    pytest.importorskip("tqdm")
    pytest.importorskip("matplotlib")


def run(*arguments: object, **how) -> subprocess.CompletedProcess:
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, **how)


def accuracy(done: subprocess.CompletedProcess) -> float:
    found = re.search(r"held-out accuracy: [\d.]+% \((\d+) of (\d+) digits\)", done.stdout)
    assert found, done.stdout + done.stderr
    return int(found[1]) / int(found[2])


def table(done: subprocess.CompletedProcess) -> list[str]:
    return [line for line in done.stdout.splitlines() if re.match(r" +\d+ +\d", line)]


@pytest.mark.usefixtures("needs_extra")
def test_the_digits_are_learnt_and_pictured(tmp_path: Path) -> None:
    import matplotlib.image

    done = run(TRAIN_DIGITS, "--out", tmp_path / "digits.png", cwd=tmp_path)
    assert accuracy(done) >= 0.97
    assert len(table(done)) == 20
    assert "accuracy" in done.stderr  # the progress bar
    picture = matplotlib.image.imread(tmp_path / "digits.png")
    assert picture.shape[0] > 800
    assert picture.shape[1] > 1200
    assert picture[..., :3].std() > 0.05  # not a blank page


@pytest.mark.usefixtures("needs_extra")
def test_the_same_seed_gives_the_same_numbers(tmp_path: Path) -> None:
    def numbers(seed: int) -> list[str]:
        return table(run(TRAIN_DIGITS, "--epochs", 2, "--seed", seed, "--no-plot", cwd=tmp_path))

    assert numbers(1) == numbers(1) != numbers(2)
    assert len(numbers(1)) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("needs_extra")
def test_other_settings(tmp_path: Path) -> None:
    done = run(
        TRAIN_DIGITS,
        *("--epochs", 3, "--hidden", 32, "--dropout", 0, "--lr", 0.01, "--batch-size", 50),
        *("--out", "few.png"),
        cwd=tmp_path,
    )
    assert accuracy(done) > 0.85
    assert (tmp_path / "few.png").stat().st_size > 10_000


@pytest.mark.parametrize("example", [TRAIN_DIGITS, DIGITS_CNN, CHAR_LM], ids=lambda path: path.stem)
@pytest.mark.parametrize("missing, arguments", [("tqdm", ["--no-plot"]), ("matplotlib", [])])
def test_a_missing_package_is_named_before_the_work(example: Path, missing: str, arguments: list[str]) -> None:
    if missing == "matplotlib":
        pytest.importorskip("tqdm")
    program = f"""
import runpy, sys
sys.modules[{missing!r}] = None
sys.path[0] = {str(EXAMPLES)!r}
sys.argv = [{str(example)!r}, *{arguments!r}]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
    done = run("-c", program)
    assert done.returncode == 1
    assert f"needs {missing}, which is not installed: pip install 'tiny_pytorch[examples]'" in done.stderr
    assert done.stdout == ""


@pytest.mark.usefixtures("needs_extra")
@pytest.mark.parametrize(
    "arguments, message",
    [(["--epochs", 0], "must be 1 or more, got 0"), (["--out", "nowhere/x.png"], "no directory nowhere")],
)
def test_bad_arguments(arguments: list, message: str, tmp_path: Path) -> None:
    done = run(TRAIN_DIGITS, *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr


# --- digits_cnn ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("needs_extra")
def test_a_convolutional_network_reads_the_digits(tmp_path: Path) -> None:
    done = run(DIGITS_CNN, "--out", "cnn.png", cwd=tmp_path)
    assert accuracy(done) >= 0.985
    assert "3 networks of 67,946 parameters" in done.stdout
    assert len(table(done)) == 20
    assert (tmp_path / "cnn.png").stat().st_size > 20_000


@pytest.mark.usefixtures("needs_extra")
def test_the_convolutional_network_learns_soon_and_the_same_again(tmp_path: Path) -> None:
    quick = ("--epochs", 3, "--width", 8, "--networks", 1, "--no-plot")
    done = run(DIGITS_CNN, *quick, cwd=tmp_path)
    assert accuracy(done) > 0.85
    assert table(done) == table(run(DIGITS_CNN, *quick, cwd=tmp_path))
    assert table(done) != table(run(DIGITS_CNN, *quick, "--seed", 1, cwd=tmp_path))
    assert list(tmp_path.iterdir()) == []


# --- char_lm ------------------------------------------------------------------------------------------------

QUICK = ("--steps", 40, "--width", 32, "--layers", 1, "--context", 32, "--sample", 60)


@pytest.mark.usefixtures("needs_extra")
@pytest.mark.parametrize("model", ["lstm", "gpt"])
def test_a_language_model_learns_and_writes(model: str, tmp_path: Path) -> None:
    done = run(CHAR_LM, *QUICK, "--model", model, "--out", "lm.png", cwd=tmp_path)
    found = re.search(r"held out: ([\d.]+) bits per character after 40 steps", done.stdout)
    assert found, done.stdout + done.stderr
    assert 2 < float(found[1]) < 5  # 6.6 before the first step
    assert len(re.findall(r"^ +\d+ +[\d.]+ +[\d.]+$", done.stdout, re.MULTILINE)) == 10
    written = done.stdout.partition("What it writes after 'def ':\n\n")[2].partition("\n\npicture")[0]
    assert len(written) == 64
    assert written.startswith("def ")
    assert "bits" in done.stderr  # the progress bar
    assert (tmp_path / "lm.png").stat().st_size > 20_000


@pytest.mark.usefixtures("needs_extra")
def test_the_same_seed_writes_the_same_text(tmp_path: Path) -> None:
    def output(seed: int) -> str:
        done = run(CHAR_LM, *QUICK, "--seed", seed, "--no-plot", cwd=tmp_path)
        return re.sub(r" in \d+ s", "", done.stdout)

    assert output(1) == output(1) != output(2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("needs_extra")
@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--steps", 0], "must be 1 or more, got 0"),
        (["--model", "gpt", "--heads", 5], "5 heads do not divide a width of 96"),
        (["--temperature", -1], "must not be negative, got -1"),
        (["--prompt", ""], "at least one printable ASCII character"),
        (["--out", "nowhere/x.png"], "no directory nowhere"),
    ],
)
def test_bad_arguments_of_the_language_model(arguments: list, message: str, tmp_path: Path) -> None:
    done = run(CHAR_LM, *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
