import {
  type Dice,
  type Fact,
  FILLERS,
  heldOutName,
  heldOutValue,
  KEYS,
  type Key,
  pick,
  questionOf,
  similarName,
  statementOf,
} from './grammar.ts'

/** Facts and fillers as entries of memory, and one question about one of the facts. */
export interface Case {
  entries: readonly string[]
  /** Place of the entry that has the answer. */
  asked: number
  question: string
  answer: string
}

/** As `Case` in gpu-node/reference-model/training/evaluate.py: a third of the facts have a filler in front of them. */
export function makeCase(dice: Dice, facts: number): Case {
  const told = world(dice, facts)
  const subject = pick(dice, told)
  const entries: string[] = []
  let asked = 0
  for (const fact of told) {
    if (dice(10) < 3) entries.push(pick(dice, FILLERS))
    if (fact === subject) asked = entries.length
    entries.push(statementOf(dice, fact))
  }
  return { entries, asked, question: questionOf(dice, subject), answer: `${subject.value}.` }
}

/** What is left in memory when the fact that was asked for is not. */
export const withoutAnswer = ({ entries, asked }: Case): string[] => entries.toSpliced(asked, 1)

/** Facts about distinct pairs of person and relation. Few relations, so that the name must be matched and not only the relation. */
function world(dice: Dice, count: number): Fact[] {
  const people = peopleOf(dice, count)
  const keys = keysOf(dice, Math.max(pick(dice, [1, 2, 2, 3, 8]), Math.ceil(count / people.length)))
  while (keys.length * people.length < count) keys.push(KEYS.find((key) => !keys.includes(key))!)
  const facts: Fact[] = []
  while (facts.length < count) {
    const person = people[facts.length] ?? pick(dice, people)
    const key = pick(dice, keys)
    if (facts.some((fact) => fact.person === person && fact.key === key)) continue
    facts.push({ person, key, value: heldOutValue(dice, key) })
  }
  for (let at = facts.length - 1; at > 0; at--) {
    const other = dice(at + 1)
    ;[facts[at], facts[other]] = [facts[other]!, facts[at]!]
  }
  return facts
}

/** Half as many people as facts, or more; a quarter of them named like someone else. */
function peopleOf(dice: Dice, count: number): string[] {
  const least = Math.max(1, Math.floor((count + 1) / 2))
  const wanted = least + dice(Math.max(least, count) - least + 1)
  const people = new Set<string>()
  for (let at = 0; at < wanted; at++)
    people.add(people.size > 0 && dice(4) === 0 ? similarName(dice, pick(dice, [...people])) : heldOutName(dice))
  return [...people]
}

/** Cities come three times as often: their names take the most tokens. */
function keysOf(dice: Dice, kinds: number): Key[] {
  const drawn = Array.from({ length: 3 * kinds }, () => pick(dice, [...KEYS, 'city', 'city'] as const))
  return [...new Set(drawn)].slice(0, kinds)
}
