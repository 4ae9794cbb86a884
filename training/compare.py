"""Compare kinds of judges on authors that none of them was trained on.

    python training/compare.py --held-out blunt,everyday,... [--encoder build/encoder.pt ...]

The question is the same for all: is facial recognition to be done for law enforcement, by the words of a request alone.
Shown is the share of such requests that a judge finds where it is wrong about 1, 2 and 5 % of the others. An encoder
has to have been trained without the held-out authors (``train.py --without``); the other judges are trained here.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import numpy as np
import torch
from facts import HEADS, Item, items
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import SGDClassifier
from torch import nn
from train import bag, predict, saved_encoder, screen_of

FALSE = (0.01, 0.02, 0.05)
#: A lexical rule: a word for the act and a word for law enforcement, in English and as roots of its neighbours.
ACTS = (
    "face",
    "facial",
    "recogni",
    "identif",
    "match",
    "who is",
    "gesicht",
    "visage",
    "rostro",
    "volto",
    "лиц",
    "脸",
    "顔",
)
ACTORS = ("police", "sheriff", "officer", "detective", "polizei", "policía", "polizia", "полиц", "警", "पुलिस", "شرط")


def text_of(item: Item) -> str:
    return " ".join(s.text for s in item.request.segments if s.text)


def label(item: Item) -> bool:
    return bool(item.line["fr"]) and bool(item.line.get("le"))


def row(name: str, scores: np.ndarray, labels: np.ndarray) -> None:
    limits = [np.quantile(scores[~labels], 1 - share) for share in FALSE]
    print(f"{name:<44}" + "".join(f"{(scores[labels] > limit).mean():>8.3f}" for limit in limits), flush=True)


def lexical(texts: list[str]) -> np.ndarray:
    lower = [text.lower() for text in texts]
    acts = np.array([sum(word in text for word in ACTS) for text in lower], dtype=float)
    actors = np.array([sum(word in text for word in ACTORS) for text in lower], dtype=float)
    return np.minimum(acts, actors) + 0.01 * (acts + actors)


def linear(train: list[str], y: np.ndarray, test: list[str]) -> np.ndarray:
    from scipy.sparse import hstack

    kinds = [
        HashingVectorizer(analyzer="char_wb", ngram_range=(2, 5), n_features=2**19, alternate_sign=False, binary=True),
        HashingVectorizer(
            token_pattern=r"\w+", ngram_range=(1, 2), n_features=2**18, alternate_sign=False, binary=True
        ),
    ]
    model = SGDClassifier(loss="log_loss", alpha=1e-6, max_iter=20, tol=None, random_state=0)
    model.fit(hstack([kind.transform(train) for kind in kinds]).tocsr(), y)
    return model.decision_function(hstack([kind.transform(test) for kind in kinds]).tocsr())


def static(encoder_path: Path, train: list[Item], y: np.ndarray, test: list[Item]) -> np.ndarray:
    """A small network on mean and maximum of the pretrained embeddings of the words."""
    encoder, tokenizer = saved_encoder(encoder_path)
    screen, table = screen_of(encoder, tokenizer), encoder.word.weight.detach()

    def features(some: list[Item]) -> torch.Tensor:
        out = []
        for item in some:
            rows = table[[i for w in bag(item, tokenizer, screen).windows for i in w]]
            out.append(torch.cat([rows.mean(0), rows.amax(0)]))
        return torch.stack(out)

    x, z = features(train), features(test)
    mean, scale = x.mean(0), x.std(0).clamp(min=1e-6)
    x, z = (x - mean) / scale, (z - mean) / scale
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(x.shape[1], 128), nn.GELU(), nn.Dropout(0.2), nn.Linear(128, 1))
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.05)
    target, rng = torch.tensor(y, dtype=torch.float32), random.Random(0)
    index = list(range(len(train)))
    for _ in range(8):
        rng.shuffle(index)
        for start in range(0, len(index), 256):
            part = index[start : start + 256]
            loss = nn.functional.binary_cross_entropy_with_logits(net(x[part])[:, 0], target[part])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    with torch.inference_mode():
        return net.eval()(z)[:, 0].numpy()


def encoded(path: Path, test: list[Item]) -> np.ndarray:
    encoder, tokenizer = saved_encoder(path)
    screen = screen_of(encoder, tokenizer)
    p = 1 / (1 + np.exp(-predict(encoder, [bag(item, tokenizer, screen) for item in test]).astype(np.float64)))
    return np.maximum(p[:, HEADS.index("fr_le")], p[:, HEADS.index("fr")] * p[:, HEADS.index("le")])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--held-out", required=True, help="authors to test on, comma separated")
    parser.add_argument("--later", default="", help="authors neither trained nor tested on, comma separated")
    parser.add_argument("--encoder", type=Path, action="append", default=[], help="a checkpoint, once or several times")
    parser.add_argument("--sample", type=int, default=4000, help="requests to test on")
    args = parser.parse_args()
    held, later = set(args.held_out.split(",")), set(args.later.split(","))
    some = list(items())
    train = [item for item in some if item.author not in held | later]
    test = [item for item in some if item.author in held]
    test = random.Random(0).sample(test, min(args.sample, len(test)))
    y, labels = np.array([label(i) for i in train]), np.array([label(i) for i in test])
    print(f"{len(train)} requests to train on, {len(test)} to test on, {labels.sum()} of them violations\n")
    print(f"{'found where wrong about':<44}" + "".join(f"{share:>8.0%}" for share in FALSE))
    texts, seen = [text_of(i) for i in train], [text_of(i) for i in test]
    row("words for the act and the actor", lexical(seen), labels)
    row("linear, n-grams of characters and words", linear(texts, y, seen), labels)
    if args.encoder:
        row("static embeddings, small network", static(args.encoder[0], train, y, test), labels)
    for path in args.encoder:
        row(f"encoder {path.stem}", encoded(path, test), labels)


if __name__ == "__main__":
    main()
