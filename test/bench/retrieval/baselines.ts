import { DatabaseSync } from 'node:sqlite'
import { loadPeer } from '../peers/load-peer.ts'
import { haystacks, type Question, type Turn, textOf } from './dataset.ts'

/** `before` is applied to the ranking afterwards, so more is asked for than is kept. */
const FOUND_MAX = 5000
const RANKED_MAX = 100

/** A search engine over the turns of one haystack: places of the found turns, best first. */
type Engine = (query: string, limit: number) => number[] | Promise<number[]>
type BuildEngine = (texts: readonly string[]) => Engine | Promise<Engine>

interface MiniSearchLike {
  addAll(documents: readonly { id: number; text: string }[]): void
  search(query: string): { id: number }[]
}
interface MiniSearchModule {
  default: new (options: { fields: string[] }) => MiniSearchLike
}
interface OramaModule {
  create(options: { schema: Record<string, string> }): unknown
  insertMultiple(database: unknown, documents: readonly object[]): Promise<unknown> | unknown
  search(
    database: unknown,
    query: { term: string; properties: string[]; limit: number },
  ): Promise<{ hits: { document: { place: number } }[] }>
}

/** Lexical engines with the settings that they come with. */
export const BASELINES: Record<string, BuildEngine> = {
  fts5: buildFts5,
  minisearch: async (texts) => {
    const { default: MiniSearch } = await loadPeer<MiniSearchModule>('minisearch')
    const index = new MiniSearch({ fields: ['text'] })
    index.addAll(texts.map((text, id) => ({ id, text })))
    return (query) => index.search(query).map((hit) => hit.id)
  },
  orama: async (texts) => {
    const { create, insertMultiple, search } = await loadPeer<OramaModule>('@orama/orama')
    const database = create({ schema: { place: 'number', text: 'string' } })
    await insertMultiple(
      database,
      texts.map((text, place) => ({ place, text })),
    )
    return async (term, limit) => {
      const { hits } = await search(database, { term, properties: ['text'], limit })
      return hits.map((hit) => hit.document.place)
    }
  },
}

/** SQLite FTS5 as its documentation shows it, with the porter stemmer; the words of the query are joined by OR. */
function buildFts5(texts: readonly string[]): Engine {
  const database = new DatabaseSync(':memory:')
  database.exec(`CREATE VIRTUAL TABLE turn USING fts5(text, tokenize = 'porter unicode61'); BEGIN`)
  const insert = database.prepare('INSERT INTO turn (rowid, text) VALUES (?, ?)')
  for (const [place, text] of texts.entries()) insert.run(place, text)
  database.exec('COMMIT')
  const select = database.prepare('SELECT rowid FROM turn WHERE turn MATCH ? ORDER BY rank LIMIT ?')
  return (query, limit) => {
    const words = query.match(/[\p{L}\p{N}]+/gu) ?? []
    if (words.length === 0) return []
    return select.all(words.map((word) => `"${word}"`).join(' OR '), limit).map((row) => Number(row.rowid))
  }
}

/** Rankings of one baseline, haystack by haystack. */
export async function runBaseline(
  build: BuildEngine,
  turns: readonly Turn[],
  questions: readonly Question[],
): Promise<Map<string, string[]>> {
  const rankings = new Map<string, string[]>()
  const asked = Map.groupBy(questions, (question) => question.conv)
  for (const [conv, ofConv] of haystacks(turns)) {
    const engine = await build(ofConv.map(textOf))
    for (const { question_id, question, before } of asked.get(conv) ?? []) {
      const places = await engine(question, before === undefined ? RANKED_MAX : FOUND_MAX)
      const ranked = places.map((place) => ofConv[place] as Turn)
      const found = before === undefined ? ranked : ranked.filter((turn) => turn.si < before)
      rankings.set(
        question_id,
        found.slice(0, RANKED_MAX).map((turn) => turn.id),
      )
    }
  }
  return rankings
}
