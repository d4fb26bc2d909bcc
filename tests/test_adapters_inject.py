"""Injection: which layers are taken, what is frozen, and what comes back from disk."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from qadapt.adapters.adapter import Adapter
from qadapt.adapters.cayley.config import CayleyConfig
from qadapt.adapters.cayley.layer import CayleyLinear
from qadapt.adapters.config import AdapterConfig
from qadapt.adapters.inject import inject, load
from qadapt.adapters.match import layer_number, matches, select
from qadapt.errors import AdapterError, NotSupportedError


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q_proj = nn.Linear(8, 8)
        self.k_proj = nn.Linear(8, 4, bias=False)
        self.norm = nn.LayerNorm(8)

    def forward(self, values: Tensor) -> Tensor:
        out: Tensor = self.norm(values + self.q_proj(values) + self.k_proj(values).repeat_interleave(2, -1))
        return out


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList(Block() for _ in range(3))
        self.head = nn.Linear(8, 3)

    def forward(self, values: Tensor) -> Tensor:
        for block in self.layers:
            values = block(values)
        out: Tensor = self.head(values)
        return out


NAMES = [f"layers.{number}.{name}" for number in range(3) for name in ("q_proj", "k_proj")] + ["head"]
VALUES = torch.randn(5, 8, generator=torch.Generator().manual_seed(1))


def adapted(seed: int = 2, **fields: Any) -> tuple[Net, Adapter]:
    """A net with a random adapter on its query projections."""
    net = Net()
    adapter = inject(net, CayleyConfig(**({"targets": ("q_proj",)} | fields)))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in adapter.parameters.values():
            value.copy_(torch.randn(value.shape, generator=generator))
    return net, adapter


# Names


@pytest.mark.parametrize(
    ("name", "number"),
    [("model.layers.3.mlp.experts.0.w", 3), ("0", 0), ("head", None), ("layer12.w", None), ("h.10", 10), ("h.²", None)],
)
def test_the_layer_number_is_the_first_whole_number(name: str, number: int | None) -> None:
    assert layer_number(name) == number


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("q_proj", NAMES[:6:2]),
        ("layers.1.q_proj", ["layers.1.q_proj"]),
        ("1.q_proj", ["layers.1.q_proj"]),
        ("*_proj", NAMES[:6]),
        ("layers.[02].*", NAMES[:2] + NAMES[4:6]),
        ("head", ["head"]),
        ("*", NAMES),
        ("proj", []),
        ("Q_PROJ", []),
    ],
)
def test_patterns(pattern: str, names: list[str]) -> None:
    assert [name for name in NAMES if matches(name, pattern)] == names


@given(st.sets(st.sampled_from([0, 1, 2]), min_size=1), st.sets(st.sampled_from(["q_proj", "k_proj"]), min_size=1))
def test_layers_and_targets_select_together(layers: set[int], targets: set[str]) -> None:
    chosen = select(NAMES, tuple(targets), tuple(layers))
    assert list(chosen) == [
        n for n in NAMES if n != "head" and int(n.split(".")[1]) in layers and n.split(".")[2] in targets
    ]


@pytest.mark.parametrize(
    ("targets", "layers", "said"),
    [
        (("v_proj",), None, r"'v_proj' matches no linear layer \(linear layers are layers.0.q_proj, .*head\)"),
        (("q_proj", "v_proj"), None, "v_proj"),
        (("norm",), None, "norm"),
        (("q_proj",), (1, 7), r"no target in layers \[7\]"),
        (("head",), (1,), r"'head' matches no linear layer in layers \[1\]"),
    ],
)
def test_a_target_or_layer_that_selects_nothing_is_refused(
    targets: tuple[str, ...], layers: tuple[int, ...] | None, said: str
) -> None:
    net = Net()
    with pytest.raises(AdapterError, match=said):
        inject(net, CayleyConfig(targets=targets, layers=layers))
    assert not any(isinstance(module, CayleyLinear) for module in net.modules())
    assert all(value.requires_grad for value in net.parameters())


def test_long_listings_are_cut() -> None:
    with pytest.raises(AdapterError, match="and 88 more"):
        select([f"layers.{number}.w" for number in range(100)], ("v",), None)
    with pytest.raises(AdapterError, match="no linear layers"):
        inject(nn.Sequential(nn.Tanh()), CayleyConfig(targets=("*",)))


# The model


def test_it_replaces_what_matches_and_freezes_the_rest() -> None:
    net = Net()
    base = net(VALUES)
    adapter = inject(net, CayleyConfig(targets=("q_proj", "head"), dim=2, layers=None))
    assert list(adapter.layers) == ["layers.0.q_proj", "layers.1.q_proj", "layers.2.q_proj", "head"]
    assert [name for name, value in net.named_parameters() if value.requires_grad] == list(adapter.parameters)
    assert adapter.num_parameters == sum(v.numel() for v in net.parameters() if v.requires_grad) == 4 * 4
    assert torch.equal(net(VALUES), base)
    assert type(net.layers[0].k_proj) is nn.Linear
    assert repr(adapter) == "Adapter('cayley', 4 layers, 16 parameters)"


def test_a_width_that_blocks_do_not_fill_changes_nothing() -> None:
    net = Net()
    with pytest.raises(AdapterError, match=r"head: blocks of 2 do not fill the output width 3"):
        inject(net, CayleyConfig(targets=("q_proj", "head"), dim=2, side="output"))
    assert not any(isinstance(module, CayleyLinear) for module in net.modules())


def test_a_second_adapter_is_refused_until_the_first_is_removed() -> None:
    net, adapter = adapted()
    with pytest.raises(AdapterError, match=r"already.*remove"):
        inject(net, CayleyConfig(targets=("k_proj",)))
    adapter.remove()
    inject(net, CayleyConfig(targets=("k_proj",)))


def test_disabling_restores_the_base_model() -> None:
    base = Net()(VALUES)
    net, adapter = adapted()
    on = net(VALUES)
    assert not torch.allclose(on, base)
    with adapter.disabled():
        assert not adapter.enabled
        assert torch.equal(net(VALUES), base)
    assert torch.equal(net(VALUES), on)
    adapter.enabled = False
    with adapter.disabled():
        pass
    assert not adapter.enabled
    assert torch.equal(net(VALUES), base)


def test_merging_is_undone_exactly() -> None:
    base = Net()(VALUES)
    net, adapter = adapted()
    on = net(VALUES)
    adapter.merge()
    assert adapter.merged
    torch.testing.assert_close(net(VALUES), on)
    with adapter.disabled():
        assert torch.equal(net(VALUES), base)
    adapter.unmerge()
    assert torch.equal(net(VALUES), on)


def test_all_layers_are_merged_or_none() -> None:
    _, adapter = adapted()
    last = adapter.layers["layers.2.q_proj"]
    assert isinstance(last, CayleyLinear)
    last.sign_constrained = True
    with pytest.raises(NotSupportedError):
        adapter.merge()
    assert not adapter.merged


@pytest.mark.parametrize("merged", [False, True])
def test_removing_leaves_plain_linear_layers(merged: bool) -> None:
    net, adapter = adapted()
    wanted = net(VALUES) if merged else Net()(VALUES)
    if merged:
        adapter.merge()
    assert adapter.remove() is net
    assert {type(module) for module in net.modules()} == {Net, Block, nn.ModuleList, nn.Linear, nn.LayerNorm}
    assert list(net.state_dict()) == list(Net().state_dict())
    torch.testing.assert_close(net(VALUES), wanted)


def test_a_layer_with_two_names_is_adapted_once() -> None:
    net = nn.ModuleDict({"a": nn.ModuleDict({"w": nn.Linear(4, 4)}), "b": nn.ModuleDict(), "c": nn.ModuleDict()})
    net["b"]["w"], net["c"]["v"] = net["a"]["w"], net["a"]["w"]  # type: ignore[index]
    adapter = inject(net, CayleyConfig(targets=("w",)))
    assert list(adapter.layers) == ["a.w"]
    assert net.get_submodule("b.w") is adapter.layers["a.w"]
    assert isinstance(net.get_submodule("c.v"), nn.Linear)
    adapter.remove()
    assert net.get_submodule("a.w") is net.get_submodule("b.w") is net.get_submodule("c.v")


def test_attention_that_bypasses_its_output_projection_is_left_alone() -> None:
    net = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    with pytest.raises(AdapterError, match="linear layers are linear1, linear2"):
        inject(net, CayleyConfig(targets=("out_proj",)))


def test_it_keeps_the_training_mode() -> None:
    net = Net().eval()
    inject(net, CayleyConfig(targets=("head",)))
    assert not any(module.training for module in net.modules())


def test_only_known_methods_are_injected() -> None:
    class Other(AdapterConfig):
        kind: str = "other"
        readout: str = "input-sign"

    with pytest.raises(AdapterError, match="Other"):
        inject(Net(), Other(targets=("head",)))


# Disk


@pytest.mark.parametrize(
    "fields", [{}, {"dim": 8, "side": "output", "layers": (1,)}, {"sign_constrained": True}], ids=str
)
def test_what_is_saved_is_loaded(tmp_path: Path, fields: dict[str, Any]) -> None:
    net, adapter = adapted(**fields)
    adapter.save(tmp_path / "made")
    again = Net()
    loaded = load(again, tmp_path / "made")
    assert loaded.config == adapter.config
    assert torch.equal(again(VALUES), net(VALUES))
    assert loaded.parameters.keys() == adapter.parameters.keys()
    assert [name for name, value in again.named_parameters() if value.requires_grad] == list(loaded.parameters)
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]


def test_a_merged_adapter_is_saved_as_itself(tmp_path: Path) -> None:
    _, adapter = adapted()
    adapter.save(tmp_path / "plain")
    adapter.merge()
    adapter.save(tmp_path / "merged")
    plain, merged = (load_file(tmp_path / name / "adapter_model.safetensors") for name in ("plain", "merged"))
    assert plain.keys() == merged.keys()
    assert all(torch.equal(plain[name], merged[name]) for name in plain)


def _config(folder: Path, **fields: Any) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def _weights(folder: Path, change: Any) -> None:
    path = folder / "adapter_model.safetensors"
    weights = load_file(path)
    change(weights)
    save_file(weights, path)


FIRST = "layers.0.q_proj.skew"
DAMAGE: dict[str, tuple[Any, str]] = {
    "no config": (lambda p: (p / "adapter_config.json").unlink(), "cannot read"),
    "no weights": (lambda p: (p / "adapter_model.safetensors").unlink(), "cannot read"),
    "not json": (lambda p: (p / "adapter_config.json").write_text("{"), "cannot read"),
    "not an object": (lambda p: (p / "adapter_config.json").write_text("[]"), "list"),
    "future schema": (lambda p: _config(p, schema_version=2), "schema_version 2"),
    "unknown kind": (lambda p: _config(p, kind="magic"), "magic"),
    "bad field": (lambda p: _config(p, dim=5), "dim"),
    "other model": (lambda p: _config(p, targets=["v_proj"]), "v_proj"),
    "other shape": (lambda p: _config(p, dim=8), r"skew is \[2, 6\], expected \[1, 28\]"),
    "other layers": (lambda p: _config(p, layers=[0]), "extra layers.1.q_proj.skew"),
    "missing": (lambda p: _weights(p, lambda w: w.pop(FIRST)), f"missing {FIRST}"),
    "nan": (lambda p: _weights(p, lambda w: w[FIRST].fill_(float("nan"))), f"{FIRST} holds"),
    "integers": (lambda p: _weights(p, lambda w: w.update({FIRST: torch.ones(2, 6, dtype=torch.int32)})), "int32"),
    "not safetensors": (lambda p: (p / "adapter_model.safetensors").write_bytes(b"x" * 40), "cannot read"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_files_are_refused_and_change_nothing(tmp_path: Path, damage: str) -> None:
    _, adapter = adapted()
    adapter.save(tmp_path)
    change, said = DAMAGE[damage]
    change(tmp_path)
    net = Net()
    with pytest.raises(AdapterError, match=said):
        load(net, tmp_path)
    assert torch.equal(net(VALUES), Net()(VALUES))
    assert all(value.requires_grad for value in net.parameters())


# Import


def _python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_without_torch_the_error_says_what_to_install() -> None:
    said = _python(
        "import sys; sys.modules['torch'] = None\n"
        "from qadapt.errors import MissingExtraError\n"
        "try: import qadapt.adapters.inject\n"
        "except MissingExtraError as error: print(error)"
    )
    assert "torch" in said
    assert "pip install 'qadapt[torch]'" in said


def test_configurations_do_not_load_torch() -> None:
    said = _python("import sys, qadapt.adapters.cayley.config; print('torch' in sys.modules)")
    assert said.strip() == "False"
