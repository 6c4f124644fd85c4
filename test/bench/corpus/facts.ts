import { seededRandom } from '../../conformance/seeded-random.ts'

const CORPUS_SEED = 42
const QUERY_SEED = 7

const WHO =
  'Alice Bruno Chen Dalia Emeka Freya Goran Hana Idris Julia Kofi Lena Mateo Nadia Omar Paula Rafael Signe Tomas Uma'
const DID =
  'bought borrowed cancelled described dislikes fixed lent lost ordered painted prefers recommended returned sold'
const LIKE =
  'blue bright broken ceramic compact cotton digital folding heavy linen old quiet rusty silver small woollen'
const WHAT =
  'armchair bicycle blender bookcase camera carpet clarinet coat drill jigsaw kayak kettle lamp mirror monitor notebook oven radio sofa suitcase tent'
const WHERE = 'Accra Bergen Cusco Dakar Galway Hanoi Izmir Kyoto Leeds Lima Malmo Oslo Porto Quito Riga Turin'
const [who, did, like, what, where] = [WHO, DID, LIKE, WHAT, WHERE].map((words) => words.split(' '))

/** `count` different sentences of about 80 characters, each a small fact; the same ones for every engine and run. */
export function facts(count: number): string[] {
  const random = seededRandom(CORPUS_SEED)
  const pick = (words: string[] = []) => words[random(words.length)] as string
  return Array.from({ length: count }, (_, i) => {
    const day = `${1 + random(28)}/${1 + random(12)}/${2016 + random(10)}`
    return `${pick(who)} ${pick(did)} the ${pick(like)} ${pick(what)} from the shop in ${pick(where)} on ${day}, no ${i}-${random(10_000)}`
  })
}

const DOCUMENT_LENGTH = 30_000

/** `count` texts of 30,000 characters over a small vocabulary, each with one long word that no other text has, as logs and reports have. */
export function documents(from: number, count: number): string[] {
  const filler = `${[DID, LIKE, WHAT, WHERE].join(' ')} `
  const body = filler.repeat(Math.ceil(DOCUMENT_LENGTH / filler.length)).slice(0, DOCUMENT_LENGTH)
  return Array.from({ length: count }, (_, i) => `reference${String(from + i).padStart(8, '0')} ${body}`)
}

export interface FactQuery {
  query: string
  /** The fact that it was made from. */
  wanted: string
}

/** Queries that leave two words of a known fact out: an engine that works finds the fact among its first ten. */
export function factQueries(texts: readonly string[], count: number): FactQuery[] {
  const random = seededRandom(QUERY_SEED)
  return Array.from({ length: count }, () => {
    const wanted = texts[random(texts.length)] as string
    const query = wanted.split(' ').toSpliced(1, 2).join(' ')
    return { query, wanted }
  })
}
