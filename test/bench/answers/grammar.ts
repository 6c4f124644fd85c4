import { crc32 } from 'node:zlib'

/** The language of the reference model: gpu-node/reference-model/training/grammar.py, as far as held-out questions need it. */
const list = (text: string) => text.split(' ')
const COLOURS = list('red blue green yellow purple orange black white grey pink brown silver gold teal violet crimson')
const PETS = list('cat dog parrot rabbit hamster turtle snake goat horse lizard ferret canary pigeon donkey frog mouse')
const JOBS = list(
  'baker pilot nurse teacher farmer lawyer painter plumber chemist dentist sailor tailor butcher singer judge miner',
)
const FOODS = list('pasta rice soup bread cheese pizza salad curry fish stew pie noodles beans cake toast eggs')
const MONTHS = list('January February March April May June July August September October November December')
const SYLLABLES = [...'bdfklmnrst'].flatMap((consonant) => [...'aeiou'].map((vowel) => consonant + vowel))
const SUFFIXES = list('ton burg ville ford port stad holm wick dale gate field mont')

export const FILLERS = [
  'The weather is nice today.',
  'It is late now.',
  'We had a long meeting.',
  'The train was on time.',
  'There is nothing new to tell.',
  'I was busy all day.',
  'The shop is closed on Sunday.',
  'The window is open.',
  'Thank you for your help.',
  'Good morning.',
]
export const UNKNOWN = "I don't know."

interface Relation {
  statements: readonly string[]
  questions: readonly string[]
}

function relation(word: string, statements: readonly string[], questions: readonly string[]): Relation {
  const article = word === 'pet' ? 'a ' : ''
  return {
    statements: [`The ${word} of {N} is ${article}{V}.`, `{N}'s ${word} is ${article}{V}.`, ...statements],
    questions: [
      `What is the ${word} of {N}?`,
      `What is {N}'s ${word}?`,
      `Tell me {N}'s ${word}.`,
      `Do you know the ${word} of {N}?`,
      ...questions,
    ],
  }
}

const RELATIONS = {
  code: relation(
    'code',
    ['{N} uses the code {V}.', '{N} has the code {V}.', "Remember that {N}'s code is {V}."],
    ['Which code does {N} use?', 'What code does {N} have?'],
  ),
  room: relation(
    'room',
    ['{N} works in room {V}.', '{N} has room {V}.', 'Remember that {N} is in room {V}.'],
    ['Which room does {N} have?', 'What room is {N} in?'],
  ),
  city: relation(
    'city',
    ['{N} lives in {V}.', "{N}'s home is in {V}.", '{N} moved to {V}.', 'Remember that {N} lives in {V}.'],
    [
      'Where does {N} live?',
      'Which city does {N} live in?',
      'Tell me where {N} lives.',
      'Do you know where {N} lives?',
    ],
  ),
  colour: relation(
    'favourite colour',
    ['{N} likes the colour {V}.', '{N} loves {V} most of all colours.', 'Remember that {N} likes the colour {V}.'],
    ['Which colour does {N} like?', 'What colour does {N} love?'],
  ),
  pet: relation(
    'pet',
    ['{N} has a {V} at home.', '{N} keeps a {V}.', 'Remember that {N} has a {V}.'],
    ['Which pet does {N} have?', 'What animal does {N} keep?'],
  ),
  job: relation(
    'job',
    ['{N} is a {V}.', '{N} works as a {V}.', 'Remember that {N} works as a {V}.'],
    ['Which job does {N} have?', 'What does {N} work as?'],
  ),
  food: relation(
    'favourite food',
    ['{N} likes to eat {V}.', '{N} eats {V} every day.', 'Remember that {N} likes to eat {V}.'],
    ['Which food does {N} like?', 'What does {N} like to eat?'],
  ),
  birthday: relation(
    'birthday',
    ['{N} was born on {V}.', '{N} has a birthday on {V}.', 'Remember that {N} was born on {V}.'],
    ['When was {N} born?', "Which day is {N}'s birthday?"],
  ),
} as const
export type Key = keyof typeof RELATIONS
export const KEYS = Object.keys(RELATIONS) as Key[]

/** Integers from 0 to below the argument. */
export type Dice = (below: number) => number

export const pick = <T>(dice: Dice, items: readonly T[]): T => items[dice(items.length)]!

/** Names and values of which the model has seen none: a tenth, by digest. */
export const isHeldOut = (text: string): boolean => crc32(text) % 10 === 0

function drawHeldOut(make: () => string): string {
  for (;;) {
    const text = make()
    if (isHeldOut(text)) return text
  }
}

const capitalised = (word: string) => word.slice(0, 1).toUpperCase() + word.slice(1)
const digits = (dice: Dice, count: number) => Array.from({ length: count }, () => dice(10)).join('')

/** A person's name that was held out: two or three syllables. */
export const heldOutName = (dice: Dice): string =>
  drawHeldOut(() => capitalised(Array.from({ length: dice(10) < 6 ? 2 : 3 }, () => pick(dice, SYLLABLES)).join('')))

/** A held-out name that differs from this one in one syllable. */
export function similarName(dice: Dice, name: string): string {
  for (;;) {
    const syllables = name.toLowerCase().match(/../g) ?? []
    syllables[dice(syllables.length)] = pick(dice, SYLLABLES)
    const other = capitalised(syllables.join(''))
    if (other !== name && isHeldOut(other)) return other
  }
}

const CLOSED: Partial<Record<Key, readonly string[]>> = { colour: COLOURS, pet: PETS, job: JOBS, food: FOODS }

/** A value that was held out where there are enough of them. */
export function heldOutValue(dice: Dice, key: Key): string {
  const closed = CLOSED[key]
  if (closed !== undefined) return pick(dice, closed)
  return drawHeldOut(() => {
    if (key === 'code') return digits(dice, 4)
    if (key === 'room') return digits(dice, 3)
    if (key === 'birthday') return `${pick(dice, MONTHS)} ${digits(dice, 2)}`
    return capitalised(pick(dice, SYLLABLES)) + pick(dice, SYLLABLES) + pick(dice, SUFFIXES)
  })
}

export interface Fact {
  person: string
  key: Key
  value: string
}

const fill = (template: string, { person, value }: Fact) => template.replace('{N}', person).replace('{V}', value)

export const statementOf = (dice: Dice, fact: Fact): string => fill(pick(dice, RELATIONS[fact.key].statements), fact)

export const questionOf = (dice: Dice, fact: Fact): string => fill(pick(dice, RELATIONS[fact.key].questions), fact)
