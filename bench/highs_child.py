"""One MPS or LP file solved by HiGHS, which reads it by itself: a JSON line as the command line's, exit 0.

    python bench/highs_child.py FILE --time S

Both gaps are 0: HiGHS's own 1e-4 would call an objective optimal that another solver's contradicts at 1e-6.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

_STARTED = time.perf_counter()
_STATUSES = {
    "kOptimal": "optimal", "kModelEmpty": "optimal", "kInfeasible": "infeasible", "kUnbounded": "unbounded",
    "kUnboundedOrInfeasible": "infeasible-or-unbounded", "kTimeLimit": "limit", "kIterationLimit": "limit",
    "kSolutionLimit": "limit", "kMemoryLimit": "limit", "kInterrupt": "limit",
}  # fmt: skip
_FEASIBLE = 2  # of primal_solution_status


def solve(path: Path, time_s: float) -> dict[str, Any]:
    """The answer in the command line's words.  objective and dual_bound: in the file's own sense, None where there is
    none.  time_s: wall seconds since this process began.  Raises ValueError where HiGHS cannot read the file or fails.
    """
    import highspy

    from bench.suites import decompress

    highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    options = {"output_flag": False, "threads": 1, "mip_rel_gap": 0.0, "mip_abs_gap": 0.0}
    for name, value in options.items():
        _settled(highspy, highs.setOptionValue(name, value), name)
    with tempfile.TemporaryDirectory(prefix="highs-") as folder:
        plain = Path(folder, _plain_name(path))
        plain.write_bytes(decompress(path.read_bytes()))
        if highs.readModel(str(plain)) == highspy.HighsStatus.kError:
            raise ValueError(f"HiGHS cannot read {path.name}")
    left_s = max(0.0, time_s - (time.perf_counter() - _STARTED))
    _settled(highspy, highs.setOptionValue("time_limit", left_s), "time_limit")
    highs.run()
    status = _STATUSES.get(highs.getModelStatus().name)
    if status is None:
        raise ValueError(f"HiGHS ended with {highs.getModelStatus().name}")
    info, is_mip = highs.getInfo(), any(int(kind) for kind in highs.getLp().integrality_)
    objective = info.objective_function_value if info.primal_solution_status == _FEASIBLE else None
    bound = info.mip_dual_bound if is_mip else objective if status == "optimal" else None
    return {
        "schema": 1, "status": status, "engine": "highs", "guidance": "none",
        "reason": "time limit" if status == "limit" else None,
        "objective": _finite(objective), "dual_bound": _finite(bound),
        "stats": {"num_nodes": max(0, info.mip_node_count), "num_lp_iterations": max(0, info.simplex_iteration_count)},
        "wall_time_s": round(time.perf_counter() - _STARTED, 3), "versions": {"highs": highs.version()},
    }  # fmt: skip


def _settled(highspy: Any, status: Any, option: str) -> None:
    if status != highspy.HighsStatus.kOk:
        raise ValueError(f"HiGHS does not take {option}")


def _plain_name(path: Path) -> str:
    """HiGHS tells the format by the suffix."""
    from bench.kinds import COMPRESSED

    return path.stem if path.suffix in COMPRESSED else path.name


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--time", type=float, required=True)
    given = parser.parse_args()
    try:
        print(json.dumps(solve(given.file, given.time)))
    except (ValueError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # as `-m` has it, but from any folder
    main()
