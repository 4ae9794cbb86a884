"""Train the glance: what the encoder's lower layers tell already, so that the upper ones read only where it matters.

    python training/glance.py --encoder build/encoder.pt --out src/safe_azure_openai/signals/meaning/glance.npz

A small network on the pooled states of one of the frozen layers answers two questions: can there be an act, can there
be someone it is forbidden to. A request's answer is its surest window's. Limits are set on files held out.
"""

from __future__ import annotations

import argparse
import itertools
import random
from pathlib import Path

import numpy as np
import torch
from facts import items, subject
from screen import FOLDS, ORDINARY, hash_of, limits_of
from torch import Tensor, nn
from train import Encoder, bag, padded, precision, saved_encoder, screen_of

EPOCHS = 8


def pooled(encoder: Encoder, rows: list[list[int]], layers: int) -> Tensor:
    """Return mean, maximum and first of the states after ``layers`` layers, one row a window."""
    out = torch.zeros(len(rows), 3 * encoder.word.weight.shape[1])
    order = sorted(range(len(rows)), key=lambda n: len(rows[n]))
    encoder.eval()
    with torch.inference_mode(), precision():
        for start in range(0, len(order), 32):
            part = order[start : start + 32]
            ids = padded([rows[n] for n in part])
            hidden, mask = encoder.lower(ids, layers).float(), (ids != 0)[..., None]
            mean = (hidden * mask).sum(1) / mask.sum(1)
            highest = hidden.masked_fill(~mask, -1e4).amax(1)
            out[part] = torch.cat([mean, highest, hidden[:, 0]], dim=1)
    return out


def highest(sums: Tensor, owner: Tensor, n: int) -> Tensor:
    out = torch.full((n, 2), -1e4)
    return out.scatter_reduce(0, owner[:, None].expand_as(sums), sums, "amax")


def fit(x: Tensor, windows: list[list[int]], y: Tensor, weight: Tensor, chosen: list[int], seed: int) -> nn.Module:
    """Return the network trained on the requests ``chosen``; ``windows`` are the rows of ``x`` of each request."""
    torch.manual_seed(seed)
    rng = random.Random(seed)
    net = nn.Sequential(nn.Dropout(0.2), nn.Linear(x.shape[1], 96), nn.GELU(approximate="tanh"), nn.Linear(96, 2))
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS * (len(chosen) // 256 + 1))
    for _ in range(EPOCHS):
        rng.shuffle(chosen)
        for start in range(0, len(chosen), 256):
            part = chosen[start : start + 256]
            owner = torch.tensor([n for n, i in enumerate(part) for _ in windows[i]])
            sums = highest(net(x[[row for i in part for row in windows[i]]]), owner, len(part))
            losses = nn.functional.binary_cross_entropy_with_logits(sums, y[part], reduction="none")
            optimiser.zero_grad()
            (losses * weight[part]).mean().backward()
            optimiser.step()
            schedule.step()
    return net.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--sample", type=int, help="train on so many requests only")
    parser.add_argument("--keep", type=float, default=0.998, help="share of held-out requests that must pass")
    args = parser.parse_args()
    encoder, tokenizer = saved_encoder(args.encoder)
    some = list(items())
    if args.sample:
        some = random.Random(1).sample(some, args.sample)
    screen = screen_of(encoder, tokenizer)
    bags = [bag(item, tokenizer, screen).windows for item in some]
    starts = np.cumsum([0, *(len(b) for b in bags)]).tolist()
    windows = [list(range(a, b)) for a, b in itertools.pairwise(starts)]
    x = pooled(encoder, [ids for b in bags for ids in b], args.layers)
    mean, scale = x.mean(0), x.std(0) + 1e-6
    x = (x - mean) / scale
    y = torch.tensor([subject(item.line) for item in some])
    # What has to be told apart is the subject from everything else; the rest is the upper layers' work.
    off = torch.tensor([item.author in ORDINARY for item in some]) & (y.sum(1) == 0)
    weight = torch.where(off[:, None], 2.0, torch.where(y > 0, 1.0, 0.2))
    files = sorted({(item.author, item.file) for item in some})
    fold = np.array([hash_of(files.index((item.author, item.file))) % FOLDS for item in some])
    owner = torch.tensor([n for n, b in enumerate(bags) for _ in b])
    held = torch.zeros(len(some), 2)
    for f in range(FOLDS):
        net = fit(x, windows, y, weight, np.flatnonzero(fold != f).tolist(), f)
        with torch.inference_mode():
            held[fold == f] = highest(net(x), owner, len(some))[fold == f]
    act, who = (y > 0).numpy().T
    shown = np.array([bool(item.line.get("img")) for item in some])
    limits, least = limits_of(held.numpy(), act, who, shown, off.numpy(), args.keep)
    net = fit(x, windows, y, weight, list(range(len(some))), FOLDS)
    first, last = net[1], net[3]
    w1 = first.weight.detach() / scale
    np.savez(
        args.out,
        layers=np.array(args.layers),
        w1=w1.T.numpy().astype(np.float16), b1=(first.bias.detach() - w1 @ mean).numpy(),
        w2=last.weight.detach().T.numpy(), b2=last.bias.detach().numpy() - limits.astype(np.float32),
        least=np.array(least),
    )  # fmt: skip


if __name__ == "__main__":
    main()
