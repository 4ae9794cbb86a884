"""Average the weights of checkpoints that were trained from one another.

    python training/average.py build/6.pt build/7.pt --out build/encoder.pt

Each has learnt something else besides what all have learnt, and the mean keeps the latter: on authors that neither had
read, the mean of two found more than either (docs/explanation/figures.md).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from train import save, saved_encoder


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkpoints", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    (encoder, tokenizer), *others = [saved_encoder(path) for path in args.checkpoints]
    if any(other.pieces != tokenizer.pieces for _, other in others):
        raise SystemExit(
            "These checkpoints have different vocabularies, so no weight of one belongs to the same of another."
        )
    states = [encoder.state_dict(), *(other.state_dict() for other, _ in others)]
    encoder.load_state_dict({name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]})
    save(encoder, tokenizer, args.out)


if __name__ == "__main__":
    main()
