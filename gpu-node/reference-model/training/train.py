"""Trains the reference model: python3 train.py OUT [--minutes 46] [--seed 2]. Stops and resumes where it was; the loss curve goes to OUT.csv."""
import argparse
import math
import os
import random
import time
from dataclasses import asdict

import torch
from torch.nn import functional as F

import grammar
import rows
from model import Decoder
from rows import Mix

TOKENS_PER_STEP = 4096
RATE, WARM_UP_STEPS, HOLD_SHARE = 2e-3, 100, 0.6
# Weight of tokens that are no answer: enough to learn the text, too little to distract from reading.
TEXT_WEIGHT = 0.05
# Each stage ends when the share of exact answers in training passes its threshold, or at the latest at its share of the time; the last one
# when time is up.
FINAL = dict(unknown=0.2, turns=0.2, filler=0.2, alike=0.25, blocks=0.5, bare=0.4, gap=80, spelled=0.12, updated=0.12, own=0.1, grouped=0.2)
STAGES = [
    (0.85, 0.2, Mix(64, (2, 3), copy=0.15, pairs=0.4, shared=0.8)),
    (0.88, 0.25, Mix(80, (2, 4), copy=0.05, pairs=0.3, shared=0.4, blocks=0.25, bare=0.2, unknown=0.02, spelled=0.05)),
    (0.93, 0.3, Mix(128, (0, 6), copy=0.03, pairs=0.1, blocks=0.4, bare=0.3, unknown=0.12, turns=0.2, filler=0.1, gap=20, alike=0.1, spelled=0.08)),
    (0.9, 0.35, Mix(192, (0, 10), **{**FINAL, "gap": 60, "updated": 0.08, "own": 0.06})),
    (0.92, 0.45, Mix(256, (0, 16), **FINAL, linked=0.1)),
    (9, 0.78, Mix(448, (0, 36), **FINAL, linked=0.1)),
    # Which of two statements is the later one is learned last: position alone tells.
    (9, 1, Mix(448, (0, 36), **{**FINAL, "updated": 0.3}, linked=0.12)),
]


def loss_of(model, batch):
    ids, weight = torch.from_numpy(batch.ids), torch.from_numpy(batch.is_answer)
    hidden, _ = model.hidden(ids[:, :-1], torch.from_numpy(batch.positions[:, :-1]), torch.from_numpy(batch.seen[:, :-1, :-1]))
    wanted, is_answer = ids[:, 1:], weight[:, 1:] > 0
    weights = torch.where(wanted == 0, 0.0, torch.where(is_answer, 1.0, TEXT_WEIGHT))
    logits = model.logits(hidden)
    each = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), wanted.reshape(-1), reduction="none").view(wanted.shape)
    hits = logits.detach().argmax(-1) == wanted
    counts = {}
    for at, answers in enumerate(batch.answers):
        for start, end, kind in answers:
            right, total = counts.get(kind, (0, 0))
            counts[kind] = (right + bool(hits[at, start - 1 : end - 1].all()), total + 1)
    return (each * weights).sum() / weights.sum(), counts


def added(*many):
    total = {}
    for counts in many:
        for kind, (right, asked) in counts.items():
            before = total.get(kind, (0, 0))
            total[kind] = (before[0] + right, before[1] + asked)
    return total


def share(counts, kinds=None):
    pairs = [pair for kind, pair in counts.items() if kinds is None or kind in kinds]
    asked = sum(total for _, total in pairs)
    return sum(right for right, _ in pairs) / asked if asked else math.nan


@torch.no_grad()
def held_out(model, facts, length, seed, batches=2):
    """Exact answers on held-out names and values, by kind."""
    rng = random.Random(seed)
    mix = Mix(length, facts, **{**FINAL, "turns": 0.1}, linked=0.1)
    many = [loss_of(model, rows.batch([rows.reading_row(rng, mix, True) for _ in range(24)], length))[1] for _ in range(batches)]
    return added(*many)


def shown(counts):
    return " ".join(f"{kind} {100 * right / max(1, asked):.1f}" for kind, (right, asked) in sorted(counts.items()))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--minutes", type=float, default=46, help="processor time of this thread")
    parser.add_argument("--seed", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    rng = random.Random(options.seed)
    model = Decoder(len(grammar.VOCABULARY))
    groups = [[p for p in model.parameters() if p.dim() == d] for d in (2, 1)]
    optimiser = torch.optim.AdamW([dict(params=groups[0], weight_decay=0.05), dict(params=groups[1], weight_decay=0.0)], lr=RATE, betas=(0.9, 0.98), eps=1e-8)
    state = dict(step=0, stage=0, exact=0.0, spent=0.0)
    if os.path.exists(options.out):
        kept = torch.load(options.out)
        model.load_state_dict(kept["model"])
        optimiser.load_state_dict(kept["optimiser"])
        state = kept["state"]
        rng.setstate(kept["random"])
    curve = open(options.out + ".csv", "a")
    if state["step"] == 0:
        print("step,seconds,stage,loss,exact,held_out_6,held_out_14,held_out_34,refused", file=curve, flush=True)
    print(f"{model.parameter_count()} parameters, {len(grammar.VOCABULARY)} tokens, {state}", flush=True)
    begun, before = time.process_time(), state["spent"]

    def save():
        kept = dict(model=model.state_dict(), optimiser=optimiser.state_dict(), state=state, random=rng.getstate(), config=model.config)
        torch.save(kept, options.out + ".tmp")
        os.replace(options.out + ".tmp", options.out)

    while (done := state["spent"] / 60 / options.minutes) < 1:
        threshold, latest, mix = STAGES[state["stage"]]
        rate = RATE * min(1, (state["step"] + 1) / WARM_UP_STEPS) * (1 if done < HOLD_SHARE else max(0.03, (1 - done) / (1 - HOLD_SHARE)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        made = [rows.row_of(rng, mix) for _ in range(max(8, TOKENS_PER_STEP // mix.length))]
        loss, counts = loss_of(model, rows.batch(made, mix.length))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        known = share(counts, set(counts) - {rows.REFUSED, rows.LINKED})
        state["exact"] += 0 if math.isnan(known) else 0.05 * (known - state["exact"])
        state["step"] += 1
        state["spent"] = before + time.process_time() - begun
        if state["step"] % 50 == 0:
            print(f"step {state['step']} {state['spent']:.0f} s stage {state['stage']} loss {loss.item():.3f} exact {state['exact']:.3f} {shown(counts)}", flush=True)
        if state["exact"] > threshold or done > latest:
            state["stage"] += 1
            state["exact"] = 0.6
            print(f"stage {state['stage']} at step {state['step']}: {asdict(STAGES[state['stage']][2])}", flush=True)
        if state["step"] % 250 == 0:
            few, some, many = (held_out(model, facts, length, 99) for facts, length in (((2, 6), 128), ((8, 14), 256), ((34, 34), 512)))
            print(f"  held out: 2-6: {shown(few)} | 8-14: {shown(some)} | 34: {shown(many)}", flush=True)
            reading = [100 * share(c, set(c) - {rows.REFUSED, rows.LINKED}) for c in (few, some, many)]
            refused = 100 * share(added(few, some), {rows.REFUSED})
            figures = [state["step"], state["spent"], state["stage"], loss.item(), 100 * state["exact"], *reading, refused]
            print(",".join(f"{f:.4g}" for f in figures), file=curve, flush=True)
            save()
    save()


if __name__ == "__main__":
    main()
