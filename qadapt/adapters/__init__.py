"""Adapters: quantum circuits as layers of a torch model.

``inject`` puts an adapter into any ``nn.Module`` and hands back an ``Adapter``; ``load`` does the same from a saved
folder::

    from qadapt.adapters.cayley.config import CayleyConfig
    from qadapt.adapters.inject import inject

    adapter = inject(model, CayleyConfig(targets=("q_proj", "v_proj"), dim=4))
    ...  # train; only the adapter's parameters require gradients
    with adapter.on("local:statevector", shots=8192, seed=7) as run:
        logits = model(tokens)
    adapter.save("adapter")

Needs the extra ``torch``; importing this package does not load it.
"""

from importlib.util import find_spec

from qadapt.errors import MissingExtraError

_MISSING = [name for name in ("torch", "safetensors") if find_spec(name) is None]
if _MISSING:
    raise MissingExtraError(f"adapters need {' and '.join(_MISSING)}", hint="pip install 'qadapt[torch]'")
