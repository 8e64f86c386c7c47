"""MPS files: write_mps."""

from neurosolve.milp.mps_writer import write_mps

__all__ = ["write_mps"]
