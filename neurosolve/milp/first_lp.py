"""The moment at which the root's relaxation is solved and no cut has been added: where a search is looked at first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyscipopt import Eventhdlr
from pyscipopt.scip import PY_SCIP_EVENTTYPE as SCIP_EVENTTYPE


class FirstLP(Eventhdlr):  # type: ignore[misc, no-any-unimported, unused-ignore]
    """Calls `look` once, at the first LP of the search; it must not raise.  A restart does not call it again."""

    def __init__(self, look: Callable[[], None]) -> None:
        self.look: Callable[[], None] | None = look

    def eventinit(self) -> None:
        if self.look is not None:
            self.model.catchEvent(SCIP_EVENTTYPE.FIRSTLPSOLVED, self)

    def eventexec(self, event: Any) -> None:
        look, self.look = self.look, None
        if look is not None:
            self.model.dropEvent(SCIP_EVENTTYPE.FIRSTLPSOLVED, self)
            look()
