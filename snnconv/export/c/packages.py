"""Build files around network.c: CMake, with Zephyr's own form, and a library folder for the Arduino IDE."""

from __future__ import annotations

from collections.abc import Mapping

from .program import DOUBLE, Program

CMAKE = """\
# A static library `snn` of network.c; in a project of Zephyr, a library of the application.
#   add_subdirectory(<this folder>)  target_link_libraries(app PRIVATE snn)      CMake, CMSIS-Toolbox
#   add_subdirectory(<this folder>)                                              Zephyr
# On its own it also builds the self-test: cmake -B build && cmake --build build && ctest --test-dir build
if(COMMAND zephyr_library)
  zephyr_library_named(snn)
  zephyr_library_sources(network.c)
  zephyr_library_compile_options(-ffp-contract=off)
  zephyr_include_directories(.)
  return()
endif()

cmake_minimum_required(VERSION 3.13)
project(snn C)
add_library(snn STATIC network.c)
target_include_directories(snn PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
set_target_properties(snn PROPERTIES C_STANDARD 99)
if(CMAKE_C_COMPILER_ID MATCHES "GNU|Clang")
  target_compile_options(snn PRIVATE -ffp-contract=off)
endif()
if(CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR)
  enable_testing()
  add_executable(self_test self_test.c)
  target_link_libraries(self_test PRIVATE snn)
  add_test(NAME self_test COMMAND self_test)
endif()
"""

PROPERTIES = """\
name=snn_{name}
version=1.0.0
author=snnconv
maintainer=snnconv
sentence=The spiking network {title}.
paragraph=No heap and no other library; its state is one struct.
category=Data Processing
url=
architectures=*
includes=network.h
"""

SKETCH = """\
// Classifies an input again and again and prints the class; -1 would mean a wrong length or too many steps.
#include <network.h>

static snn_network net;
static snn_input input[SNN_N_INPUT];  // fill it: see the top of network.h on how numbers become inputs

void setup() {{
  Serial.begin(115200);
}}

void loop() {{
  const unsigned long start = micros();
  const int32_t found = snn_run(&net, input, SNN_N_INPUT, {n_steps});
  const unsigned long spent = micros() - start;

  Serial.print("class ");
  Serial.print((long)found);
  Serial.print(" in us: ");
  Serial.println(spent);
  delay(1000);
}}
"""


def packages(program: Program, sources: Mapping[str, str], name: str, n_steps: int) -> dict[str, str]:
    """Files for other build systems, by their paths.

    Parameters
    ----------
    sources : mapping of file name to text
        network.c, network.h and params.h, which the Arduino library has in a folder of its own, as its IDE wants them.
    name : str
        An identifier for the library.
    n_steps : int
        Steps of a run in the example.
    """
    library = f"arduino/snn_{name}"
    copied = {f"{library}/src/{file}": sources[file] for file in ("network.c", "network.h", "params.h")}
    found = {
        "CMakeLists.txt": CMAKE,
        f"{library}/library.properties": PROPERTIES.format(name=name, title=program.title),
        f"{library}/examples/classify/classify.ino": SKETCH.format(n_steps=n_steps),
    }
    return found | copied if program.numbers is not DOUBLE else {"CMakeLists.txt": CMAKE}
