"""What an installation says of itself, and the variables and calls that change it. Each in a process of its own
where the process would keep it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import tiny_pytorch as tp

pytestmark = pytest.mark.numpy_only


def python(code: str, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TINY_PYTORCH_")}
    return subprocess.run(
        [sys.executable, *options, "-c", code], env=clean | variables, capture_output=True, text=True, timeout=60
    )


def printed(code: str, *options: str, **variables: str) -> str:
    done = python(code, *options, **variables)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_show_config(capsys: pytest.CaptureFixture[str]) -> None:
    tp.show_config()
    shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.replace("compiled kernels", "kernels")
                 .replace("instruction set", "instructions").splitlines())  # fmt: skip
    assert shown["tiny_pytorch"] == tp.__version__
    assert shown["backend"] == "numpy"
    assert {"python", "numpy", "device", "BLAS", "threads"} <= shown.keys()
    for kernel in ("adam", "linear", "softmax", "cross_entropy"):
        assert kernel in shown["kernels"]
    assert shown["instructions"]
    assert shown["threads"].startswith(str(tp.get_num_threads()))


def test_config_names_the_backend_in_use() -> None:
    assert tp.config()["backend"] == "numpy"
    if "array_api_strict" in tp.backend.available():
        with tp.backend.use("array_api_strict"):
            assert tp.config()["backend"] == "array_api_strict"
            tp.show_config()


def test_import_is_silent() -> None:
    code = (
        "import tiny_pytorch as tp\n"
        "tp.nn, tp.optim, tp.data, tp.autograd, tp.array_api, tp.testing, tp.utils, tp.cuda, tp.save\n"
        "import tiny_pytorch.data.datasets, tiny_pytorch.nn.functional"
    )
    done = python(code, "-W", "error", "-X", "dev")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_public_face_has_no_private_names_and_every_name_works() -> None:
    code = (
        "import tiny_pytorch as tp\n"
        "for name in dir(tp): getattr(tp, name)\n"
        "try: tp.no_such_name\n"
        "except AttributeError as error: print(error)"
    )
    assert "no_such_name" in printed(code)


# --- the backend ---------------------------------------------------------------------------------------


def test_the_default_backend() -> None:
    assert printed("import tiny_pytorch as tp; print(tp.backend.current().name)") == "numpy"


def test_a_chosen_backend() -> None:
    pytest.importorskip("array_api_strict")
    code = "import tiny_pytorch as tp; print(tp.config()['backend'], tp.ones(2).sum().item())"
    assert printed(code, TINY_PYTORCH_BACKEND="array_api_strict") == "array_api_strict 2.0"


def test_an_unknown_backend() -> None:
    done = python("import tiny_pytorch", TINY_PYTORCH_BACKEND="no_such")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "unknown backend 'no_such' (TINY_PYTORCH_BACKEND)" in last
    for name in tp.backend.CHOICES:
        assert name in last
    with pytest.raises(ValueError, match="unknown backend"), tp.backend.use("no_such"):
        pass
    assert tp.backend.current().name == "numpy"


def test_a_backend_that_is_not_installed() -> None:
    code = "import sys; sys.modules['array_api_strict'] = None; import tiny_pytorch"
    done = python(code, TINY_PYTORCH_BACKEND="array_api_strict")
    assert "pip install array-api-strict" in done.stderr
    assert "TINY_PYTORCH_BACKEND: numpy," in done.stderr  # the choices


def test_use_ends_with_an_error() -> None:
    if "array_api_strict" not in tp.backend.available():
        pytest.skip("only one backend is installed")
    with pytest.raises(KeyError), tp.backend.use("array_api_strict"):
        raise KeyError
    assert tp.backend.current().name == "numpy"
    assert tp.ones(2).array.__class__.__module__ == "numpy"


# --- threads -------------------------------------------------------------------------------------------


def test_the_number_of_threads_from_the_environment() -> None:
    code = "import tiny_pytorch as tp; print(tp.get_num_threads())"
    assert printed(code, TINY_PYTORCH_NUM_THREADS="1") == "1"
    assert printed(code, TINY_PYTORCH_NUM_THREADS="3") == "3"
    assert 1 <= int(printed(code)) <= (os.cpu_count() or 1)


@pytest.mark.parametrize("wrong, error", [(0, ValueError), (-1, ValueError), (1000, ValueError), (1.5, TypeError)])
def test_a_number_of_threads_that_is_none(wrong: object, error: type) -> None:
    before = tp.get_num_threads()
    with pytest.raises(error):
        tp.set_num_threads(wrong)
    assert tp.get_num_threads() == before


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    before = tp.get_num_threads()
    x = tp.randn(300_000)
    results = []
    try:
        for n in (1, 2):
            tp.set_num_threads(n)
            assert tp.get_num_threads() == n
            results.append((x.exp() * 2).tolist())
    finally:
        tp.set_num_threads(before)
    assert results[0] == results[1]
