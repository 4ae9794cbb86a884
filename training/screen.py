"""Train the screen: a few learned features of single words, pooled over a stretch of text.

    python training/screen.py --encoder build/encoder.pt --out src/safe_azure_openai/signals/screen.npz

Each word is placed by its pretrained embedding (the mean of its pieces) and scored by a small network on a handful of
features; a stretch has of each feature the highest score of its words; a second small network makes two sums of them:
is there an act, is there someone it could be forbidden to. Limits are set on files held out.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import numpy as np
import torch
from compose import compositions
from facts import Item, items, subject
from torch import Tensor, nn
from train import saved_encoder

from safe_azure_openai.signals.screen import STRETCH, words_of

FOLDS = 5
#: Authors whose requests have nothing to do with the subject.
ORDINARY = {"everyday", "everyday-second", "everyday-third", "ordinary", "ordinary-again", "small-talk"}


class Net(nn.Module):
    """Words (their embeddings) to features, features to sums."""

    def __init__(self, width: int, features: int, hidden: int) -> None:
        super().__init__()
        self.word = nn.Sequential(nn.Linear(width, 96), nn.GELU(), nn.Linear(96, features))
        self.up = nn.Linear(features, hidden)
        self.down = nn.Linear(hidden, 2)

    def features(self, table: Tensor) -> Tensor:
        return torch.sigmoid(self.word(table))

    def forward(self, features: Tensor, words: Tensor) -> Tensor:
        """``words``: rows of word numbers, 0 for none (its features are 0). Returns two sums a row."""
        pooled = features[words].amax(dim=1)
        hidden = torch.relu(nn.functional.linear(pooled, self.up.weight, self.up.bias))
        return nn.functional.linear(hidden, self.down.weight, self.down.bias)


def text_of(item: Item) -> str:
    return " ".join(s.text for s in item.request.segments if s.text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--features", type=int, default=48)
    parser.add_argument("--hidden", type=int, default=48)
    parser.add_argument(
        "--composed", type=int, default=20_000, help="composed requests, of which the harmless are taken"
    )
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--keep", type=float, default=0.999, help="share of held-out violations that must pass")
    args = parser.parse_args()
    encoder, tokenizer = saved_encoder(args.encoder)
    some = list(items())
    authored = len(some)
    # Harmless pieces in the wrappings of programs, as ordinary requests are; what may be forbidden is all authored.
    composed = compositions(some, args.composed, random.Random(1))
    some += [item for item in composed if not any(subject(item.line))]
    vocabulary: dict[str, int] = {}
    rows = [[vocabulary.setdefault(w, len(vocabulary) + 1) for w in words_of(text_of(i))] for i in some]
    table = torch.zeros(len(vocabulary) + 1, encoder.word.weight.shape[1])
    weights = encoder.word.weight.detach()
    for word, n in vocabulary.items():
        table[n] = weights[list(tokenizer.encode_word(word)) or [3]].mean(0)
    scale = table[1:].std()
    table /= scale
    act, who = np.array([subject(i.line) for i in some], dtype=np.float32).T
    off = np.array([i.author in {*ORDINARY, "composed"} for i in some]) & (act + who == 0)
    # What has to be told apart is the topic from everything else; the rest is the encoder's work.
    importance = np.where(off, 2.0, np.where(act + who > 0, 1.0, 0.3)).astype(np.float32)
    files = sorted({(i.author, i.file) for i in some})
    fold = np.array([hash_of(files.index((i.author, i.file))) % FOLDS for i in some])
    fold[authored:] = np.arange(len(some) - authored) % FOLDS

    def fit(chosen: np.ndarray, seed: int) -> Net:
        torch.manual_seed(seed)
        rng = random.Random(seed)
        net = Net(table.shape[1], args.features, args.hidden)
        with torch.no_grad():
            net.word[2].bias.fill_(-2.0)  # at first no word matters
            net.word[2].weight.mul_(3.0)
            net.up.weight.copy_(torch.randn_like(net.up.weight) * 0.4)
            net.up.bias.fill_(-0.1)
            net.down.weight.copy_(torch.randn_like(net.down.weight) * 0.3)
            net.down.bias.fill_(-1.5)
        optimiser = torch.optim.AdamW(net.parameters(), lr=5e-3, weight_decay=0.02)
        index = [int(n) for n in np.flatnonzero(chosen)]
        steps = args.epochs * (len(index) // 128 + 1)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
        for _ in range(args.epochs):
            rng.shuffle(index)
            for start in range(0, len(index), 128):
                part = index[start : start + 128]
                batch = [dropped(rows[n], rng) for n in part]
                out = sums(net, table, batch)
                target = torch.tensor(np.stack([act[part], who[part]], axis=1))
                weight = torch.tensor(importance[part])[:, None]
                loss = (nn.functional.binary_cross_entropy_with_logits(out, target, reduction="none") * weight).mean()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
        return net.eval()

    held = np.zeros((len(some), 2), dtype=np.float32)
    for g in range(FOLDS):
        net = fit(fold != g, g)
        inside = np.flatnonzero(fold == g)
        with torch.no_grad():
            for start in range(0, len(inside), 256):
                part = inside[start : start + 256]
                held[part] = sums(net, table, [rows[n] for n in part]).numpy()
    images = np.array([bool(i.line.get("img")) for i in some])
    print(f"{len(some)} requests, {len(vocabulary)} words")
    limits, least = limits_of(held, act > 0, who > 0, images, off, args.keep)
    net = fit(np.ones(len(some), dtype=bool), 7)
    with torch.no_grad():
        first, last = net.word[0], net.word[2]
        np.savez(
            args.out,
            w1=(first.weight.T / scale).numpy().astype(np.float16), b1=first.bias.numpy(),
            w2=last.weight.T.numpy().astype(np.float16), b2=last.bias.numpy(),
            up=net.up.weight.T.numpy(), up_bias=net.up.bias.numpy(),
            down=net.down.weight.T.numpy(),
            down_bias=net.down.bias.numpy() - limits.astype(np.float32), least=np.array(least),
        )  # fmt: skip


def limits_of(
    sums: np.ndarray, act: np.ndarray, who: np.ndarray, shown: np.ndarray, ordinary: np.ndarray, keep: float
) -> tuple[np.ndarray, float]:
    """Return the limit of each sum and of both together, each of which so many of those it is for pass.

    Prints what passes with these and with lower shares. ``shown`` are requests with a picture, where no word has to
    tell of an act.
    """
    told = act & who & ~shown
    for share in (*(lower for lower in (0.99, 0.995) if lower < keep), keep):
        each = (1 - share) / 2
        limits = np.array([np.quantile(sums[act & ~shown, 0], each), np.quantile(sums[act & who, 1], each)])
        over = sums - limits
        least = float(np.quantile(over[told].sum(1), 1 - share))
        passes = over >= 0
        both = passes.all(1) & (over.sum(1) >= least)
        print(
            f"keep {share}: limits {limits[0]:.2f} {limits[1]:.2f} {least:.2f}; violations {both[told].mean():.4f},"
            f" with a picture {passes[act & who & shown, 1].mean():.4f}; ordinary {both[ordinary].mean():.4f},"
            f" for police {passes[ordinary, 0].mean():.4f}"
        )
    return limits, least


def hash_of(n: int) -> int:
    return n * 2654435761 % 2**32 >> 7


def dropped(row: list[int], rng: random.Random) -> list[int]:
    """Leave out some words, so that no single one is relied on."""
    return [n for n in row if rng.random() > 0.15] or row


def sums(net: Net, table: Tensor, batch: list[list[int]]) -> Tensor:
    """Return the highest sums over the stretches of each row of words."""
    stretches, owner = [], []
    for n, row in enumerate(batch):
        for start in range(0, max(len(row), 1), STRETCH // 2):
            stretches.append(row[start : start + STRETCH])
            owner.append(n)
            if start + STRETCH >= len(row):
                break
    longest = max(map(len, stretches)) or 1
    ids = torch.zeros(len(stretches), longest, dtype=torch.long)
    for n, row in enumerate(stretches):
        ids[n, : len(row)] = torch.tensor(row)
    used, inverse = torch.unique(ids, return_inverse=True)
    features = net.features(table[used])
    features = features * (used != 0)[:, None]
    out = net(features, inverse)
    merged = torch.full((len(batch), 2), -1e4)
    return merged.scatter_reduce(0, torch.tensor(owner)[:, None].expand_as(out), out, "amax")


if __name__ == "__main__":
    main()
