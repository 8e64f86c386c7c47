"""The moment at which the root's relaxation is solved and no cut has been added: where a search is looked at first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyscipopt import Eventhdlr
from pyscipopt.scip import PY_SCIP_EVENTTYPE as SCIP_EVENTTYPE


class FirstLP(Eventhdlr):  # type: ignore[misc, no-any-unimported, unused-ignore]
    """Calls `look` once a search, at its first LP; it must not raise.  A restart does not call it again."""

    def __init__(self, look: Callable[[], None]) -> None:
        self.look, self.is_over = look, False

    def eventinit(self) -> None:
        self.is_over = False
        self.model.catchEvent(SCIP_EVENTTYPE.FIRSTLPSOLVED, self)

    def eventexec(self, event: Any) -> None:
        if not self.is_over:
            self.is_over = True
            self.model.dropEvent(SCIP_EVENTTYPE.FIRSTLPSOLVED, self)
            self.look()
