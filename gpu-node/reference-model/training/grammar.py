"""The text that the model learns from: statements about people, questions, fillers. Names and values that hash to a tenth are held out."""
import zlib
from dataclasses import dataclass

from vocabulary import SUFFIXES, SYLLABLES, Vocabulary

COLOURS = "red blue green yellow purple orange black white grey pink brown silver gold teal violet crimson".split()
PETS = "cat dog parrot rabbit hamster turtle snake goat horse lizard ferret canary pigeon donkey frog mouse".split()
JOBS = "baker pilot nurse teacher farmer lawyer painter plumber chemist dentist sailor tailor butcher singer judge miner".split()
FOODS = "pasta rice soup bread cheese pizza salad curry fish stew pie noodles beans cake toast eggs".split()
MONTHS = "January February March April May June July August September October November December".split()
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Relation:
    word: str
    statements: tuple
    questions: tuple


def relation(word, statements, questions):
    canonical = (f"What is the {word} of {{N}}?", f"What is {{N}}'s {word}?", f"Tell me {{N}}'s {word}.", f"Do you know the {word} of {{N}}?")
    article = "a " if word == "pet" else ""
    told = (f"The {word} of {{N}} is {article}{{V}}.", f"{{N}}'s {word} is {article}{{V}}.")
    return Relation(word, told + statements, canonical + questions)


RELATIONS = {
    "code": relation("code", ("{N} uses the code {V}.", "{N} has the code {V}.", "Remember that {N}'s code is {V}."),
                     ("Which code does {N} use?", "What code does {N} have?")),
    "room": relation("room", ("{N} works in room {V}.", "{N} has room {V}.", "Remember that {N} is in room {V}."),
                     ("Which room does {N} have?", "What room is {N} in?")),
    "city": relation("city", ("{N} lives in {V}.", "{N}'s home is in {V}.", "{N} moved to {V}.", "Remember that {N} lives in {V}."),
                     ("Where does {N} live?", "Which city does {N} live in?", "Tell me where {N} lives.", "Do you know where {N} lives?")),
    "colour": relation("favourite colour", ("{N} likes the colour {V}.", "{N} loves {V} most of all colours.", "Remember that {N} likes the colour {V}."),
                       ("Which colour does {N} like?", "What colour does {N} love?")),
    "pet": relation("pet", ("{N} has a {V} at home.", "{N} keeps a {V}.", "Remember that {N} has a {V}."),
                    ("Which pet does {N} have?", "What animal does {N} keep?")),
    "job": relation("job", ("{N} is a {V}.", "{N} works as a {V}.", "Remember that {N} works as a {V}."),
                    ("Which job does {N} have?", "What does {N} work as?")),
    "food": relation("favourite food", ("{N} likes to eat {V}.", "{N} eats {V} every day.", "Remember that {N} likes to eat {V}."),
                     ("Which food does {N} like?", "What does {N} like to eat?")),
    "birthday": relation("birthday", ("{N} was born on {V}.", "{N} has a birthday on {V}.", "Remember that {N} was born on {V}."),
                         ("When was {N} born?", "Which day is {N}'s birthday?")),
}
NAMES = list(RELATIONS)
CLOSED = {"colour": COLOURS, "pet": PETS, "job": JOBS, "food": FOODS}
# Held out of training altogether: how well does a phrasing carry over that was never seen?
UNSEEN_QUESTIONS = ("Which is the {W} of {N}?", "Tell me the {W} of {N}.", "Do you know {N}'s {W}?")
SELF = "I"
SELF_STATEMENTS = ("My {W} is {V}.", "Remember that my {W} is {V}.")
SELF_QUESTIONS = ("What is my {W}?", "Tell me my {W}.", "Do you know my {W}?")
# Two facts: who is it, and what else is known of them.
LINKED_QUESTIONS = ("What is the {W} of the person whose {K} is {V}?", "Tell me the {W} of the person whose {K} is {V}.")
FILLERS = (
    "The weather is nice today.", "It is late now.", "We had a long meeting.", "The train was on time.", "There is nothing new to tell.",
    "I was busy all day.", "The shop is closed on Sunday.", "The window is open.", "Thank you for your help.", "Good morning.",
)
THANKS = ("Okay.", "I will remember that.", "Thank you.")
UNKNOWN = "I don't know."


def words():
    texts = [*FILLERS, *THANKS, UNKNOWN, *SELF_STATEMENTS, *SELF_QUESTIONS, *LINKED_QUESTIONS, *UNSEEN_QUESTIONS]
    for r in RELATIONS.values():
        texts += [*r.statements, *r.questions, r.word]
    for listed in (COLOURS, PETS, JOBS, FOODS, MONTHS):
        texts.append(" ".join(listed))
    from vocabulary import PIECE

    return [w for t in texts for w in PIECE.findall(t.replace("{N}", "").replace("{V}", "").replace("{W}", "").replace("{K}", ""))]


VOCABULARY = Vocabulary(words())
encode = VOCABULARY.encode


def is_held_out(text):
    return zlib.crc32(text.encode()) % 10 == 0


def draw(rng, make, held_out):
    while True:
        text = make()
        if is_held_out(text) == held_out:
            return text


def name(rng, held_out=False, spelled=0.0):
    """A person's name: two or three syllables, or letters that make no syllables."""
    if rng.random() < spelled:
        return draw(rng, lambda: "".join(rng.choice(LETTERS) for _ in range(rng.randint(3, 6))).capitalize(), held_out)
    return draw(rng, lambda: "".join(rng.choice(SYLLABLES) for _ in range(2 if rng.random() < 0.6 else 3)).capitalize(), held_out)


def digits(rng, count):
    return "".join(rng.choice("0123456789") for _ in range(count))


def value(rng, key, held_out=False):
    if key == "code":
        return draw(rng, lambda: digits(rng, 4), held_out)
    if key == "room":
        return draw(rng, lambda: digits(rng, 3), held_out)
    if key == "city":
        return draw(rng, lambda: rng.choice(SYLLABLES).capitalize() + rng.choice(SYLLABLES) + rng.choice(SUFFIXES), held_out)
    if key == "birthday":
        return draw(rng, lambda: f"{rng.choice(MONTHS)} {digits(rng, 2)}", held_out)
    return rng.choice(CLOSED[key])


def fill(template, n="", v="", w="", k=""):
    return template.replace("{N}", n).replace("{V}", v).replace("{W}", w).replace("{K}", k)


@dataclass(frozen=True)
class Fact:
    subject: str
    key: str
    value: str

    def statement(self, rng):
        r = RELATIONS[self.key]
        if self.subject == SELF:
            article = "a " if self.key == "pet" else ""
            return fill(rng.choice(SELF_STATEMENTS), v=article + self.value, w=r.word)
        return fill(rng.choice(r.statements), self.subject, self.value)

    def question(self, rng, templates=None):
        r = RELATIONS[self.key]
        if self.subject == SELF:
            return fill(rng.choice(SELF_QUESTIONS), w=r.word)
        return fill(rng.choice(templates or r.questions), self.subject, w=r.word)
