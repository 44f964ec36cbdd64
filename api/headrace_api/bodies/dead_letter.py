"""Dead letters as callers see them."""

from pydantic import BaseModel, ConfigDict, Field

from headrace_api.bodies.examples import DEAD_LETTER
from headrace_api.bodies.time import Time


class DeadLetter(BaseModel):
    """A row that the target refused, and that was put aside."""

    model_config = ConfigDict(json_schema_extra={"examples": [DEAD_LETTER]})

    id: str
    pipeline_id: str
    run_id: str = Field(description="The run whose refusal was the latest.")
    key: list[str] = Field(description="Its key columns as text, in order.")
    document_id: str = Field(description="The `_id` of its document.")
    document: str | None = Field(description="The document as it was sent, as text.")
    is_cut: bool = Field(description="Whether the document is longer than the 64 KB that are kept of it.")
    error_type: str = Field(description="The target's word for what is wrong.")
    reason: str = Field(description="What is wrong, in the target's own words.")
    created_at: Time = Field(description="When it was last refused.")
