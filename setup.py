"""Builds the compiled half: each ``_ext/NAME.pyx`` becomes the module ``tiny_pytorch._ext.NAME``.

All that is not about compiling stands in ``pyproject.toml``. Two environment variables choose the build:

``TINY_PYTORCH_DEBUG=1``
    Cython's bounds, wraparound and initialisation checks on, ``-O1 -g``, symbols kept.
``TINY_PYTORCH_NATIVE=1``
    Code for this machine's processor only (``-march=native``). Not for wheels that travel.
"""

import os
import re
import sys
import tempfile
from pathlib import Path

import Cython
import numpy
from Cython.Build import cythonize
from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CCompilerError, CompileError, ExecError, PlatformError

DEBUG = os.environ.get("TINY_PYTORCH_DEBUG", "0") not in ("", "0")
NATIVE = os.environ.get("TINY_PYTORCH_NATIVE", "0") not in ("", "0")
FLAVOUR = "debug" if DEBUG else "native" if NATIVE else "release"

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": DEBUG,
    "initializedcheck": DEBUG,
    "cdivision": True,
    "embedsignature": True,
}
MACROS = [
    ("NPY_NO_DEPRECATED_API", "NPY_1_22_API_VERSION"),
    ("NPY_TARGET_VERSION", "NPY_2_0_API_VERSION"),
    *([("TP_NATIVE", "1")] if NATIVE else []),
]
NO_COMPILER = """
tiny_pytorch is compiled when it is installed, and {what}.

    Debian, Ubuntu   apt-get install gcc libc6-dev python3-dev
    Fedora, RHEL     dnf install gcc python3-devel
    Alpine           apk add gcc musl-dev python3-dev
    macOS            xcode-select --install
    Windows          "Desktop development with C++" of the Visual Studio Build Tools
    conda            conda install c-compiler

Then install again. Another compiler is named by the environment variable CC{cc}.
"""


def compiler_flags(compiler_type):
    """The flags (for compiling, for linking) that a kind of compiler takes."""
    if compiler_type == "msvc":
        return (["/Od", "/Zi"], ["/DEBUG"]) if DEBUG else (["/O2"], [])
    compile_flags = ["-O1", "-g"] if DEBUG else ["-O3", "-g0"]
    # Square roots vectorise only without errno and traps. NaN and infinity stay: no -ffast-math.
    compile_flags += ["-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden", "-pthread"]
    compile_flags += ["-march=native"] if NATIVE else []
    strip = ["-Wl,-s"] if sys.platform == "linux" and not DEBUG else []
    return compile_flags, ["-pthread", *strip]


class BuildExt(build_ext):
    """Translates, checks for a working compiler, compiles in parallel, rebuilds when the flavour changes."""

    def finalize_options(self):
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count() or 1

    def run(self):
        # Generated C is kept apart by flavour and by Cython's version, so that no build picks up another's.
        made = cythonize(
            self.extensions,
            build_dir=f"build/cython-{Cython.__version__}-{FLAVOUR}",
            compiler_directives=DIRECTIVES,
            force=self.force,
        )
        flavour = self.record_flavour()
        for extension, translated in zip(self.extensions, made, strict=True):
            extension.sources = translated.sources
            extension.depends = [*extension.depends, flavour]
        super().run()

    def record_flavour(self):
        """A file that is newer than any module built with other switches or against another NumPy."""
        path = Path("build/flavour.txt")
        text = f"{FLAVOUR} numpy-{numpy.__version__} cc-{os.environ.get('CC', '')}\n"
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return str(path)

    def build_extensions(self):
        self.check_compiler()
        compile_flags, link_flags = compiler_flags(self.compiler.compiler_type)
        for extension in self.extensions:
            extension.extra_compile_args += compile_flags
            extension.extra_link_args += link_flags
        super().build_extensions()

    def check_compiler(self):
        """Stop with advice, rather than a stack trace, where no C extension can be compiled."""
        cc = f" (now {os.environ['CC']!r})" if "CC" in os.environ else ""
        trials = [
            ("int main(void) { return 0; }\n", "no working C compiler was found"),
            ("#include <Python.h>\n", "the header files of Python (Python.h) were not found"),
        ]
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "trial.c")
            for code, what in trials:
                source.write_text(code)
                try:
                    self.compiler.compile([str(source)], output_dir=folder)
                except (CCompilerError, CompileError, ExecError, PlatformError) as error:
                    raise SystemExit(f"{error}\n{NO_COMPILER.format(what=what, cc=cc)}") from None


def headers_of(path):
    """The headers and parts in ``_ext`` that a source includes, directly or not: when they change, it is compiled."""
    found, waiting = set(), [path]
    while waiting:
        for name in re.findall(r'(?:extern from|include) "([^"]+)"', waiting.pop().read_text()):
            if (header := path.parent / name).exists() and header not in found:
                found.add(header)
                waiting.append(header)
    return sorted(map(str, found))


setup(
    packages=[
        "tiny_pytorch",
        "tiny_pytorch._ext",
        *(f"tiny_pytorch.{name}" for name in find_packages("tiny_pytorch")),
    ],
    package_dir={"tiny_pytorch._ext": "_ext"},
    ext_modules=[
        Extension(
            f"tiny_pytorch._ext.{path.stem}",
            sources=[str(path)],
            include_dirs=["_ext", numpy.get_include()],
            define_macros=MACROS,
            libraries=["m"] if os.name == "posix" else [],
            depends=headers_of(path),
        )
        for path in sorted(Path("_ext").glob("*.pyx"))
    ],
    cmdclass={"build_ext": BuildExt},
)
