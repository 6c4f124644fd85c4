import type { FullCube } from '../../infrastructure/vault/cube-reader.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { POSTING_FREQUENCY_BASE, POSTING_LENGTH_BASE } from '../../ports/lexical.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import { indexDocument } from '../retrieval/document.ts'

/** Terms of a text that memories are looked up by: the rarest ones tell them apart. */
const PROBE_TERMS_MAX = 8
/** A term of more memories than this tells nothing apart, and its list is long. */
const PROBE_DOCUMENTS_MAX = 20_000
/** Memories that one text is compared with. */
export const SIMILAR_MAX = 10
/** Weight of a term that no memory has: a memory without it does not hold what was looked for. */
const DOCUMENTS_OF_UNKNOWN = 0.5

/** A stored memory that shares words with a text. */
export interface SimilarMemory {
  full: FullCube
  terms: ReadonlySet<string>
  /** Share of the text's terms that the memory holds, the rarer ones weighing more: 0 to 1. */
  coverage: number
}

/** What memories are looked for by. */
export interface Lookup {
  text: string
  /** Words that memories of the same attribute use, whatever they say of it. */
  hints: readonly string[]
  /** Memories that are known to speak of the same attribute. */
  seqs: readonly number[]
}

export const termsOf = (text: string): ReadonlySet<string> =>
  new Set(indexDocument({ text, speaker: null, role: null, date: null }).terms.keys())

/**
 * For each lookup the memories of a namespace that share its rarest words or speak of the same attribute, best first. Three reads however many
 * lookups there are; each carries the caller's permissions.
 */
export async function similarMemories(
  { lexical, cubes }: VaultSession,
  namespace: NamespaceRow,
  lookups: readonly Lookup[],
): Promise<SimilarMemory[][]> {
  const wanted = lookups.map(({ text }) => termsOf(text))
  const hinted = lookups.map(({ hints }) => termsOf(hints.join(' ')))
  const all = [...new Set([...wanted, ...hinted].flatMap((terms) => [...terms]))]
  if (all.length === 0 || namespace.cubeCount === 0) return lookups.map(() => [])
  const { documents, cubes: count } = await lexical.statistics(namespace, all)
  const weight = (term: string) => Math.log(1 + count / (documents.get(term) ?? DOCUMENTS_OF_UNKNOWN))
  const probes = wanted.map((terms) => probesOf(terms, documents))
  const hintProbes = hinted.map((terms) => probesOf(terms, documents))
  const looked = [...new Set([...probes, ...hintProbes].flat())]
  const lists = looked.length === 0 ? [] : await lexical.postings(namespace, looked, { sessions: false })
  const holders = new Map(looked.map((term, at) => [term, seqsOf(lists[at]?.packed ?? [])]))
  const best = lookups.map(({ seqs }, at) => [
    ...new Set([
      ...bestOf(probes[at] ?? [], holders, weight),
      ...bestOf(hintProbes[at] ?? [], holders, () => 1),
      ...seqs.slice(0, SIMILAR_MAX),
    ]),
  ])
  const loaded = new Map<number, SimilarMemory>()
  for (const full of await cubes.bySeq(namespace.id, [...new Set(best.flat())]))
    loaded.set(full.cube.seq, { full, terms: termsOf(full.content ?? ''), coverage: 0 })
  return best.map((seqs, at) => {
    const found = seqs.flatMap((seq) => loaded.get(seq) ?? [])
    return found
      .map((one) => ({ ...one, coverage: coverageOf(wanted[at] ?? new Set(), one.terms, weight) }))
      .toSorted((a, b) => b.coverage - a.coverage || b.full.cube.seq - a.full.cube.seq)
  })
}

const probesOf = (terms: ReadonlySet<string>, documents: ReadonlyMap<string, number>): string[] =>
  [...terms]
    .filter((term) => (documents.get(term) ?? 0) > 0 && (documents.get(term) ?? 0) <= PROBE_DOCUMENTS_MAX)
    .toSorted((a, b) => (documents.get(a) ?? 0) - (documents.get(b) ?? 0))
    .slice(0, PROBE_TERMS_MAX)

const seqsOf = (packed: readonly number[]): number[] =>
  packed.map((posting) => Math.floor(posting / (POSTING_LENGTH_BASE * POSTING_FREQUENCY_BASE)))

/** Documents by the summed weight of the probes that they hold; of equal ones the newest. */
function bestOf(
  terms: readonly string[],
  holders: ReadonlyMap<string, readonly number[]>,
  weight: (term: string) => number,
): number[] {
  const scores = new Map<number, number>()
  for (const term of terms)
    for (const seq of holders.get(term) ?? []) scores.set(seq, (scores.get(seq) ?? 0) + weight(term))
  return [...scores]
    .toSorted(([a, scoreA], [b, scoreB]) => scoreB - scoreA || b - a)
    .slice(0, SIMILAR_MAX)
    .map(([seq]) => seq)
}

function coverageOf(wanted: ReadonlySet<string>, held: ReadonlySet<string>, weight: (term: string) => number): number {
  let shared = 0
  let total = 0
  for (const term of wanted) {
    total += weight(term)
    if (held.has(term)) shared += weight(term)
  }
  return total === 0 ? 0 : shared / total
}
