"""The libraries' side of nir_peers.py, run in the interpreter that has them: it runs our files, and writes its own.

python nir_peers_side.py versions | run LIBRARY FILE DATA | fixtures FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

STEPS = 60


def job_versions() -> str:
    from importlib.metadata import version

    return ", ".join(f"{p} {version(p)}" for p in ("nir", "nirtorch", "norse", "snntorch", "spikingjelly", "torch"))


def job_run(reader: str, file: str, data: str) -> str:
    import nir
    import torch

    held = np.load(data)
    x, dt = torch.tensor(held["x"]), float(held["dt"])
    with torch.no_grad():
        y = {"norse": run_norse, "snntorch": run_snntorch, "spikingjelly": run_spikingjelly, "nirtorch": run_nirtorch}[
            reader
        ](nir.read(file), x, dt)
    np.savez(data, x=held["x"], dt=dt, y=y.numpy())
    return "ok"


def stepped(net: Any, x: Any) -> Any:
    import torch

    state, out = None, []
    for t in range(len(x)):
        y, state = net(x[t : t + 1], state)
        out.append(y[0])
    return torch.stack(out)


def run_norse(graph: Any, x: Any, dt: float) -> Any:
    from norse.torch.utils.import_nir import from_nir

    return stepped(from_nir(graph, dt=dt, ignore_warnings=True), x)


def run_snntorch(graph: Any, x: Any, dt: float) -> Any:
    import contextlib
    import io

    from snntorch.import_nir import import_from_nir

    if abs(dt - 1e-4) > 1e-9:
        raise ValueError("its dt is 1e-4")
    with contextlib.redirect_stdout(io.StringIO()):
        net = import_from_nir(graph)
    out, state = [], None
    import torch

    for t in range(len(x)):
        y, state = net(x[t : t + 1], state)
        out.append((y[0] if isinstance(y, tuple) else y)[0])
    return torch.stack(out)


def run_spikingjelly(graph: Any, x: Any, dt: float) -> Any:
    from spikingjelly.activation_based.nir_exchange import import_from_nir

    return stepped(import_from_nir(graph, dt=dt), x)


def run_nirtorch(graph: Any, x: Any, dt: float) -> Any:
    """nirtorch's executor with the equations of NIR as modules."""
    import nir
    import nirtorch
    import torch

    class Unit(torch.nn.Module):
        def __init__(self, node: Any):
            super().__init__()
            self.kind = type(node).__name__
            self.p = {k: torch.tensor(v) for k, v in vars(node).items() if isinstance(v, np.ndarray)}

        def forward(self, x: Any, state: Any = None) -> Any:
            p = self.p
            v, i = (torch.zeros(()), torch.zeros(())) if state is None else state
            if self.kind == "IF":
                v = v + dt * p["r"] * x
            elif self.kind in ("LIF", "LI"):
                v = v + dt / p["tau"] * (p["v_leak"] - v + p["r"] * x)
            else:
                i = i + dt / p["tau_syn"] * (p["w_in"] * x - i)
                v = v + dt / p["tau_mem"] * (p["v_leak"] - v + p["r"] * i)
            if self.kind == "LI":
                return v, (v, i)
            s = (v > p["v_threshold"]).to(v.dtype)
            return s, (torch.where(s > 0, p["v_reset"], v), i)

    def affine(node: Any) -> Any:  # its own leaves the bias out
        made = torch.nn.Linear(node.weight.shape[1], node.weight.shape[0])
        made.weight.data, made.bias.data = torch.tensor(node.weight), torch.tensor(node.bias)
        return made

    def flatten(node: Any) -> Any:  # its own counts the batch as an axis
        return torch.nn.Flatten(int(node.start_dim) + 1, int(node.end_dim))

    neurons = {getattr(nir, k): Unit for k in ("IF", "LIF", "LI", "CubaLIF")}
    return stepped(nirtorch.nir_to_torch(graph, {**neurons, nir.Affine: affine, nir.Flatten: flatten}), x)


def job_fixtures(folder: str) -> str:
    """Models of the libraries, written by their exporters, with what the models themselves give."""
    import nir
    import torch

    made, failed = 0, []
    for name, (make, shape, dt) in models().items():
        torch.manual_seed(3)
        try:
            graph, run, by = make()
        except Exception as error:  # an exporter's own fault
            failed.append(f"{name} ({type(error).__name__}: {error})")
            continue
        rng = np.random.default_rng(5)
        x = (rng.random((STEPS, *shape)) < 0.5).astype(np.float32)
        with torch.no_grad():
            y = run(torch.tensor(x))
        nir.write(Path(folder) / f"{name}.nir", graph, compression=None)  # small files: no chunks
        start = "rest" if name == "norse_li" else "zero"  # Norse begins at v_leak
        told = {
            "made_by": by,
            "dt": dt,
            "start": start,
            "bias_at_start": name == "snntorch_rleaky",
            "input": x.astype(int).tolist(),
            "output": np.round(y.numpy(), 7).tolist(),
        }
        (Path(folder) / f"{name}.json").write_text(json.dumps(told, separators=(",", ":")) + "\n")
        made += 1
    return f"{made} files" + (f"; no file of {', '.join(failed)}" if failed else "")


def models() -> dict[str, Any]:
    import torch
    from torch import nn

    def full(value: float, *shape: int) -> Any:
        return torch.full(shape, value)

    def livelier(net: Any) -> Any:
        for module in net:
            if isinstance(module, nn.Linear | nn.Conv2d):
                module.weight.data.abs_().mul_(1.5).sub_(0.1)
        return net

    def norse(kind: str) -> Any:
        def make() -> Any:
            import norse.torch as norse
            from norse.torch.utils.export_nir import to_nir

            rate = full(100.0, 5)
            if kind == "LIFBoxCell":
                cell = norse.LIFBoxCell(
                    p=norse.LIFBoxParameters(rate, full(0.0, 5), full(0.3, 5), full(0.0, 5)), dt=1e-3
                )
            else:
                cell = norse.LIBoxCell(p=norse.LIBoxParameters(rate, full(0.1, 5)), dt=1e-3)
            net = livelier(norse.SequentialState(nn.Linear(4, 5), cell, nn.Linear(5, 3)))
            # dt=1: its exporter writes dt times the time constant
            return to_nir(net, torch.rand(4), dt=1.0), lambda x: stepped(net, x), f"Norse 1.1.0, Linear and {kind}"

        return make

    def snntorch(kind: str, alpha: bool, recurrent: bool) -> Any:
        def make() -> Any:
            import contextlib
            import copy
            import io

            import snntorch as snn
            from snntorch.export_nir import export_to_nir

            def cell(n: int, **last: Any) -> Any:
                given: dict[str, Any] = {"beta": full(0.9, n), "threshold": full(0.5, n), "init_hidden": True}
                given |= {"reset_mechanism": "zero", "reset_delay": False, **last}
                given |= {"alpha": full(0.8, n)} if alpha else {}
                given |= {"all_to_all": True, "linear_features": n} if recurrent else {}
                return getattr(snn, kind)(**given)

            net = livelier(nn.Sequential(nn.Linear(4, 5), cell(5), nn.Linear(5, 3), cell(3, output=True)))

            fresh = copy.deepcopy(net)  # the exporter runs the model and leaves its state behind

            def run(x: Any) -> Any:
                out = [fresh(x[t : t + 1]) for t in range(len(x))]
                return torch.stack([(y[0] if isinstance(y, tuple) else y)[0] for y in out])

            with contextlib.redirect_stdout(io.StringIO()):
                graph = export_to_nir(net, torch.rand(1, 4), ignore_dims=[0])
            return graph, run, f"snnTorch 1.0.0, Linear and {kind} (reset to zero, no delay)"

        return make

    def spikingjelly(kind: str, image: bool = False, **given: Any) -> Any:
        def make() -> Any:
            from spikingjelly.activation_based import functional, layer, neuron
            from spikingjelly.activation_based.nir_exchange import export_to_nir

            def cell() -> Any:
                return getattr(neuron, kind)(**given)

            if image:
                net = nn.Sequential(
                    layer.Conv2d(2, 3, 3, padding=1, bias=False), neuron.IFNode(v_threshold=0.4), layer.AvgPool2d(2),
                    layer.Flatten(), layer.Linear(27, 4), cell(),
                )  # fmt: skip
            else:
                net = nn.Sequential(layer.Linear(4, 5), cell(), layer.Linear(5, 3), cell())
            net = livelier(net)
            shape = (2, 6, 6) if image else (4,)
            graph = export_to_nir(net, torch.rand(1, *shape), dt=1e-4)

            def run(x: Any) -> Any:
                functional.reset_net(net)
                return torch.stack([net(x[t : t + 1])[0] for t in range(len(x))])

            return (
                graph,
                run,
                f"SpikingJelly 2.0.0, {'Conv2d, IFNode, AvgPool2d, Flatten, ' if image else ''}Linear and {kind}",
            )

        return make

    return {
        "norse_lif": (norse("LIFBoxCell"), (4,), 1e-3),
        "norse_li": (norse("LIBoxCell"), (4,), 1e-3),
        "snntorch_leaky": (snntorch("Leaky", False, False), (4,), None),
        "snntorch_synaptic": (snntorch("Synaptic", True, False), (4,), None),
        "snntorch_rleaky": (snntorch("RLeaky", False, True), (4,), None),
        "snntorch_rsynaptic": (snntorch("RSynaptic", True, True), (4,), None),
        "spikingjelly_if": (spikingjelly("IFNode", v_threshold=0.7), (4,), 1e-4),
        "spikingjelly_lif": (spikingjelly("LIFNode", tau=3.0, v_threshold=0.2), (4,), 1e-4),
        "spikingjelly_lif_undivided": (
            spikingjelly("LIFNode", tau=3.0, decay_input=False, v_threshold=0.7),
            (4,),
            None,
        ),
        "spikingjelly_plif": (spikingjelly("ParametricLIFNode", init_tau=2.5, v_threshold=0.2), (4,), 1e-4),
        "spikingjelly_cuba": (spikingjelly("CUBALIFNode", c_decay=0.7, v_decay=0.8, v_threshold=0.7), (4,), None),
        "spikingjelly_conv": (spikingjelly("LIFNode", image=True, tau=3.0, v_threshold=0.1), (2, 6, 6), 1e-4),
    }


def main() -> None:
    name, *rest = sys.argv[1:]
    try:
        answer = {"run": job_run, "versions": job_versions, "fixtures": job_fixtures}[name](*rest)  # type: ignore[operator]
    except Exception as error:
        answer = " ".join(f"{type(error).__name__}: {error}".split())[:120].replace("|", "/")
    print(f"> {answer}")


if __name__ == "__main__":
    main()
