"""How good a live run can be on this machine: its load, the steps of quality, and what a step would lose."""
