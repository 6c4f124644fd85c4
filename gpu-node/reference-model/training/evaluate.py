"""Reading accuracy on held-out names and values: python3 evaluate.py CHECKPOINT [--questions 500] [--json FILE]. Exact match of the whole answer."""
import argparse
import json
import random

import torch

import grammar as g
import rows
from model import Decoder, rope, rotate
from rows import Mix
from train import FINAL
from vocabulary import ASSISTANT, BOS, END, MEMORY, USER

MIX = Mix(1024, **{**FINAL, "turns": 0, "updated": 0, "own": 0, "spelled": 0})


def load(path):
    kept = torch.load(path)
    model = Decoder(kept["config"]["vocabulary"], kept["config"])
    # As it is shipped: weights rounded to half precision.
    model.load_state_dict({name: value.half().float() for name, value in kept["model"].items()})
    return model.eval()


class Case:
    """Facts and fillers as entries of memory, and one question about one of them."""

    def __init__(self, rng, count, mix):
        self.people, self.facts = rows.world(rng, count, mix, True)
        self.asked = rng.choice(self.facts)
        self.entries, self.target = [], None
        for fact in self.facts:
            self.entries += [rng.choice(g.FILLERS)] if rng.random() < 0.3 else []
            if fact is self.asked:
                self.target = len(self.entries)
            self.entries.append(fact.statement(rng))
        self.question, self.answer = self.asked.question(rng), self.asked.value + "."

    def without(self):
        return self.entries[: self.target] + self.entries[self.target + 1 :]


def turn(question):
    return [END, USER, *g.encode(question), END, ASSISTANT]


@torch.no_grad()
def says(model, start, question, answer, past=None, at=0):
    """Whether the greedy answer is exactly this one: the arg max at every place, each given the right tokens before it."""
    wanted = [*g.encode(answer), END]
    ids = start + turn(question) + wanted
    positions = torch.arange(at, at + len(ids))[None]
    hidden, _ = model.hidden(torch.tensor([ids[:-1]]), positions[:, :-1], past=past)
    return model.logits(hidden)[0, -len(wanted) :].argmax(-1).tolist() == wanted


@torch.no_grad()
def composed(model, entries, has_prefix):
    """Each entry prefilled alone, after the prefix or after nothing, and its keys turned to its place."""
    prefix = [BOS, MEMORY]
    _, first = model.hidden(torch.tensor([prefix]), torch.arange(2)[None])
    cache, at = [list(layer) for layer in first], 2
    for text in entries:
        ids = g.encode(text)
        start = 2 if has_prefix else 0
        _, made = model.hidden(torch.tensor([ids]), torch.arange(start, start + len(ids))[None], past=first if has_prefix else None)
        cos, sin = rope(torch.tensor([float(at - start)]), model.config)
        for layer, (k, v) in enumerate(made):
            cache[layer][0] = torch.cat([cache[layer][0], rotate(k[:, :, -len(ids) :], cos[:, None], sin[:, None])], 2)
            cache[layer][1] = torch.cat([cache[layer][1], v[:, :, -len(ids) :]], 2)
        at += len(ids)
    return cache, at


def percent(hits):
    return round(100 * sum(hits) / max(1, len(hits)), 1)


def reading(model, count, questions, seed):
    rng = random.Random(seed)
    cases = [Case(rng, count, MIX) for _ in range(questions)]
    flat = lambda entries: [BOS, MEMORY, *(i for text in entries for i in g.encode(text))]
    result = {"tokens": round(sum(len(flat(c.entries)) for c in cases) / questions)}
    result["whole"] = percent([says(model, flat(c.entries), c.question, c.answer) for c in cases])
    result["removed"] = percent([says(model, flat(c.without()), c.question, c.answer) for c in cases])
    result["says unknown"] = percent([says(model, flat(c.without()), c.question, g.UNKNOWN) for c in cases])
    for name, has_prefix in (("composed", True), ("composed bare", False)):
        hits = []
        for c in cases:
            past, at = composed(model, c.entries, has_prefix)
            hits.append(says(model, [], c.question, c.answer, past, at))
        result[name] = percent(hits)
    return result


def by_kind(model, questions, seed):
    """Answers by kind in rows like those of training: updated facts, spelled names, own facts, two facts."""
    rng, counts = random.Random(seed), {}
    mix = Mix(384, (2, 14), **{**FINAL, "turns": 0.2, "updated": 0.25, "spelled": 0.25, "own": 0.3}, linked=0.2)
    while min((counts.get(kind, [0, 0])[1] for kind in (rows.UPDATED, rows.SPELLED, rows.OWN, rows.LINKED)), default=0) < questions:
        row = rows.reading_row(rng, mix, True, questions=4)
        batch = rows.batch([row], len(row.ids))
        with torch.no_grad():
            hidden, _ = model.hidden(torch.from_numpy(batch.ids), torch.from_numpy(batch.positions), torch.from_numpy(batch.seen))
            best = model.logits(hidden)[0].argmax(-1).tolist()
        for start, end, kind in row.answers:
            count = counts.setdefault(kind, [0, 0])
            count[0] += best[start - 1 : end - 1] == row.ids[start:end]
            count[1] += 1
    return {kind: {"exact": round(100 * right / total, 1), "questions": total} for kind, (right, total) in sorted(counts.items())}


def unseen_phrasings(model, questions, seed):
    rng, hits = random.Random(seed), []
    for _ in range(questions):
        c = Case(rng, 4, MIX)
        question = c.asked.question(rng, g.UNSEEN_QUESTIONS)
        hits.append(says(model, [BOS, MEMORY, *(i for text in c.entries for i in g.encode(text))], question, c.answer))
    return percent(hits)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint")
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model, figures = load(options.checkpoint), {}
    for count in (1, 2, 4, 8, 14, 34):
        figures[f"{count} facts"] = reading(model, count, options.questions, 7 + count)
        print(count, figures[f"{count} facts"], flush=True)
    figures["kinds"] = by_kind(model, options.questions, 5)
    figures["unseen phrasings"] = unseen_phrasings(model, options.questions, 6)
    print(json.dumps({k: figures[k] for k in ("kinds", "unseen phrasings")}, indent=1))
    if options.json:
        with open(options.json, "w") as file:
            json.dump(figures, file, indent=2)


if __name__ == "__main__":
    main()
