import type { EntrySum } from '../../../schemas/mip-entry.ts'
import type { SubscriptionFilter } from '../../../schemas/mip-subscription.ts'
import type { Revision } from '../../../schemas/revision.ts'
import type { Embedder } from '../../ports/embedder.ts'
import { analyse } from '../retrieval/analyse.ts'
import { analyseQuery } from '../retrieval/query.ts'

/** Whether what an entry says of itself rules the cube out; what it leaves out is looked up in the revision. */
export function isRuledOut({ topics, kinds }: SubscriptionFilter, sum: EntrySum<'cube.publish'>): boolean {
  const misses = (wanted: readonly string[] | undefined, said: readonly string[] | undefined) =>
    wanted !== undefined && said !== undefined && !said.some((one) => wanted.includes(one))
  return misses(topics, sum.topics) || misses(kinds, sum.kinds)
}

/** The same with the revision at hand. Its topics are its tags and those that the publisher named for it in the entry; its renditions are what it has. */
export function isOfInterest(
  { topics, kinds }: SubscriptionFilter,
  revision: Revision,
  sum: EntrySum<'cube.publish'> | null,
): boolean {
  const about = [...revision.tags, ...(sum?.topics ?? [])]
  return (
    (topics === undefined || about.some((topic) => topics.includes(topic))) &&
    (kinds === undefined || revision.renditions.some(({ kind }) => kinds.includes(kind)))
  )
}

/**
 * How much a text is about a query, 0 to 1: the share of the query's terms that it has, or the cosine of both vectors where a model embeds,
 * whichever is higher. A model that does not answer leaves the words to decide.
 */
export async function scoreOf(
  text: string,
  query: string,
  embedder: Embedder | null,
  signal: AbortSignal,
): Promise<number> {
  const { terms } = analyseQuery(query, { speakers: [] })
  const said = new Set(analyse(text))
  const share = terms.length === 0 ? 0 : terms.filter((term) => said.has(term)).length / terms.length
  if (embedder === null || share === 1) return share
  try {
    const [asked] = await embedder.embed([query], { kind: 'query', signal })
    const [told] = await embedder.embed([text], { kind: 'document', signal })
    return asked === undefined || told === undefined ? share : Math.max(share, cosine(asked, told))
  } catch {
    return share
  }
}

/** Of unit vectors. */
const cosine = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, at) => sum + x * (b[at] ?? 0), 0)
