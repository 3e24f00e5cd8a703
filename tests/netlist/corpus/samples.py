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
LIBERTY = b"""/* a comment */ library (l) { delay_model : table_lookup; define (x, cell, string); \\
 lu_table_template (t) { index_1 ("1, 2"); }
 type (bus2) { base_type : array; bit_width : 2; bit_from : 1; bit_to : 0; downto : true; }
 cell (ff) { area : 1.5; ff (IQ, IQN) { clocked_on : "CK & !E"; next_state : "(D*SE')+(SI SE)"; clear : "R'";
   preset : "S"; clear_preset_var1 : L; }
   pin (CK) { direction : input; clock : true; } pin (D, SE, SI, E, R, S) { direction : input; }
   pin (Q) { direction : output; function : "IQ";
   timing () { related_pin : "CK"; cell_rise (t) { values ("1, 2"); } } } }
 cell (la) { latch (IQ, IQN) { enable : "G"; data_in : "D ^ 1"; } pin (G) { direction : input; }
   pin (D) { direction : input; }
   pin (Q) { direction : output; function : "IQ | 0"; three_state : "!G"; } }
 cell (st) { statetable ("D G", "q") { table : "H/L R : - : H/L, - ~R : - : N"; } pin (D) { direction : input; }
   pin (G) { direction : input; } pin (Q) { direction : output; internal_node : "q"; } }
 cell (icg) { clock_gating_integrated_cell : "latch_posedge";
   pin (C) { direction : input; clock_gate_clock_pin : true; }
   pin (E) { direction : input; clock_gate_enable_pin : true; }
   pin (O) { direction : output; clock_gate_out_pin : true; } }
 cell (b) { bus (A) { bus_type : bus2; direction : input; } pin (Y) { direction : output; function : "A[0] & A[1]"; } }
}
"""
UDP = b"""primitive p (q, d, c, r); output q; reg q; input d, c, r; initial q = 1'b0;
 table // d c r : q : q+
 * b 0 : ? : - ; ? (?0) 0 : ? : - ; ? ? 1 : ? : 0 ; ? b (?0) : ? : - ;
 0 r ? : ? : 0 ; 1 (01) 0 : ? : 1 ; 0 (x1) ? : 0 : 0 ; ? n 0 : ? : - ; ? ? * : 0 : 0 ;
 endtable endprimitive
"""
UDP_LATCH = (
    b"primitive l (q, d, g); output reg q; input d, g; table 1 1:?:1; 0 1:?:0; ? 0:?:-; 1 x:1:1; endtable endprimitive"
)
