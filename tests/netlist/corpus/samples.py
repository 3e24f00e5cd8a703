"""Small good files that use as much of their format as fits."""

from __future__ import annotations

BLIF = rb"""# comment
.model top
.inputs a b \
 c
.outputs y q
.clock clk
.names a b c y
1-0 1
01- 1
.names k
1
.latch y q re clk 0
.subckt sub p[0]=a p[1]=b o=n
.cname u
.param X 0101
.gate inv A=n Y=m
.end
.model sub
.inputs p[0] p[1]
.outputs o
.names p[0] p[1] o
11 0
.end
"""
BENCH = b"""# comment
INPUT(a)
INPUT(b)
OUTPUT(y)
y = NAND(a, n)
n = LUT 0x6 (a, b)
q = DFF(y)
k = vdd
"""
AAG = b"""aag 7 2 1 2 2 1 0 1 1
2
4
6 8 1
6
7
3
1
8
2
8 4 10
10 13 2
12 2 6
i0 enable
l0 Q
o0 Q
b0 bad
c
a comment
"""
AAG = AAG.replace(b"aag 7 2 1 2 2", b"aag 7 2 1 2 3")
EDIF = b"""(edif t (edifVersion 2 0 0) (edifLevel 0) (keywordMap (keywordLevel 0))
(external L (edifLevel 0) (technology (numberDefinition))
 (cell AND2 (cellType GENERIC) (view v (viewType NETLIST)
  (interface (port A (direction INPUT)) (port (array (rename B "B[1:0]") 2)) (port Y (direction OUTPUT))))))
(library W (edifLevel 0) (cell (rename t "the top") (cellType GENERIC) (view v (viewType NETLIST)
 (interface (port a (direction INPUT)) (port y (direction OUTPUT)))
 (contents (instance (rename u "u%34%") (viewRef v (cellRef AND2 (libraryRef L))) (property P (string "x")))
  (net a (joined (portRef a) (portRef (member B 1) (instanceRef u))))
  (net (rename n "n[2]") (joined (portRef Y (instanceRef u)) (portRef y)))))))
(design t (cellRef t (libraryRef W))))
"""
