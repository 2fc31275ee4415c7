"""What the driver makes of a bridge's letters: losses are retried, strangers left out, and the end of a cluster is said."""

from __future__ import annotations

from multiprocessing import Pipe
from multiprocessing.connection import Connection
from types import SimpleNamespace

import pytest

from archsearch.cell import library
from archsearch.errors import ClusterLost, InputError, WorkerError
from archsearch.protocol.records import Outcome, Trial
from archsearch.workers import messages
from archsearch.workers.cluster import pool as cluster_pools
from archsearch.workers.cluster.letters import (
    Bulletin,
    Dismiss,
    Errand,
    FromBridge,
    Gone,
    Lost,
    Note,
    Placed,
    ToBridge,
    Word,
    decode_for_bridge,
    encode,
)
from archsearch.workers.cluster.pool import ClusterPool
from archsearch.workers.cluster.request import ClusterRequest
from archsearch.workers.dispatch import Dispatcher
from archsearch.workers.messages import Alive, Hello, Result, ToDriver
from archsearch.workers.trial_log import MemoryTrialLog
from tests.helpers.plans import World, run_plan

LSTM = library.load("lstm")
PLAN = run_plan()
TRIAL: Trial = PLAN.trial(LSTM.id, "xml", PLAN.settings["xml"][0])
HELLO = Hello("this cpu", "native 1")


class Cluster:
    """A pool whose bridge is the test.

    Attributes:
        said: What people were told.
    """

    def __init__(self) -> None:
        self.said: list[str] = []
        self.pool = ClusterPool(ClusterRequest("10.0.0.7:6379"), None, said=self.said.append)
        self.pool.pipe, self.end = Pipe()
        self.pool.bridge = SimpleNamespace(pid=1)
        self.dispatcher = Dispatcher(MemoryTrialLog(), self.pool, lambda identity: LSTM)

    def says(self, *letters: FromBridge) -> None:
        """Let the driver read letters of the bridge, and do what there is to do."""
        for letter in letters:
            self.end.send_bytes(encode(letter))
        self.dispatcher.poll(0.1)
        self.dispatcher.poll(0.0)

    @property
    def heard(self) -> list[ToBridge]:
        """What the driver has written to the bridge."""
        return list(_letters(self.end))


def _letters(end: Connection) -> list[ToBridge]:
    found = []
    while end.poll():
        found.append(decode_for_bridge(end.recv_bytes()))
    return found


def word(number: int, *said: ToDriver, ended: bool = True, **of: str) -> Word:
    return Word(number, Bulletin([messages.encode(each) for each in said], ended, **of))


def ready(number: int, hello: Hello = HELLO) -> list[FromBridge]:
    return [Placed(number, f"10.0.0.{number}", "cpu"), word(number, hello)]


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def test_a_job_goes_out_as_an_errand_and_its_result_is_filed(cluster: Cluster) -> None:
    cluster.dispatcher.queue([TRIAL], 0)
    cluster.says(*ready(1))
    (errand,) = cluster.heard
    assert isinstance(errand, Errand) and errand.number == 1
    job = messages.decode_for_worker(errand.request)
    assert isinstance(job, messages.Job) and job.trials == (TRIAL,)
    cluster.says(word(1, Alive(job.number, 0), Result(job.number, 0, World()(TRIAL))))
    assert cluster.dispatcher.outcome(TRIAL) == World()(TRIAL)


@pytest.mark.parametrize("lost", [Gone(1, "its node is lost"), word(1, ended=False, death="SIGSEGV")])
def test_what_is_lost_with_a_node_or_a_process_is_trained_once_more_and_no_third_time(
    cluster: Cluster, lost: FromBridge
) -> None:
    cluster.dispatcher.queue([TRIAL], 0)
    for number in (1, 2):
        cluster.says(*ready(number))
        (*_, errand) = cluster.heard
        assert isinstance(errand, Errand) and errand.number == number
        job = messages.decode_for_worker(errand.request)
        assert isinstance(job, messages.Job)
        cause = lost.cause if isinstance(lost, Gone) else lost.bulletin.death  # type: ignore[union-attr]
        gone = Gone(number, cause) if isinstance(lost, Gone) else word(number, ended=False, death=cause)
        cluster.says(word(number, Alive(job.number, 0), ended=False), gone)
    assert cluster.dispatcher.outcome(TRIAL) == Outcome("crashed", reason=cause)


def test_a_job_that_was_not_begun_is_not_to_blame_for_the_loss_of_its_node(cluster: Cluster) -> None:
    cluster.dispatcher.queue([TRIAL], 0)
    for number in range(1, 5):
        cluster.says(*ready(number), Gone(number, "its node is lost"))
    assert cluster.dispatcher.outcome(TRIAL) is None and cluster.dispatcher.log.deaths == {}  # type: ignore[attr-defined]


def test_a_worker_of_another_kind_than_the_first_is_left_out_for_good(cluster: Cluster) -> None:
    cluster.says(*ready(1), *ready(2, Hello("another cpu", "native 1")), *ready(3))
    assert [worker.place for worker in cluster.pool.workers] == [1, 3]
    assert cluster.heard == [Dismiss(2, replaced=False)]
    assert "a worker on 10.0.0.2 is left out: another cpu, native 1" in cluster.said[0]


def test_a_node_that_cannot_train_is_left_out_where_others_can(cluster: Cluster) -> None:
    cluster.says(
        *ready(1), Placed(2, "10.0.0.2", "cpu"), word(2, refusal="archsearch 0.0.9 is there", exit_code=2)
    )
    assert [worker.place for worker in cluster.pool.workers] == [1]
    assert cluster.said == ["a worker on 10.0.0.2 is left out: archsearch 0.0.9 is there"]


def test_where_no_node_can_train_its_reason_is_the_error(cluster: Cluster) -> None:
    with pytest.raises(InputError, match="archsearch 0.0.9 is there"):
        cluster.says(Placed(1, "10.0.0.1", "cpu"), word(1, refusal="archsearch 0.0.9 is there", exit_code=2))


def test_workers_that_never_start_end_the_search(cluster: Cluster) -> None:
    letters = [
        letter for number in range(5) for letter in (Placed(number, "here", "cpu"), Gone(number, "no torch"))
    ]
    with pytest.raises(WorkerError, match="5 workers in a row failed to start"):
        cluster.says(*letters)


def test_a_cluster_whose_workers_are_never_ready_ends_the_search(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_pools, "START_PATIENCE", -1)
    with pytest.raises(WorkerError, match="'ray status' says what the cluster has left"):
        cluster.says(Placed(1, "10.0.0.1", "cpu"))


def test_a_worker_that_is_dismissed_is_heard_no_more(cluster: Cluster) -> None:
    cluster.says(*ready(1))
    cluster.pool.kill(cluster.pool.workers[0], "old")
    assert cluster.heard == [Dismiss(1)]
    cluster.says(word(1, HELLO), Gone(1, "late"))
    assert cluster.pool.workers == []


def test_notes_are_for_people(cluster: Cluster) -> None:
    cluster.says(Note("a node joined"))
    assert cluster.said == ["a node joined"]


def test_a_head_that_is_lost_has_an_exit_code_of_its_own_and_one_that_never_was_that_of_bad_input(
    cluster: Cluster,
) -> None:
    with pytest.raises(ClusterLost, match="the Ray cluster at 10.0.0.7:6379: its head is gone") as lost:
        cluster.says(Lost("its head is gone"))
    assert lost.value.exit_code == 6
    with pytest.raises(InputError, match="nobody answers there"):
        cluster.says(Lost("nobody answers there", refused=True))


def test_a_bridge_that_ends_is_a_cluster_that_is_lost(cluster: Cluster) -> None:
    cluster.end.close()
    with pytest.raises(ClusterLost, match="what speaks Ray has ended"):
        cluster.says()
