"""The program in other hands: C++, CMake, the Arduino IDE's folder; and samples or runs that it must refuse."""

import shutil
import subprocess

import numpy as np
import pytest

import snnconv
from snnconv.export.c.compiling import FLAGS
from snnconv.neurons import IF

from ..helpers.integer_networks import Line, random_line

CALLER = """
#include <cstdio>
#include "network.h"
static snn_network net;
static snn_input input[SNN_N_INPUT];
int main() {
  int done = 0;
  if (snn_run(&net, input, SNN_N_INPUT - 1, 1) != -1 || snn_run(&net, input, SNN_N_INPUT, 0) != -1) return 1;
  if (snn_run(&net, input, SNN_N_INPUT, SNN_MAX_STEPS + 1) != -1) return 2;
  if (snn_run(&net, input, SNN_N_INPUT, 3) < 0 || net.snn_steps != 3) return 3;
  snn_reset(&net);
  snn_present(&net, input);
  while (snn_step(&net) == 0) done++;
  std::printf("%d %d", done, (int)net.snn_steps);
  return done != SNN_MAX_STEPS;
}
"""

ONE = """
#include <stdio.h>
#include "network.h"
static snn_network net;
static snn_input input[SNN_N_INPUT];
int main(void) {
  printf("%d", (int)snn_run(&net, input, SNN_N_INPUT, 5));
  return 0;
}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("c") / "net"
    snnconv.export.export(random_line(0), path, "c", n_steps=12, longest=40)
    return path


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("numbers", ["int", "double"])
@pytest.mark.parametrize("bias", [-2.0, 2.0])
def test_the_class_of_one_output_is_whether_it_is_above_0(bias, numbers, tmp_path):
    line = Line((3,)).dense("d", np.eye(3)).neurons("n", IF(), np.zeros(3)).dense("out", np.zeros((3, 1)), [bias])
    options = {"numbers": "double"} if numbers == "double" else {}
    snnconv.export.export(line.graph(), tmp_path / "net", "c", n_steps=5, **options)
    (tmp_path / "main.c").write_text(ONE, "utf-8")
    sources = [tmp_path / "net" / "network.c", tmp_path / "main.c"]
    run("gcc", *FLAGS, "-I", tmp_path / "net", *sources, "-o", tmp_path / "main")
    assert run(tmp_path / "main") == str(int(bias > 0))


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++")
def test_cpp_calls_it_and_is_refused_what_was_not_proven(folder, tmp_path):
    (tmp_path / "main.cpp").write_text(CALLER, "utf-8")
    run("gcc", "-c", *FLAGS, folder / "network.c", "-o", tmp_path / "network.o")
    run("g++", "-Wall", "-Wextra", "-I", folder, tmp_path / "main.cpp", tmp_path / "network.o", "-o", tmp_path / "main")
    assert run(tmp_path / "main") == "40 40"  # --longest, the steps for which sums are proven to fit


def test_a_folder_may_be_named_by_a_string(folder):
    assert all(check.passed for check in snnconv.export.verify_folder(str(folder)))


def test_the_folder_is_a_library_of_the_arduino_ide(folder):
    (library,) = (folder / "arduino").iterdir()
    found = {path.relative_to(library).as_posix() for path in library.rglob("*") if path.is_file()}
    sources = {"src/network.c", "src/network.h", "src/params.h"}
    assert found == {"library.properties", "examples/classify/classify.ino"} | sources
    for name in sources:
        assert (library / name).read_bytes() == (folder / name.removeprefix("src/")).read_bytes()
    properties = dict(line.split("=", 1) for line in (library / "library.properties").read_text().splitlines())
    assert {"name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url"} <= set(properties)
    assert properties["name"] == library.name


def test_the_readme_explains_every_member_and_number(folder):
    readme, header = ((folder / name).read_text("utf-8") for name in ("README.md", "network.h"))
    struct = header.split("typedef struct {")[1].split("} snn_network;")[0]
    members = [line.split(";")[0].split()[-1].split("[")[0] for line in struct.splitlines() if ";" in line]
    assert len(members) > 5
    assert all(f"| {member} | " in readme for member in members)
    macros = {
        line.split()[1] for line in (folder / "params.h").read_text().splitlines() if line.startswith("#define SNN_")
    }
    told = readme.split("## The numbers in params.h")[1]
    ends = [name.strip() for row in told.splitlines() if row.startswith("| ") for name in row.split("|")[1].split(",")]
    unexplained = [each for each in macros if not each.endswith((*ends, "_WIDTH", "PARAMS_H"))]
    assert unexplained == []


@pytest.mark.full
@pytest.mark.skipif(shutil.which("cmake") is None, reason="there is no cmake")
def test_cmake_builds_and_tests_it(folder, tmp_path):
    run("cmake", "-S", folder, "-B", tmp_path)
    run("cmake", "--build", tmp_path)
    assert "100% tests passed" in run("ctest", "--test-dir", tmp_path)
