import { MemoryBlobStore } from '../../../worker/drivers/blob-store/memory.ts'
import { openLibsql } from '../../../worker/drivers/database/open-libsql.ts'
import { analyse } from '../../../worker/operation/retrieval/analyse.ts'
import { type Caller, newTenant } from '../../support/edge.ts'
import { openLocalEdge } from '../../support/local-edge.ts'
import { haystacks, type Question, readDataset, type Turn, textOf } from '../retrieval/dataset.ts'
import type { Access, Trace } from './replay.ts'

/** Cubes that each question is answered from. */
const USED_PER_QUESTION = 10
/** Time between two questions of one conversation. */
const QUESTION_EVERY_MS = 3_600_000
const HALF_LIFE_MS = 7 * 86_400_000
const CUBES_PER_BATCH = 100

/**
 * The questions of every LoCoMo conversation, asked in the order of the file, an hour apart, through the search of an edge: what each finds is
 * what it uses. Tags are the speaker and the session; likeness is the cosine of the words, weighted by their rarity.
 */
export async function locomoTraces(root: string): Promise<Trace[]> {
  const { turns, questions } = readDataset(root, 'locomo')
  const opened = await openLibsql('default', ':memory:')
  const edge = await openLocalEdge({ databases: new Map([['default', opened.database]]), blobs: new MemoryBlobStore() })
  const { admin } = await newTenant(edge)
  const traces: Trace[] = []
  for (const [conv, ofConv] of haystacks(turns)) {
    const texts = ofConv.filter((turn) => textOf(turn) !== '')
    const namespace = `trace-${traces.length}`
    const cubeOf = await remember(admin, namespace, texts)
    const accesses: Access[] = []
    const likeness = cosines(texts)
    for (const question of questions.filter((one) => one.conv === conv)) {
      const uses = (await ask(admin, namespace, question)).flatMap((cubeId) => cubeOf.get(cubeId) ?? [])
      accesses.push({ atMs: accesses.length * QUESTION_EVERY_MS, uses, likeness: likeness(question.question) })
      await edge.settle()
    }
    const tagsOf = (cube: number) => tagsOfTurn(texts[cube] as Turn)
    traces.push({ accesses, tagsOf, halfLifeMs: HALF_LIFE_MS })
  }
  await edge.close()
  await opened.close()
  return traces
}

const tagsOfTurn = ({ speaker, session }: Turn): string[] => [speaker, session]

/** Writes the turns; answers their places by the ids of their cubes. */
async function remember(admin: Caller, namespace: string, turns: readonly Turn[]): Promise<Map<string, number>> {
  const settings = { knowledge: { extract: false }, lifecycle: { consolidate: false } }
  await admin.ok('createNamespace', { body: { name: namespace, layer: 'shared', settings } })
  const cubeOf = new Map<string, number>()
  for (let at = 0; at < turns.length; at += CUBES_PER_BATCH) {
    const cubes = turns.slice(at, at + CUBES_PER_BATCH).map((turn) => ({
      namespace,
      content: textOf(turn),
      session: turn.session,
      speaker: turn.speaker,
      tags: tagsOfTurn(turn),
    }))
    const made = await admin.ok('createCubes', { body: { cubes } })
    for (const [offset, { cubeId }] of made.cubes.entries()) cubeOf.set(cubeId, at + offset)
  }
  return cubeOf
}

async function ask(admin: Caller, namespace: string, { question }: Question): Promise<string[]> {
  const body = { query: question, namespaces: [namespace], limit: USED_PER_QUESTION }
  const { results } = await admin.ok('search', { body })
  return results.map(({ cube }) => cube.cubeId)
}

/** For a query, the likeness of each of the texts by its place. */
function cosines(turns: readonly Turn[]): (query: string) => (cube: number) => number {
  const bags = turns.map((turn) => new Set(analyse(textOf(turn))))
  const documents = new Map<string, number>()
  for (const term of bags.flatMap((bag) => [...bag])) documents.set(term, (documents.get(term) ?? 0) + 1)
  const weight = (term: string) => Math.log(1 + bags.length / (documents.get(term) ?? bags.length)) ** 2
  const lengthOf = (bag: ReadonlySet<string>) => Math.sqrt([...bag].reduce((sum, term) => sum + weight(term), 0)) || 1
  const lengths = bags.map(lengthOf)
  return (query) => {
    const asked = new Set(analyse(query))
    const length = lengthOf(asked)
    return (cube) => {
      const common = [...asked].filter((term) => bags[cube]?.has(term))
      return common.reduce((sum, term) => sum + weight(term), 0) / (length * (lengths[cube] ?? 1))
    }
  }
}
