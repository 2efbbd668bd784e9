# SPDX-License-Identifier: GPL-2.0-only
"""Reading objdump's text, and following its jumps."""

from __future__ import annotations

import pytest
from flow import Graph
from objdump import Function, parse

HEAD = """
x.o:     file format elf64-littleaarch64


Disassembly of section .text:

"""

COLD = HEAD + """\
0000000000000000 <f>:
   0:\tldrb\tw1, [x0, #80]
   4:\tcbz\tw1, 14 <f+0x14>
   8:\tdsb\tst
   c:\tret
  10:\tnop
  14:\tb\t0 <f>
\t\t\t14: R_AARCH64_JUMP26\t.text.unlikely
  18:\tmov\tw0, #0x2                   \t// #2
  1c:\tret

Disassembly of section .text.unlikely:

0000000000000000 <f.cold>:
   0:\tbl\t0 <f.cold>
\t\t\t0: R_AARCH64_CALL26\twarn
   4:\tb\t0 <f.cold>
\t\t\t4: R_AARCH64_JUMP26\t.text+0x18
"""

LOOP = HEAD + """\
0000000000000000 <swap>:
   0:\tldxr\tx3, [x0]
   4:\tcmp\tx3, x1
   8:\tb.ne\t14 <swap+0x14>  // b.any
   c:\tstxr\tw4, x2, [x0]
  10:\tcbnz\tw4, 0 <swap>
  14:\tmov\tx0, x3
  18:\tret

0000000000000020 <tail>:
  20:\tldp\tx29, x30, [sp], #32
  24:\tb\t0 <swap>
"""

INVERTED = HEAD + """\
0000000000000000 <g>:
   0:\tldrb\tw1, [x0, #80]
   4:\teor\tw2, w1, #0x1
   8:\ttst\tw2, #0xff
   c:\tb.ne\t18 <g+0x18>  // b.any
  10:\tstr\tx3, [x0]
  14:\tret
  18:\tbl\t0 <g>
\t\t\t18: R_AARCH64_CALL26\tclean
  1c:\tb\t10 <g+0x10>
"""


def only(text: str) -> Function:
    """The one function of a text."""
    functions = parse(text)
    assert len(functions) == 1
    return functions[0]


def test_cold_part_belongs_to_its_function() -> None:
    graph = Graph(only(COLD))
    assert [ins.text for ins in graph.exits()] == ["ret", "ret"]
    calls = [ins for ins in graph.code.values() if ins.is_call]
    assert [ins.symbol for ins in calls] == ["warn"]
    assert {ins.text for ins in graph.after(calls[0])} == \
        {"b 0 <f.cold>", "mov w0, #0x2", "ret"}


def test_flag_decides_a_jump() -> None:
    for text, clean in ((COLD, "warn"), (INVERTED, "clean")):
        graph = Graph(only(text))
        for value in (0, 1):
            edges = graph.edges_when(lambda i: i.mnemonic == "ldrb", value)
            reached = graph.reach([graph.entry], edges=edges)
            called = {graph.code[place].symbol for place in reached}
            assert (clean in called) == (value == 0), (text, value)


def test_exclusive_loop_counts_once() -> None:
    swap, tail = parse(LOOP)
    graph = Graph(swap)
    load = graph.code[graph.entry]
    assert load not in graph.after(load)
    assert list(graph.exclusive.values()) == [load]
    assert [ins.operands[0] for ins in Graph(tail).exits()] == ["0 <swap>"]


@pytest.mark.parametrize("text,why", [
    (HEAD.replace("aarch64", "x86-64"), "not arm64"),
    (HEAD + "0000000000000000 <f>:\n   0:\tret\n   4:\tmov\tx0, x1\n",
     "nothing leads to"),
    (HEAD + "0000000000000000 <f>:\n   0:\tcbz\tx0, 40 <g>\n   4:\tret\n",
     "leaves the function"),
])
def test_not_understood(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        for function in parse(text):
            Graph(function)
