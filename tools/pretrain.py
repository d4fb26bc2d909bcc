"""Pre-train the small Llama-architecture language model that qadapt ships.

The model is trained from scratch on WikiText-2 (validation split) and GSM8K (training split); the WikiText-2 test split
is never read. One run is fully determined by ``--seed`` and ``--steps`` up to the floating-point order of the machine.

    python tools/pretrain.py --data DIR --out qadapt/data/model

``DIR`` holds ``wikitext-2/valid.txt`` and ``gsm8k/train.jsonl``. Progress is checkpointed in ``--work``; a second call
with the same arguments resumes. The loss curve is written to ``loss.csv`` beside the weights.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path

import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

VOCABULARY = 4096
CONTEXT = 256
HELD_OUT = 0.03
"""Last share of the WikiText-2 validation text, used to watch over-fitting only."""
END = "<|endoftext|>"
GENERIC_TOKENIZER = "PreTrainedTokenizerFast"
"""The name under which every version of transformers finds the tokenizer."""


def texts(data: Path) -> tuple[str, str]:
    """Return the WikiText-2 validation text and the GSM8K training text (question, blank line, answer per item)."""
    wiki = (data / "wikitext-2" / "valid.txt").read_text(encoding="utf-8")
    items = [json.loads(line) for line in (data / "gsm8k" / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    return wiki, END.join(f"{item['question']}\n\n{item['answer']}\n" for item in items)


def train_tokenizer(corpora: tuple[str, ...]) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE tokenizer on the corpora, line by line."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    lines: Iterator[str] = (line for corpus in corpora for line in corpus.replace(END, "").splitlines(keepends=True))
    tokenizer.train_from_iterator(lines, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=END,
        eos_token=END,
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )


def new_model(seed: int) -> LlamaForCausalLM:
    """Build the untrained model; hidden size 256 makes 64 blocks of four, one full Heron chip."""
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=256,
            intermediate_size=688,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
            bos_token_id=0,
            eos_token_id=0,
        )
    )


def rate(step: int, steps: int, peak: float) -> float:
    """Learning rate of a linear warm-up over 4 % of the steps followed by a cosine to a tenth of the peak."""
    warm = max(1, steps // 25)
    if step < warm:
        return peak * (step + 1) / warm
    return peak * (0.1 + 0.45 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm))))


@torch.no_grad()
def held_out_loss(model: LlamaForCausalLM, tokens: torch.Tensor) -> float:
    """Mean next-token cross entropy in nats over consecutive windows of the held-out tokens."""
    model.eval()
    windows = tokens[: len(tokens) // CONTEXT * CONTEXT].view(-1, CONTEXT)
    loss = model(input_ids=windows, labels=windows).loss
    model.train()
    return float(loss)


def main() -> None:
    """Train, then write weights (bfloat16 safetensors), tokenizer and loss curve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("build/pretrain"))
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--wiki-share", type=float, default=0.35, help="share of windows drawn from WikiText-2")
    parser.add_argument("--seed", type=int, default=20261121)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    checkpoint = arguments.work / "checkpoint.pt"

    wiki, gsm = texts(arguments.data)
    cut = int(len(wiki) * (1 - HELD_OUT))
    tokenizer = train_tokenizer((wiki[:cut], gsm))

    def encode(text: str) -> torch.Tensor:
        return torch.tensor(tokenizer(text, verbose=False)["input_ids"])

    sources, held_out = (encode(wiki[:cut]), encode(gsm)), encode(wiki[cut:])
    model = new_model(arguments.seed)
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}], betas=(0.9, 0.95)
    )
    generator = torch.Generator().manual_seed(arguments.seed)
    curve: list[dict[str, float]] = []
    start = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        generator.set_state(state["generator"])
        curve, start = state["curve"], state["step"]

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as progress:
        task = progress.add_task("pre-training", total=arguments.steps, completed=start)
        for step in range(start, arguments.steps):
            from_wiki = torch.rand(arguments.batch, generator=generator) < arguments.wiki_share
            windows = []
            for choice in from_wiki.tolist():
                source = sources[0] if choice else sources[1]
                offset = int(torch.randint(len(source) - CONTEXT, (1,), generator=generator))
                windows.append(source[offset : offset + CONTEXT])
            batch = torch.stack(windows)
            for group in optimizer.param_groups:
                group["lr"] = rate(step, arguments.steps, arguments.rate)
            loss = model(input_ids=batch, labels=batch).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            last = step + 1 == arguments.steps
            if step % 10 == 0 or last:
                row = {"step": step, "train": round(float(loss.detach()), 4), "held_out": float("nan")}
                if step % 100 == 0 or last:
                    row["held_out"] = round(held_out_loss(model, held_out), 4)
                curve.append(row)
                progress.update(task, description=f"pre-training, loss {row['train']:.3f}")
            if (step + 1) % 100 == 0 or last:
                state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "curve": curve}
                torch.save({**state, "generator": generator.get_state(), "step": step + 1}, checkpoint)
            progress.update(task, completed=step + 1)

    arguments.out.mkdir(parents=True, exist_ok=True)
    model.to(torch.bfloat16).save_pretrained(arguments.out)
    tokenizer.save_pretrained(arguments.out)
    portable = {
        **json.loads((arguments.out / "tokenizer_config.json").read_text()),
        "tokenizer_class": GENERIC_TOKENIZER,
    }
    portable.pop("backend", None)
    (arguments.out / "tokenizer_config.json").write_text(json.dumps(portable, indent=2) + "\n")
    with (arguments.out / "loss.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["step", "train", "held_out"])
        writer.writeheader()
        writer.writerows(curve)


if __name__ == "__main__":
    main()
