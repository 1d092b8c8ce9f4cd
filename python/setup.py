"""Builds the wheel: the package, the shared library in it, a platform tag.

The library is reached through ctypes, so the wheel fits every Python 3 of its
platform: py3-none-<platform>.
"""

import os
import re
import shutil
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:
    from wheel.bdist_wheel import bdist_wheel

HERE = Path(__file__).resolve().parent
NAME = "libflashmhf.so"


def version():
    """The project's version, which CMakeLists.txt states."""
    text = (HERE.parent / "CMakeLists.txt").read_text()
    return re.search(r"project\(flashmhf VERSION ([\d.]+)", text).group(1)


class BuildWithLibrary(build_py):
    def run(self):
        super().run()
        source = Path(os.environ.get("FLASHMHF_LIBRARY", HERE / "flashmhf" / NAME))
        if not source.is_file():
            raise SystemExit(f"no {source}: set FLASHMHF_LIBRARY to a {NAME}")
        target = Path(self.build_lib) / "flashmhf" / NAME
        shutil.copyfile(source, target)
        target.chmod(0o755)


class BinaryDistribution(Distribution):
    def has_ext_modules(self):
        return True


class PlatformWheel(bdist_wheel):
    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


setup(
    version=version(),
    distclass=BinaryDistribution,
    cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": PlatformWheel},
)
