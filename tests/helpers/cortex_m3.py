"""The C program on a Cortex-M3 of QEMU, with the instructions of a step counted by its system timer.

Without a library: a start-up, a linker script and a program that runs the golden inputs. With ``-icount shift=0`` an
instruction takes a nanosecond of the machine's time, and the timer counts at 25 MHz: a tick is 40 instructions.
"""

import shutil
import subprocess

NEEDED = ("arm-none-eabi-gcc", "qemu-system-arm")
MISSING = [name for name in NEEDED if shutil.which(name) is None]
LINKER = """\
MEMORY { FLASH (rx): ORIGIN = 0, LENGTH = 4M  RAM (rwx): ORIGIN = 0x20000000, LENGTH = 4M }
ENTRY(reset)
SECTIONS {
  .text : { KEEP(*(.vectors)) *(.text*) *(.rodata*) } > FLASH
  .bss : { *(.data*) *(.bss*) *(COMMON) } > RAM
  stack_top = ORIGIN(RAM) + LENGTH(RAM);
}
"""
MAIN = """\
#include "network.h"
#include "golden.h"
#define TIMER ((volatile uint32_t *)0xE000E010)
extern uint32_t stack_top;
static snn_network net;

static void host(int operation, const void *argument)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

static void print(uint32_t number)
{
    char text[12] = {0};
    int i = 10;
    do {
        text[--i] = '0' + number % 10;
        number /= 10;
    } while (number);
    text[10] = ' ';
    host(4, text + i);
}

void *memset(void *to, int value, unsigned n)
{
    unsigned char *place = to;
    while (n--)
        *place++ = (unsigned char)value;
    return to;
}

void reset(void)
{
    uint32_t spent = 0, before;
    int32_t sample, step, j, wrong = 0;

    TIMER[1] = 0xFFFFFF;
    TIMER[2] = 0;
    TIMER[0] = 5;
    for (sample = 0; sample < GOLDEN_SAMPLES; sample++) {
        snn_reset(&net);
        snn_present(&net, golden_inputs + sample * SNN_N_INPUT);
        for (step = 0; step < GOLDEN_STEPS; step++) {
            before = TIMER[2];
            snn_step(&net);
            spent += (before - TIMER[2]) & 0xFFFFFF;
            for (j = 0; j < OUTPUTS; j++)
                wrong += net.FOUND[j] != GOLDEN[(sample * GOLDEN_STEPS + step) * OUTPUTS + j];
        }
    }
    print(spent * 40 / (GOLDEN_SAMPLES * GOLDEN_STEPS));
    print((uint32_t)wrong);
    host(0x18, (void *)0x20026);
    for (;;) {
    }
}

__attribute__((section(".vectors"), used)) void *const vectors[2] = {&stack_top, reset};
"""


def measure(folder, work, output, n_outputs, optimisation="-O2"):
    """Instructions of a step, and how many sums of `output` differ from the golden ones."""
    (work / "link.ld").write_text(LINKER, "utf-8")
    (work / "main.c").write_text(MAIN, "utf-8")
    names = [f"-DOUTPUTS={n_outputs}", f"-DFOUND={output}_total", f"-DGOLDEN=golden_{output}_readouts"]
    machine = ["-mcpu=cortex-m3", "-mthumb", "-ffreestanding", "-nostdlib", "-fno-tree-loop-distribute-patterns"]
    sources = [str(work / "main.c"), str(folder / "network.c"), "-lgcc"]
    command = ["arm-none-eabi-gcc", optimisation, *machine, *names, "-T", str(work / "link.ld"), "-I", str(folder)]
    subprocess.run([*command, "-o", str(work / "a.elf"), *sources], check=True)
    board = ["-M", "mps2-an385", "-nographic", "-semihosting", "-icount", "shift=0"]
    command = ["qemu-system-arm", *board, "-kernel", str(work / "a.elf")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    instructions, wrong = map(int, done.stderr.split())  # where QEMU prints what the machine says
    return instructions, wrong
