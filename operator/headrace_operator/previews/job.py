"""The Job of a preview: one pod, no second try, and an end in any case."""

from headrace import names
from headrace.lifecycle.actions import CreateJob
from headrace.manifests import Manifest
from headrace.runspec import RunSpec
from headrace_operator import manifests
from headrace_operator.previews.plan import EPOCH, WORK_SECONDS
from headrace_operator.settings import Settings

GRACE_SECONDS = 5
"""It writes nothing that would have to be ended well."""
_TTL_SECONDS = 300
"""Should nobody remove it."""


def job(run: str, spec: RunSpec, settings: Settings) -> Manifest:
    """The Job of the EtlRun of that name."""
    step = CreateJob(
        run=run,
        run_uid=spec.run_id,
        job=names.job_name(spec.run_id, 1),
        attempt=1,
        epoch=EPOCH,
        source=spec.source,
        # Without a target the Job gets nothing to reach one by.
        target_kind=spec.target_kind if spec.target_table else "",
    )
    body = manifests.job(step, pipeline_name="", pipeline_uid=spec.run_id, settings=settings)
    template = body["spec"]["template"]
    for metadata in (body["metadata"], template["metadata"]):
        metadata["annotations"] = _of_no_pipeline(metadata["annotations"])
        metadata["labels"] = {k: v for k, v in metadata["labels"].items() if k != names.PIPELINE_LABEL}
    template["spec"]["terminationGracePeriodSeconds"] = GRACE_SECONDS
    body["spec"] |= {
        "backoffLimit": 0,
        "activeDeadlineSeconds": WORK_SECONDS,
        "ttlSecondsAfterFinished": _TTL_SECONDS,
    }
    return body


def _of_no_pipeline(annotations: Manifest) -> Manifest:
    return {name: value for name, value in annotations.items() if name != manifests.PIPELINE_NAME_ANNOTATION}
