"""Measure whether the autoencoder earns its electricity.

Quality: agreement with the labels (adjusted Rand index) on scikit-learn's digits and on pendigits,
columns scaled to 0 … 1, mean over seeds, against k-means, a full mixture and ClustPy's IDEC on the same
rows. Cost: processor seconds of a fit. Throughput: rows a second of training, against the same network,
losses and batches in the usual loop over a torch DataLoader. How a fit grows with the rows is in
segmenters_speed.py.

    python experiments/benchmarks/autoencoder.py [--seeds N] [--peer-python PATH] [--only PART …]

ClustPy is not needed by the product. Name the Python of another environment that has it, or install it
into this one; without it that comparison is left out.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import torch
from lib.lines import bench
from sets import labelled
from sklearn.metrics import adjusted_rand_score
from torch import nn
from torch.utils.data import DataLoader, Dataset

from segmentwerk.core.threads import one_thread
from segmentwerk.segmenters import _training
from segmentwerk.segmenters._training_data import TrainingData
from segmentwerk.segmenters.autoencoder import AutoencoderSegmenter
from segmentwerk.segmenters.base import Segmenter
from segmentwerk.segmenters.gaussian_mixture import GaussianMixtureSegmenter
from segmentwerk.segmenters.kmeans import KMeansSegmenter

PARTS = ("digits", "pendigits", "throughput")
SMALLEST = 0.01
BEST = {"digits": 0.93, "pendigits": 0.80}
"""Agreement that is aimed at."""
MAKERS: dict[str, Callable[..., Segmenter]] = {
    "kmeans": KMeansSegmenter,
    "mixture": GaussianMixtureSegmenter,
    "autoencoder_kmeans": partial(AutoencoderSegmenter, head="kmeans"),
    "autoencoder_once": AutoencoderSegmenter,
    "autoencoder": partial(AutoencoderSegmenter, n_restarts=2),
    "communities": partial(AutoencoderSegmenter, head="communities"),
}
IDEC = """
import json, sys, time
import numpy as np
from clustpy.deep import IDEC
data, start = np.load(sys.argv[1]).astype(np.float32), time.process_time()
labels = IDEC(n_clusters=int(sys.argv[2]), random_state=0).fit(data).labels_
print(json.dumps({"labels": np.asarray(labels).tolist(), "seconds": time.process_time() - start}))
"""


def table(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a labelled set, columns scaled to 0 … 1."""
    match = next((data for data in labelled.public() if data.name == name), None)
    if match is None:
        raise SystemExit(f"{name} is not in {labelled.DATA}; name the folder in SEGMENTWERK_DATA.")
    values = match.features.to_numpy()
    low, span = values.min(axis=0), np.ptp(values, axis=0)
    return (values - low) / np.where(span > 0, span, 1), match.groups


def quality(name: str, seeds: int) -> dict[str, tuple[float, float]]:
    """Print agreement and processor seconds of every segmenter; return their means."""
    rows, groups = table(name)
    k, means = len(np.unique(groups)), {}
    for maker, make in MAKERS.items():
        runs = [
            fit(make(k, min_segment_share=SMALLEST, random_state=seed), rows, groups) for seed in range(seeds)
        ]
        agreements, seconds = zip(*runs, strict=True)
        means[maker] = mean(agreements), mean(seconds)
        listed = " ".join(f"{value:.3f}" for value in agreements)
        spread = f"{means[maker][0]:.3f} ± {stdev(agreements):.3f}" if seeds > 1 else "one seed"
        print(f"{name} {maker}: ARI {listed} ({spread}), {means[maker][1]:.1f} CPU-s a fit", flush=True)
    ours, goal = means["communities"][0], BEST[name]
    name = f"autoencoder/{name}_ari_of_communities"
    bench(name, ours, means["autoencoder"][0], f"ours>={goal}", ok=ours >= goal)
    return means


def fit(segmenter: Segmenter, rows: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """Return agreement with the groups and processor seconds of a fit that trains its own network."""
    _training._memory.clear()
    start = time.process_time()
    segmenter.fit(rows)
    seconds = time.process_time() - start
    return adjusted_rand_score(groups, segmenter.labels_), seconds


def pendigits(seeds: int) -> None:
    """Compare with the classics."""
    means = quality("pendigits", seeds)
    ours, seconds = means["autoencoder"]
    for peer in ("kmeans", "mixture"):
        bench(f"autoencoder/pendigits_ari_over_{peer}", ours, means[peer][0], "ours>=0.72", ok=ours >= 0.72)
    bench("autoencoder/pendigits_cpu", seconds, means["mixture"][1], "ours<=30s", unit="s", ok=seconds <= 30)


def digits(seeds: int, peer_python: str) -> None:
    """Compare with the classics, and with deep clustering as it is."""
    means = quality("digits", seeds)
    ours, seconds = means["autoencoder"]
    for peer in ("kmeans", "mixture"):
        bench(f"autoencoder/digits_ari_over_{peer}", ours, means[peer][0], "ours>=0.88", ok=ours >= 0.88)
    peer_run = idec(peer_python)
    if peer_run is None:
        print(f"ClustPy is not importable by {peer_python}: no comparison with IDEC (see --peer-python).")
        return
    bench("autoencoder/digits_ari_over_idec", ours, peer_run[0], "ours>=0.88", ok=ours >= 0.88)
    quick = seconds <= 0.1 * peer_run[1]
    bench("autoencoder/digits_cpu_over_idec", seconds, peer_run[1], "<=0.1", unit="s", ok=quick)


def idec(python: str) -> tuple[float, float] | None:
    """Run ClustPy's IDEC with its own defaults elsewhere; None where it cannot be imported."""
    if subprocess.run([python, "-c", "import clustpy.deep"], capture_output=True, check=False).returncode:
        return None
    rows, groups = table("digits")
    with tempfile.TemporaryDirectory() as folder:
        np.save(path := Path(folder) / "rows.npy", rows)
        command = [python, "-c", IDEC, str(path), "10"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    result = json.loads(done.stdout.splitlines()[-1])
    return adjusted_rand_score(groups, result["labels"]), result["seconds"]


class Pairs(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Rows, each with one of its neighbours, one at a time."""

    def __init__(self, rows: np.ndarray, graph: np.ndarray) -> None:
        self.rows, self.graph = rows, graph

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        neighbour = self.graph[index, np.random.randint(self.graph.shape[1])]
        return torch.from_numpy(self.rows[index]), torch.from_numpy(self.rows[neighbour])


def layers(*widths: int) -> nn.Sequential:
    """Return the layers of the product's network as torch has them."""
    hidden = [
        layer
        for width, following in itertools.pairwise(widths[:-1])
        for layer in (nn.Linear(width, following), nn.BatchNorm1d(following), nn.LeakyReLU(0.01))
    ]
    return nn.Sequential(*hidden, nn.Linear(widths[-2], widths[-1]))


def usual_loop(dataset: TrainingData, epochs: int, workers: int) -> float:
    """Return rows a second of the usual loop: modules, DataLoader, AdamW, scheduler."""
    rows, graph = dataset.rows.numpy(), dataset.graph.numpy()
    loader = DataLoader(
        Pairs(rows, graph), _training.BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0
    )
    encoder, decoder = (
        layers(rows.shape[1], *_training.HIDDEN, 16),
        layers(16, *_training.HIDDEN[::-1], rows.shape[1]),
    )
    weights = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.AdamW(weights, 2e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=(epochs + 1) * len(loader))
    for epoch in range(epochs + 1):
        if epoch == 1:  # the first one starts the workers
            start = time.perf_counter()
        for left, right in loader:
            optimizer.zero_grad()
            first = encoder(left + 0.1 * torch.randn_like(left))
            second = encoder(right + 0.1 * torch.randn_like(right))
            likeness = nn.functional.normalize(first) @ nn.functional.normalize(second).T / 0.5
            own = torch.arange(len(left))
            agreement = (
                nn.functional.cross_entropy(likeness, own) + nn.functional.cross_entropy(likeness.T, own)
            ) / 2
            loss = agreement + nn.functional.mse_loss(decoder(first), left)
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(weights, 5.0)
            optimizer.step()
            schedule.step()
    return epochs * len(rows) / (time.perf_counter() - start)


def our_loop(dataset: TrainingData, epochs: int) -> float:
    """Return rows a second of the product's training, validation included."""
    trainer = _training.Trainer(
        dataset, _training.Hyperparameters(16, epochs, 2e-3, 0.5, 1.0), seed=time.time_ns() % 2**31
    )
    start = time.perf_counter()
    trainer.run(lambda *_: None)
    return len(trainer.curve) * trainer.steps * _training.BATCH / (time.perf_counter() - start)


def throughput() -> None:
    """Compare training loops on 20,000 rows of 30 columns, in turns; each on its best number of threads."""
    rows = np.random.default_rng(0).standard_normal((20_000, 30))
    dataset = TrainingData.prepare(rows, [f"x{i}" for i in range(30)], 10, torch.device("cpu"))
    ours: list[float] = []
    peers: dict[tuple[int, int], list[float]] = {}
    for _ in range(3):
        with one_thread():
            ours.append(our_loop(dataset, 4))
        for threads, workers in ((1, 0), (torch.get_num_threads(), 0), (1, 2)):
            torch.set_num_threads(threads)
            peers.setdefault((threads, workers), []).append(usual_loop(dataset, 2, workers))
    for (threads, workers), values in peers.items():
        print(f"usual loop, {threads} threads, {workers} workers: {max(values):.0f} rows a second")
    peer = max(max(values) for values in peers.values())
    bench("autoencoder/training_rows_per_s_over_dataloader", max(ours), peer, ">=3", ok=max(ours) >= 3 * peer)


def main() -> None:
    """Run the chosen parts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    chosen = parser.parse_args()
    if "digits" in chosen.only:
        digits(chosen.seeds, chosen.peer_python)
    if "pendigits" in chosen.only:
        pendigits(chosen.seeds)
    if "throughput" in chosen.only:
        throughput()


if __name__ == "__main__":
    main()
