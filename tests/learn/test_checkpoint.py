from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from neurosolve.errors import ModelError  # noqa: E402
from neurosolve.learn import checkpoint  # noqa: E402


def stepped() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    network = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(network.parameters(), 0.1)
    network(torch.ones(4, 3)).sum().backward()
    optimizer.step()
    return network, optimizer


def test_training_goes_on_from_a_checkpoint_exactly(tmp_path: Path) -> None:
    network, optimizer = stepped()
    checkpoint.save_training(network, optimizer, {"step": 1, "note": "x"}, tmp_path / "last.safetensors")
    other = torch.nn.Linear(3, 2)
    other_optimizer = torch.optim.AdamW(other.parameters(), 0.1)
    state = checkpoint.load_training(other, other_optimizer, tmp_path / "last.safetensors")
    assert (state["step"], state["note"]) == (1, "x")
    for net, opt in ((network, optimizer), (other, other_optimizer)):
        opt.zero_grad()
        net(torch.ones(1, 3)).square().sum().backward()
        opt.step()
    assert torch.equal(network.weight, other.weight)
    assert [p.name for p in tmp_path.iterdir()] == ["last.safetensors"]


def test_weights_load_from_either_file(tmp_path: Path) -> None:
    network, optimizer = stepped()
    checkpoint.save_weights(network, {}, tmp_path / "best.safetensors")
    checkpoint.save_training(network, optimizer, {}, tmp_path / "last.safetensors")
    for name in ("best", "last"):
        other = torch.nn.Linear(3, 2)
        checkpoint.load_weights(other, tmp_path / f"{name}.safetensors")
        assert torch.equal(other.weight, network.weight)


def test_damaged_missing_and_foreign_files_are_model_errors(tmp_path: Path) -> None:
    network, _ = stepped()
    path = tmp_path / "a.safetensors"
    with pytest.raises(ModelError, match="cannot read"):
        checkpoint.load(path)
    checkpoint.save_weights(network, {}, path)
    with pytest.raises(ModelError, match="does not fit"):
        checkpoint.load_weights(torch.nn.Linear(4, 2), path)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ModelError, match="cannot read"):
        checkpoint.load(path)
    from safetensors.torch import save_file

    save_file({"weight": torch.ones(1)}, path)
    with pytest.raises(ModelError, match="schema None"):
        checkpoint.load(path)
