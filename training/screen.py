"""Train the screen: what single words add to the features of their places, pooled over a stretch of text.

    python training/screen.py --encoder build/encoder.pt --labelled evaluation/calibration{,-second}/*.jsonl \
        --out src/safe_azure_openai/signals/meaning/screen.npz

Each word is placed by its pretrained embedding (the mean of its pieces); a small network makes of it what it adds to
the features of its own place and of the places around it; a stretch has of each feature the highest of its places; a
second small network makes two sums of them: is there an act, is there someone it could be forbidden to. How the limits
lie to one another is set on authored files held out; how high they lie, on labelled requests of authors unread.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import numpy as np
import torch
from compose import compositions
from evaluation.corpus import load, requests_of, tenant_of
from facts import items, subject
from parts import conjunctions
from torch import Tensor, nn
from train import placed, saved_encoder

from safe_azure_openai.merge import is_for_law_enforcement
from safe_azure_openai.signals.reading import readings_of
from safe_azure_openai.signals.screen import STRETCH, Screen, highest, text_of, words_of

FOLDS = 3
HALF = STRETCH // 2
#: Words read of a request in training.
LONGEST = 2400
BATCH = 64
RATE = 2e-3
#: Authors whose requests have nothing to do with the subject.
ORDINARY = {"everyday", "everyday-second", "everyday-third", "ordinary", "ordinary-again", "small-talk"}


class Net(nn.Module):
    """Words (their embeddings) to what they add to the places around them, places to sums."""

    def __init__(self, width: int, hidden: int, features: int, reach: int) -> None:
        super().__init__()
        self.features, self.reach = features, reach
        self.first = nn.Linear(width, hidden)
        self.last = nn.Linear(hidden, (2 * reach + 1) * features, bias=False)
        self.bias = nn.Parameter(torch.zeros(features))
        self.dropout = nn.Dropout(0.25)
        self.up = nn.Linear(features, 64)
        self.down = nn.Linear(64, 2)
        nn.init.constant_(self.down.bias, -1.5)

    def forward(self, table: Tensor, words: Tensor, lengths: Tensor) -> Tensor:
        """``words``: rows of word numbers, 0 for none, as long as some halves of stretches. Returns two sums a row."""
        used, inverse = torch.unique(words, return_inverse=True)
        hidden = self.dropout(nn.functional.gelu(self.first(table[used]), approximate="tanh"))
        added = (self.last(hidden) * (used != 0)[:, None]).view(len(used), -1, self.features)
        rows, longest = words.shape
        places = self.bias.expand(rows, longest, self.features)
        for n in range(-self.reach, self.reach + 1):
            # The place before a word gets what the word adds there: a shift by one, and nothing from beyond the end.
            shifted = nn.functional.pad(added[:, self.reach + n][inverse], (0, 0, max(-n, 0), max(n, 0)))
            places = places + shifted[:, max(n, 0) : max(n, 0) + longest]
        within = torch.arange(longest)[None] < lengths[:, None]
        pooled = (torch.relu(places) * within[..., None]).view(rows, -1, HALF, self.features).amax(2)
        halves = (lengths + HALF - 1) // HALF
        if pooled.shape[1] > 1:
            pooled = torch.maximum(pooled[:, :-1], pooled[:, 1:])
        stretches = torch.arange(pooled.shape[1])[None] < (halves - 1).clamp(min=1)[:, None]
        sums = self.down(torch.relu(self.up(pooled)))
        return sums.masked_fill(~stretches[..., None], -1e4).amax(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--hidden", type=int, default=192)
    parser.add_argument("--features", type=int, default=128)
    parser.add_argument("--reach", type=int, default=2, help="places before and after its own that a word adds to")
    parser.add_argument("--composed", type=int, default=24_000, help="composed requests; the harmless are taken")
    parser.add_argument("--conjunctions", type=int, default=12_000, help="requests put together from parts")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--keep", type=float, default=0.98, help="share of held-out violations that must pass")
    parser.add_argument("--labelled", type=Path, nargs="+", required=True, help="requests that set how high limits lie")
    parser.add_argument("--recall", type=float, default=0.995, help="share of the labelled violations that must pass")
    args = parser.parse_args()
    encoder, tokenizer = saved_encoder(args.encoder)
    some = list(items())
    authored = len(some)
    # Harmless pieces in the wrappings of programs, as ordinary requests are.
    some += [item for item in compositions(some, args.composed, random.Random(1)) if not any(subject(item.line))]
    some += conjunctions(args.conjunctions, random.Random(2))
    vocabulary: dict[str, int] = {}
    texts = (words_of(text_of(item.request.segments))[:LONGEST] for item in some)
    rows = [[vocabulary.setdefault(word, len(vocabulary) + 1) for word in text] for text in texts]
    weights = encoder.word.weight.detach().numpy()
    table = torch.zeros(len(vocabulary) + 1, weights.shape[1])
    table[1:] = torch.from_numpy(placed(list(vocabulary), weights, tokenizer))
    scale = table[1:].std()
    table /= scale
    act, who = np.array([subject(i.line) for i in some], dtype=np.float32).T
    off = np.array([i.author in {*ORDINARY, "composed"} for i in some]) & (act + who == 0)
    # What has to be told apart is the topic from everything else; the rest is the encoder's work.
    targets = np.stack([act, who], axis=1)
    importance = np.where(off[:, None], 3.0, np.where(targets > 0, 1.0, 0.1)).astype(np.float32)
    files = sorted({(i.author, i.file) for i in some})
    fold = np.array([hash_of(files.index((i.author, i.file))) % FOLDS for i in some])
    fold[authored:] = np.arange(len(some) - authored) % FOLDS

    def fit(chosen: np.ndarray, seed: int) -> Net:
        torch.manual_seed(seed)
        rng = random.Random(seed)
        net = Net(table.shape[1], args.hidden, args.features, args.reach)
        optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=0.02)
        index = [int(n) for n in np.flatnonzero(chosen)]
        steps = args.epochs * (len(index) // BATCH + len(index) // (64 * BATCH) + 2)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
        for _ in range(args.epochs):
            for part in batches(index, rows, rng):
                out = sums(net, table, [dropped(rows[n], rng) for n in part])
                losses = nn.functional.binary_cross_entropy_with_logits(
                    out, torch.from_numpy(targets[part]), reduction="none"
                )
                optimiser.zero_grad()
                (losses * torch.from_numpy(importance[part])).mean().backward()
                optimiser.step()
                schedule.step()
        return net.eval()

    held = np.zeros((len(some), 2), dtype=np.float32)
    for g in range(FOLDS):
        net = fit(fold != g, g)
        inside = np.flatnonzero(fold == g).tolist()
        with torch.no_grad():
            for part in batches(inside, rows, random.Random(g)):
                held[part] = sums(net, table, [rows[n] for n in part]).numpy()
        print(f"fold {g}", flush=True)
    images = np.array([bool(i.line.get("img")) for i in some])
    print(f"{len(some)} requests, {len(vocabulary)} words")
    own = np.arange(len(some)) < authored
    limits, least = limits_of(held, own & (act > 0), own & (who > 0), images, off, args.keep)
    net = fit(np.ones(len(some), dtype=bool), 7)
    with torch.no_grad():
        stored = {
            "w1": (net.first.weight.T / scale).numpy().astype(np.float16), "b1": net.first.bias.numpy(),
            "w2": net.last.weight.T.reshape(args.hidden, -1, args.features).numpy().astype(np.float16),
            "bias": net.bias.numpy(),
            "up": net.up.weight.T.numpy(), "up_bias": net.up.bias.numpy(),
            "down": net.down.weight.T.numpy(),
            "down_bias": net.down.bias.numpy() - limits.astype(np.float32), "least": np.array(least),
        }  # fmt: skip
    trained = Screen(stored, lambda words: placed(words, weights, tokenizer))
    stored["down_bias"] -= np.float32(higher_by(trained, args.labelled, args.recall))
    np.savez(args.out, **stored)


def higher_by(screen: Screen, paths: list[Path], recall: float) -> float:
    """Return by how much all limits can be higher until less than ``recall`` of the violations at ``paths`` pass."""
    room: list[float] = []  # of each violation, by how much the limits it has to pass could be higher
    for item in (item for path in paths for item in load(path) if item.is_violation and len(item.calls) == 1):
        requests = requests_of(item.calls[0])
        segments = [segment for request in requests for segment in request.segments]
        sums = highest(screen.each([text_of(r.segments, reading) for r in requests for reading in readings_of(r)[1]]))
        both = min(sums.act, sums.actor, (sums.act + sums.actor - sums.least) / 2)
        if any(segment.kind == "image" for segment in segments):  # as signals/reading.py asks
            room.append(np.inf if is_for_law_enforcement(tenant_of(item.tenant)) else sums.actor)
        else:
            room.append(sums.act if is_for_law_enforcement(tenant_of(item.tenant)) else both)
    by = float(np.quantile(room, 1 - recall, method="lower"))
    print(f"{len(room)} labelled violations: limits higher by {by:.2f}")
    return by


def limits_of(
    sums: np.ndarray, act: np.ndarray, who: np.ndarray, shown: np.ndarray, ordinary: np.ndarray, keep: float
) -> tuple[np.ndarray, float]:
    """Return the limit of each sum and of both together, each of which such a share of those it is for passes.

    Where there is a picture no word has to tell of an act, so that the actor's limit decides alone: it lets more pass.
    Authored requests held out are harder than what is sent (docs/explanation/figures.md has both). Prints what passes
    with these limits and with higher ones. ``shown`` are requests with a picture.
    """
    told = act & who & ~shown

    def at(share: float) -> tuple[np.ndarray, float]:
        lost = 1 - share
        limits = np.array([np.quantile(sums[act & ~shown, 0], lost), np.quantile(sums[act & who, 1], lost / 8)])
        least = float(np.quantile((sums - limits)[told].sum(1), lost))
        return limits, least

    for share in (keep, *(higher for higher in (0.99, 0.995, 0.998) if higher > keep)):
        limits, least = at(share)
        over = sums - limits
        passes = over >= 0
        both = passes.all(1) & (over.sum(1) >= least)
        print(
            f"keep {share}: limits {limits[0]:.2f} {limits[1]:.2f} {least:.2f}; violations {both[told].mean():.4f},"
            f" with a picture {passes[act & who & shown, 1].mean():.4f}; ordinary {both[ordinary].mean():.4f},"
            f" for police {passes[ordinary, 0].mean():.4f}"
        )
    return at(keep)


def hash_of(n: int) -> int:
    return n * 2654435761 % 2**32 >> 7


def dropped(row: list[int], rng: random.Random) -> list[int]:
    """Blank some words, so that no single one is relied on."""
    return [0 if rng.random() < 0.2 else n for n in row]


def batches(index: list[int], rows: list[list[int]], rng: random.Random) -> list[list[int]]:
    """Return all of ``index`` in batches of rows of about equal length, in a new order."""
    mixed = rng.sample(index, len(index))
    pools = [sorted(mixed[n : n + 64 * BATCH], key=lambda i: len(rows[i])) for n in range(0, len(mixed), 64 * BATCH)]
    out = [pool[n : n + BATCH] for pool in pools for n in range(0, len(pool), BATCH)]
    rng.shuffle(out)
    return out


def sums(net: Net, table: Tensor, batch: list[list[int]]) -> Tensor:
    """Return the highest sums over the stretches of each row of words."""
    lengths = torch.tensor([max(len(row), 1) for row in batch])
    words = torch.zeros(len(batch), -(-int(lengths.max()) // HALF) * HALF, dtype=torch.long)
    for n, row in enumerate(batch):
        words[n, : len(row)] = torch.tensor(row)
    out: Tensor = net(table, words, lengths)
    return out


if __name__ == "__main__":
    main()
