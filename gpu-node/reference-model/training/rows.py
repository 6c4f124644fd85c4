"""Rows of training text: a memory block, then questions; and two exercises that lead up to it."""
from dataclasses import dataclass, field

import numpy as np

import grammar as g
from vocabulary import ASSISTANT, BOS, END, MEMORY, PAD, SPECIAL, USER

PLAIN, UPDATED, SPELLED, OWN, LINKED, REFUSED = "plain updated spelled own linked refused".split()


@dataclass(frozen=True)
class Mix:
    """What rows of a stage are made of. Shares are probabilities."""

    length: int
    facts: tuple = (1, 3)
    copy: float = 0.0
    pairs: float = 0.0
    unknown: float = 0.0
    turns: float = 0.0
    filler: float = 0.0
    alike: float = 0.0
    blocks: float = 0.0
    bare: float = 0.0
    gap: int = 0
    spelled: float = 0.0
    updated: float = 0.0
    own: float = 0.0
    linked: float = 0.0
    grouped: float = 0.0
    shared: float = 0.0


@dataclass
class Row:
    ids: list = field(default_factory=list)
    is_answer: list = field(default_factory=list)
    segments: list = field(default_factory=list)
    gaps: list = field(default_factory=list)
    answers: list = field(default_factory=list)
    is_bare: bool = False

    def put(self, tokens, is_answer=0, segment=0, gap=0):
        self.ids += tokens
        self.is_answer += [is_answer] * len(tokens)
        self.segments += [segment] * len(tokens)
        self.gaps += [gap] + [0] * (len(tokens) - 1)

    def put_question(self, question, answer, kind, gap=0):
        self.put([USER, *question, END, ASSISTANT], gap=gap)
        self.answers.append((len(self.ids), len(self.ids) + len(answer), kind))
        self.put([*answer, END], is_answer=1)


def similar(rng, name, held_out):
    """A name that differs in one syllable."""
    syllables = [name[i : i + 2] for i in range(0, len(name), 2)]
    while True:
        other = list(syllables)
        other[rng.randrange(len(other))] = rng.choice(g.SYLLABLES)
        changed = "".join(other).capitalize()
        if changed != name and g.is_held_out(changed) == held_out:
            return changed


def world(rng, count, mix, held_out):
    """`count` facts about distinct pairs of person and relation, in the order in which they are told."""
    people = []
    least = count if rng.random() < mix.shared else max(1, (count + 1) // 2)
    for _ in range(max(1, min(count, rng.randint(least, max(least, count))))):
        person = g.name(rng, held_out, mix.spelled)
        if people and rng.random() < mix.alike:
            other = rng.choice(people)
            if len(other) % 2 == 0 and other.lower()[:2] in g.SYLLABLES:
                person = similar(rng, other, held_out) if all(other.lower()[i : i + 2] in g.SYLLABLES for i in range(0, len(other), 2)) else person
        if person not in people:
            people.append(person)
    if rng.random() < mix.own:
        people[0] = g.SELF
    # Few relations in a row: several people share one, so that the name must be matched and not only the relation.
    kinds = max(1 if rng.random() < mix.shared else rng.choice((1, 2, 2, 3, 8)), -(-count // len(people)))
    keys = list(dict.fromkeys(rng.choices(g.NAMES + ["city", "city"], k=3 * kinds)))[:kinds]
    keys += [key for key in g.NAMES if key not in keys][: max(0, -(-count // len(people)) - len(keys))]
    facts, taken = [], set()
    while len(facts) < count:
        person = rng.choice(people) if len(facts) >= len(people) else people[len(facts)]
        key = rng.choice(keys)
        if (person, key) not in taken:
            taken.add((person, key))
            facts.append(g.Fact(person, key, g.value(rng, key, held_out)))
    rng.shuffle(facts)
    return people, facts


def told(rng, facts, mix, held_out):
    """The statements in order: some facts were different before."""
    order = list(facts)
    for fact in facts:
        if rng.random() < mix.updated:
            before = g.Fact(fact.subject, fact.key, g.value(rng, fact.key, held_out))
            if before.value != fact.value:
                order.insert(rng.randint(0, order.index(fact)), before)
    return order


def kind_of(fact, order):
    if sum(f.subject == fact.subject and f.key == fact.key for f in order) > 1:
        return UPDATED
    if fact.subject == g.SELF:
        return OWN
    syllables = [fact.subject.lower()[i : i + 2] for i in range(0, len(fact.subject), 2)]
    return PLAIN if all(s in g.SYLLABLES for s in syllables) else SPELLED


def memory_block(rng, row, entries, mix, gap):
    """Entries one after the other; in a blocked row none of them sees another one."""
    is_blocked = rng.random() < mix.blocks
    row.is_bare = is_blocked and rng.random() < mix.bare
    row.put([BOS, MEMORY])
    at, segment = 0, 0
    while at < len(entries):
        size = rng.randint(2, 3) if rng.random() < mix.grouped else 1
        segment += 1
        for text in entries[at : at + size]:
            row.put(g.encode(text), segment=segment if is_blocked else 0, gap=gap() if text is entries[at] else 0)
        at += size
    row.put([END], gap=gap())


def unknown_question(rng, people, facts, mix, held_out):
    """About someone of whom this is not told; mostly what is told of others."""
    known = {(f.subject, f.key) for f in facts}
    while True:
        person = rng.choice(people) if people and rng.random() < 0.6 else g.name(rng, held_out, mix.spelled)
        if people and rng.random() < mix.alike:
            chosen = rng.choice(people)
            if kind_of(g.Fact(chosen, "code", ""), []) == PLAIN:
                person = similar(rng, chosen, held_out)
        key = rng.choice(facts).key if facts and rng.random() < 0.7 else rng.choice(g.NAMES)
        if (person, key) not in known:
            return g.Fact(person, key, "").question(rng)


def linked_question(rng, fact, facts):
    """Names the person by another fact about it; None where no other fact does."""
    others = [f for f in facts if f.subject == fact.subject and f.key != fact.key]
    others = [o for o in others if sum(f.key == o.key and f.value == o.value for f in facts) == 1]
    if not others or fact.subject == g.SELF:
        return None
    by = rng.choice(others)
    words = (g.RELATIONS[fact.key].word, g.RELATIONS[by.key].word)
    return g.fill(rng.choice(g.LINKED_QUESTIONS), w=words[0], k=words[1], v=by.value)


def reading_row(rng, mix, held_out=False, questions=99):
    """Facts in a memory block or told in turns, and as many questions as fit."""
    row = Row()
    count = rng.randint(*mix.facts)
    people, facts = world(rng, count, mix, held_out) if count else ([], [])
    order = told(rng, facts, mix, held_out)
    gap = lambda: rng.randint(0, mix.gap) if mix.gap and rng.random() < 0.3 else 0
    pending = []
    if rng.random() < mix.turns:
        row.put([BOS])
        pending = list(reversed(order))
    else:
        entries = []
        for fact in order:
            entries += [rng.choice(g.FILLERS)] if rng.random() < mix.filler else []
            entries.append(fact.statement(rng))
        memory_block(rng, row, entries, mix, gap)
    ask(rng, row, people, facts, order, pending, mix, held_out, questions, gap)
    return row


def ask(rng, row, people, facts, order, pending, mix, held_out, questions, gap):
    heard = [f for f in order if f not in pending]
    answer_of = lambda f: next(o for o in reversed(heard) if (o.subject, o.key) == (f.subject, f.key))
    todo = [] if pending else rng.sample(facts, len(facts))
    while len(row.answers) < questions:
        if pending and (not todo or rng.random() < 0.5):
            fact = pending.pop()
            turn = [USER, *g.encode(fact.statement(rng)), END, ASSISTANT, *g.encode(rng.choice(g.THANKS)), END]
            if len(row.ids) + len(turn) > mix.length:
                return
            row.put(turn, gap=gap())
            heard.append(fact)
            todo.append(fact)
            continue
        if rng.random() < mix.filler * 0.3:
            turn = [USER, *g.encode(rng.choice(g.FILLERS)), END, ASSISTANT, *g.encode(rng.choice(g.THANKS)), END]
            if len(row.ids) + len(turn) <= mix.length:
                row.put(turn, gap=gap())
        if not facts or rng.random() < mix.unknown:
            question, answer, kind = unknown_question(rng, people, facts, mix, held_out), g.UNKNOWN, REFUSED
        else:
            if not todo:
                if held_out:
                    return
                todo = rng.sample(heard, len(heard))
            fact = answer_of(todo.pop())
            kind, answer = kind_of(fact, heard), fact.value + "."
            linked = linked_question(rng, fact, [answer_of(f) for f in facts]) if not pending and rng.random() < mix.linked else None
            question = linked or fact.question(rng)
            kind = LINKED if linked else kind
        question, answer = g.encode(question), g.encode(answer)
        if len(row.ids) + len(question) + len(answer) + 4 > mix.length:
            return
        row.put_question(question, answer, kind, gap())


COPYABLE = [at for at in range(len(SPECIAL), len(g.VOCABULARY))]
BETWEEN = [i for r in g.RELATIONS.values() for t in (r.questions[0], r.statements[1], r.statements[2]) for i in g.encode(g.fill(t))] + [END, ASSISTANT, USER]
SIMPLE = [i for listed in (g.COLOURS, g.PETS, g.JOBS, g.FOODS, g.MONTHS) for word in listed for i in g.encode(word)]


def copy_row(rng, length):
    """Short spans of random tokens, then the same spans in another order: copying in general."""
    spans = [[rng.choice(COPYABLE) for _ in range(rng.randint(3, 6))] for _ in range(max(2, length // 14))]
    row = Row()
    row.put([BOS, *sum(spans, [])])
    for span in rng.sample(spans, len(spans)):
        row.put(span[:1])
        row.put(span[1:], is_answer=1)
    return row


def pairs_row(rng, length):
    """Names with values, words between; then the same names, other words, the same values: the bridge from copying to reading."""
    # As far as a name may stand from the end of a question.
    distance, count, pairs = rng.randint(0, 8), rng.randint(2, 5), {}
    while len(pairs) < count:
        name = tuple(g.encode(g.name(rng, spelled=0.1))[: rng.choice((1, 2, 2, 3))])
        kind = rng.random()
        value = [rng.choice(SIMPLE)] if kind < 0.4 else g.encode(g.value(rng, rng.choice(("code", "room", "city")))) if kind < 0.8 else g.encode(g.name(rng, spelled=0.3))
        pairs.setdefault(name, value)
    row = Row()
    row.put([BOS])
    is_first = True
    while len(row.ids) < length:
        for name, value in rng.sample(list(pairs.items()), count):
            between = [rng.choice(BETWEEN) for _ in range(rng.randint(0, distance))]
            row.put([*name, *between, *([] if is_first or rng.random() < 0.5 else [END, ASSISTANT])])
            row.put([*value, *g.encode(".")], is_answer=0 if is_first else 1)
        is_first = False
    return row


def row_of(rng, mix, held_out=False):
    kind = rng.random()
    if kind < mix.copy:
        return copy_row(rng, mix.length)
    if kind < mix.copy + (1 - mix.copy) * mix.pairs:
        return pairs_row(rng, min(mix.length, 96))
    return reading_row(rng, mix, held_out)


@dataclass
class Batch:
    ids: np.ndarray
    is_answer: np.ndarray
    positions: np.ndarray
    seen: np.ndarray
    answers: list


def batch(rows, length):
    """Rows cut and padded to one length. `seen` [B, T, T] says which tokens of memory are visible to which."""
    shape = (len(rows), length)
    ids, answer, segments, gaps = (np.zeros(shape, np.int64) for _ in range(4))
    for at, row in enumerate(rows):
        n = min(len(row.ids), length)
        ids[at, :n], answer[at, :n], segments[at, :n], gaps[at, :n] = row.ids[:n], row.is_answer[:n], row.segments[:n], row.gaps[:n]
    bare = np.array([row.is_bare for row in rows])[:, None, None]
    mine, other = segments[:, :, None], segments[:, None, :]
    seen = (mine == 0) | (mine == other) | ((other == 0) & ~bare)
    answers = [[a for a in row.answers if a[1] <= length] for row in rows]
    return Batch(ids, answer, np.arange(length)[None] + np.cumsum(gaps, 1), seen, answers)


assert PAD == 0  # what np.zeros fills in
