"""The reasoning form: an and-inverter network with latches, its simulation and its encoding for SAT solvers."""
