"""How many rows a run moved is told, also when the store was away at its end."""

from headrace.lifecycle.observed import PodSeen


def test_the_pods_last_word_counts_when_the_store_was_away(world):
    uid = world.running()
    world.store_away()
    world.change_job(uid, complete=True, finished=True, active=0)
    last_word = PodSeen(exists=True, exit_code=0, outcome="DONE", rows_read=4000, rows_written=300, batches=4)
    world.pods[world.job_of(uid).name] = last_word
    world.reconcile()
    world.store_back()
    world.reconcile()
    progress = world.runs[uid].status.progress
    assert (world.phase(uid), progress.rows_read, progress.rows_written, progress.batches) == ("SUCCESS", 4000, 300, 4)
    last = world.pipeline.status.last_run
    assert (last.rows_read, last.rows_written) == (4000, 300)


def test_the_stores_word_stays_when_the_pod_says_less(world):
    uid = world.running()
    world.change_job(uid, failed="PodFailurePolicy", finished=True, active=0)
    world.pods[world.job_of(uid).name] = PodSeen(exists=True, exit_code=64, message="no such table")
    world.reconcile()
    status = world.runs[uid].status
    assert (status.phase, status.progress.rows_read, status.error_message) == ("FAILED", 1000, "no such table")


def test_a_run_that_never_began_has_no_progress(world):
    uid = world.ask(cancel=True)
    world.reconcile()
    assert (world.phase(uid), world.runs[uid].status.progress) == ("CANCELLED", None)
