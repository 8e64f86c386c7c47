"""Mixed-integer linear programs: reading, checking, SCIP and what guides its branching."""
