"""The story of a search on a cluster: whatever of it is lost, the search finds what it finds on one machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install archsearch[cluster]")

from archsearch.errors import INTERRUPTED, ClusterLost
from tests.helpers import searches
from tests.helpers.clusters import Cluster, cluster
from tests.helpers.searches import World, finish, rows, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CANDIDATES = ("--max-candidates", 24)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray starts a dozen processes, which a machine with other work takes its time for."""
    monkeypatch.setattr(searches, "PATIENCE", 200.0)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("cluster"), faked=True, environment={"SLOW": "0.2"})


@pytest.fixture(scope="module")
def unbroken(world: World) -> str:
    """The leaderboard of a search on this machine that nothing disturbed."""
    return finish(world, "unbroken", 4, *CANDIDATES)


@pytest.fixture(scope="module")
def nodes(world: World) -> Iterator[Cluster]:
    """Three nodes; the search has the same environment."""
    with cluster(world.env, 3) as made:
        world.environment |= made.variables
        yield made


def test_a_search_on_three_nodes_that_loses_its_actors_and_a_node_and_gets_another_finds_the_same(
    world: World, unbroken: str, nodes: Cluster
) -> None:
    command = world.evolve("--run", "broken", "--cluster", nodes.address, "--workers", 3, *CANDIDATES)
    folder = world.folder / "runs" / "broken"
    search = world.start(command, "broken")
    until(lambda: len(nodes.actors) == 3, "three actors with their workers")
    search.moved(2, folder)
    for actor in nodes.actors:
        actor.kill()
    search.moved(5, folder)
    nodes.kill(2)
    nodes.start()
    assert search.process.wait(timeout=searches.PATIENCE) == 0, search.log.read_text()
    assert "3 workers on the Ray cluster at 127.0.0.1" in search.log.read_text()
    world.sound("broken")
    assert world.board("broken") == unbroken
    assert rows(folder, "SELECT count(*) FROM trials WHERE attempt > 1")[0][0] > 0, (
        "what was lost was tried again"
    )


def test_nobody_gets_in_without_the_token_and_there_is_no_dashboard(world: World, nodes: Cluster) -> None:
    stranger = World(world.folder, faked=True, environment={"RAY_AUTH_TOKEN": "0" * 64})
    script = f"import ray; ray.init(address={nodes.address!r})"
    env = {**os.environ, "RAY_AUTH_MODE": "disabled", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
    client = subprocess.Popen(
        [sys.executable, "-c", script],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    refused = stranger.run(stranger.evolve("--run", "stranger", "--cluster", nodes.address))
    assert refused.returncode == 2, refused.stderr
    assert "does not let this process in" in refused.stderr and "Traceback" not in refused.stderr
    _, said = client.communicate(timeout=searches.PATIENCE)
    assert client.returncode != 0 and "ConnectionError" in said
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", 8265), 1)


def test_a_search_that_is_terminated_or_whose_head_is_killed_ends_with_its_state_saved_and_goes_on_here(
    world: World, unbroken: str, nodes: Cluster
) -> None:
    command = world.evolve("--run", "headless", "--cluster", nodes.address, "--workers", 3, *CANDIDATES)
    folder = world.folder / "runs" / "headless"
    code, _ = world.start(command, "headless").moved(2, folder).stop(signal.SIGTERM)
    assert code == INTERRUPTED, "Ray's own handler of the signal is not the driver's"
    search = world.start(command, "headless").moved(4, folder)
    nodes.kill(0)
    assert search.process.wait(timeout=searches.PATIENCE) == ClusterLost.exit_code
    said = search.log.read_text()
    assert (
        "all that ended is stored" in said
        and "evolve --run runs/headless" in said
        and "Traceback" not in said
    )
    world.sound("headless")
    assert finish(world, "headless", 2, *CANDIDATES) == unbroken
