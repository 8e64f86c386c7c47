"""The network that remembers its path: NumPy says what torch says, on trees that it grew itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

from neurosolve.learn.export_milp import export  # noqa: E402
from neurosolve.learn.networks.dueling import FilmQNet  # noqa: E402
from neurosolve.learn.networks.film import FilmNet  # noqa: E402
from neurosolve.learn.networks.revival import RevivalNet, sinusoid  # noqa: E402
from neurosolve.learn.path_batches import path_batch  # noqa: E402
from neurosolve.learn.trajectories import Trajectory, node_batch  # noqa: E402
from neurosolve.milp.features import NODE_FEATURES, ROOT_COLUMN_FEATURES, ROOT_ROW_FEATURES  # noqa: E402
from neurosolve.milp.network import load_policy  # noqa: E402
from tests.learn.recorded_trees import auctions, grow  # noqa: E402

SHAPE = {"num_features": len(NODE_FEATURES), "num_column_features": len(ROOT_COLUMN_FEATURES),
         "num_row_features": len(ROOT_ROW_FEATURES)}  # fmt: skip


def random_network(kind: Any = RevivalNet, seed: int = 0, std: float = 0.2, **options: Any) -> Any:
    torch.manual_seed(seed)
    network = kind(**SHAPE, hidden=16, width=8, **options)
    for name, value in network.state_dict().items():
        if not name.endswith(("mean", "deviation", "temperature", "centres")):
            torch.nn.init.normal_(value, std=std)
    return network


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Trajectory, list[Any]]:
    """A network, the tree that its exported twin grew, and the twin's scores."""
    place = tmp_path_factory.mktemp("revival")
    network = random_network()
    export(network, {"network": "revival"}, "", place / "model")
    trajectory, scores, _ = grow(load_policy(place / "model"), auctions(place, 40, 1))
    assert len(trajectory) > 30 and trajectory.depth.max() >= 6
    # the trajectory's features are exact here, so that a disagreement can only be the network's
    return network, trajectory, scores


def everything(trajectory: Trajectory) -> Any:
    return path_batch([(trajectory, np.arange(len(trajectory)))])


def test_numpy_scores_as_torch_does_on_a_whole_tree(tree: Any) -> None:
    network, trajectory, scores = tree
    with torch.no_grad():
        decoded = network.decode(everything(trajectory))
    found = np.concatenate(scores)
    np.testing.assert_allclose(found, decoded.scores[:, 0].numpy(), atol=1e-4, rtol=1e-4)
    assert found.std() > 1e-2


def test_the_path_matters(tree: Any) -> None:
    network, trajectory, _ = tree
    batch = everything(trajectory)
    with torch.no_grad():
        whole = network.decode(batch).scores
        batch.paths = batch.paths[:, :0]
        alone = network.decode(batch).scores
    differ = (whole - alone).abs()
    at_root = batch.state[batch.node] == 0
    assert differ[at_root].max() == 0 and differ[~at_root].max() > 1e-2


def test_attention_is_a_distribution_over_null_and_path(tree: Any) -> None:
    network, trajectory, _ = tree
    batch = everything(trajectory)
    with torch.no_grad():
        attention = network.decode(batch).attention
    assert attention.shape == (len(trajectory), 4, 1 + int(trajectory.depth.max()))
    assert torch.allclose(attention.sum(dim=-1), torch.ones(len(trajectory), 4), atol=1e-5)
    padded = (batch.paths < 0)[:, None].expand(-1, 4, -1)
    assert (attention[:, :, 1:][padded] == 0).all() and (attention[:, :, 1:][~padded] > 0).all()
    assert (attention[0, :, 0] == 1).all()


def test_a_film_is_the_start(tree: Any) -> None:
    _, trajectory, _ = tree
    film = random_network(FilmNet, seed=3)
    torch.manual_seed(0)
    network = RevivalNet(**SHAPE, hidden=16, width=8)
    network.begin_from(film.state_dict(), scale=0.5)
    batch = everything(trajectory)
    with torch.no_grad():
        decoded, q = network.decode(batch), network(batch)
        expected = film(node_batch([(trajectory, np.arange(len(trajectory)))]))
    torch.testing.assert_close(2 * decoded.scores[:, 0], expected, atol=1e-5, rtol=1e-5)
    assert (decoded.value == 0).all()
    for t in range(batch.num_nodes):  # dueling: the Qs of a node average to its value, the best score has the least Q
        own = batch.node == t
        assert q[own].mean().abs() < 1e-4
        assert q[own].argmin() == expected[own].argmax()


def test_an_agent_without_memory_is_a_start_too(tree: Any) -> None:
    """film-q's value has another shape and stays behind, its advantages are taken as they are."""
    torch.manual_seed(0)
    agent, network = FilmQNet(**SHAPE, hidden=16, width=8), RevivalNet(**SHAPE, hidden=16, width=8)
    network.begin_from(agent.state_dict(), scale=0.5)
    trajectory = tree[1]
    with torch.no_grad():
        found = network(everything(trajectory))
        expected = -agent.score(agent.hidden(node_batch([(trajectory, np.arange(len(trajectory)))])))[:, 0]
    differences = np.diff(found.numpy()) - np.diff(expected.numpy())
    inside = np.diff(np.repeat(np.arange(len(trajectory)), np.diff(trajectory.offsets))) == 0
    assert np.abs(differences[inside]).max() < 1e-4


def test_with_bins_numpy_says_what_torch_says(tmp_path: Path) -> None:
    network = random_network(seed=2, bins=8)
    export(network, {"network": "revival"}, "", tmp_path / "model")
    trajectory, scores, _ = grow(load_policy(tmp_path / "model"), auctions(tmp_path, 30, 0))
    with torch.no_grad():
        q = network(everything(trajectory)).numpy()
    np.testing.assert_allclose(np.concatenate(scores), -q, atol=1e-4)
    assert q.std() > 1e-3 and trajectory.depth.max() > 2


def test_without_path_a_decision_is_as_a_root(tree: Any) -> None:
    network = RevivalNet(**SHAPE, hidden=16, width=8, with_path=False)
    trajectory = tree[1]
    batch = network.collate([(trajectory, np.arange(len(trajectory)))])
    assert batch.paths.shape == (len(trajectory), 0) and len(batch.step_state) == 0
    assert torch.isfinite(network(batch)).all()


def test_new_parts_learn_from_a_films_start(tree: Any) -> None:
    """No parameter is stuck at zero gradient for ever: after one step all of them have one."""
    _, trajectory, _ = tree
    torch.manual_seed(0)
    network = RevivalNet(**SHAPE, hidden=16, width=8)
    batch, optimizer = everything(trajectory), torch.optim.SGD(network.parameters(), 1e-2)
    target = torch.from_numpy(np.log2(trajectory.subtree_costs)).float()
    for _ in range(3):
        optimizer.zero_grad()
        loss = ((network(batch)[_chosen(trajectory)] - target) ** 2).mean()
        loss.backward()
        optimizer.step()
    silent = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not silent or set(silent) <= {"score.bias", "key.bias"}  # neither changes Q: mean and softmax take them out


def _chosen(trajectory: Trajectory) -> Any:
    return torch.from_numpy(trajectory.offsets[:-1] + trajectory.chosen)


def test_sinusoids_tell_depths_apart() -> None:
    table = sinusoid(torch.arange(200), 32)
    assert torch.cdist(table, table).add(10 * torch.eye(200)).min() > 0.1
