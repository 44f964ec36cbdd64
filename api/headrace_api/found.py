"""A pipeline with what belongs to it, as it was read."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

from headrace.cluster import Manifest
from headrace.lifecycle.state import Phase
from headrace.lifecycle.views import phase_of
from headrace_api.translate.pipelines import References, show_pipeline


@dataclass(frozen=True, slots=True)
class Found:
    """A pipeline and the runs that are its own."""

    pipeline: Manifest
    runs: list[Manifest]
    references: Callable[[Manifest], References] = lambda _: References()
    """What a pipeline names, by its id."""

    @property
    def id(self) -> str:
        """The pipeline's id."""
        return str(self.pipeline["metadata"]["uid"])

    @property
    def phase(self) -> Phase:
        """The pipeline's state."""
        return phase_of(self.pipeline, self.runs)

    def shown(self) -> dict[str, Any]:
        """The pipeline as callers see it."""
        return show_pipeline(self.pipeline, self.runs, self.references(self.pipeline))

    def with_pipeline(self, pipeline: Manifest) -> Self:
        """The same after a write to the pipeline."""
        return replace(self, pipeline=pipeline)

    def with_run(self, run: Manifest) -> Self:
        """The same after a write to a run."""
        uid = run["metadata"]["uid"]
        return replace(self, runs=[*(r for r in self.runs if r["metadata"]["uid"] != uid), run])
