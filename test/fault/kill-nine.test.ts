/**
 * Goal: what a killed server acknowledged is there and can be found when it starts again; what it did not is there wholly or not at all.
 * Method: the real server as a process, writers that remember every acknowledgement, SIGKILL at a random moment, again and again over one
 * home. KILLS=n runs more rounds.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { FileSystemBlobStore } from '../../worker/drivers/blob-store/file-system.ts'
import { openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import { seededRandom } from '../conformance/seeded-random.ts'
import { faultsOf } from '../support/check-organisation.ts'
import { startServer } from '../support/process.ts'
import { tempDir } from '../support/temp-dir.ts'

const KILLS = Number(process.env.KILLS ?? 8)
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)
const WRITERS = 4
const RUN_MS_MAX = 700
const BATCH_ITEMS = 20
const ROOT_KEY = 'root-key-of-a-server-that-is-killed-often'
const LARGE_TEXT = 'An entry of the log book. '.repeat(1500)

/** A cube as its writer knows it. `maybe` holds what an unanswered request may have made of it. */
interface Known {
  cubeId: string
  marker: string
  revision: number
  maybe: 'updated' | 'deleted' | null
}

class Writer {
  /** Cubes whose creation was acknowledged and whose deletion was not. */
  readonly known: Known[] = []
  readonly deleted: string[] = []
  /** Markers of creations that nobody answered, with the number of cubes. */
  readonly unanswered = new Map<string, number>()
  acknowledged = 0
  readonly #name: string
  readonly #random: (below: number) => number
  #next = 0

  constructor(name: string, random: (below: number) => number) {
    this.#name = name
    this.#random = random
  }

  /** Writes until the server is gone. */
  async run(url: string): Promise<void> {
    for (;;) {
      const dice = this.#random(10)
      const at = this.#random(Math.max(1, this.known.length))
      const cube = this.known[at]
      const isDone =
        dice < 6 || cube === undefined || cube.maybe !== null
          ? await this.#create(url, dice === 0 ? BATCH_ITEMS : 1)
          : dice < 9
            ? await this.#update(url, cube)
            : await this.#delete(url, cube)
      if (!isDone) return
    }
  }

  async #create(url: string, count: number): Promise<boolean> {
    const marker = `${this.#name}x${this.#next++}`
    const isLarge = count === 1 && this.#random(8) === 0
    const messages = Array.from({ length: count }, (_, at) => ({
      content: `${marker} item ${at} ${isLarge ? LARGE_TEXT : 'of the harbour'}`,
    }))
    this.unanswered.set(marker, count)
    const answer = await send(url, 'POST', '/v1/memories', { session: `session ${this.#name}`, messages })
    if (answer === null) return false
    const { cubes } = answer as { cubes: { cubeId: string }[] }
    this.unanswered.delete(marker)
    this.known.push(...cubes.map(({ cubeId }) => ({ cubeId, marker, revision: 1, maybe: null })))
    this.acknowledged += 1
    return true
  }

  async #update(url: string, cube: Known): Promise<boolean> {
    cube.maybe = 'updated'
    const body = { mode: 'append', content: `appended ${cube.revision}` }
    if ((await send(url, 'PATCH', `/v1/cubes/${cube.cubeId}`, body)) === null) return false
    Object.assign(cube, { maybe: null, revision: cube.revision + 1 })
    this.acknowledged += 1
    return true
  }

  async #delete(url: string, cube: Known): Promise<boolean> {
    cube.maybe = 'deleted'
    if ((await send(url, 'DELETE', `/v1/cubes/${cube.cubeId}`)) === null) return false
    this.known.splice(this.known.indexOf(cube), 1)
    this.deleted.push(cube.cubeId)
    this.acknowledged += 1
    return true
  }

  /** Compares what it knows with what the server holds, and learns what became of unanswered requests. */
  async compare(
    url: string,
    stored: ReadonlyMap<string, number>,
    byMarker: ReadonlyMap<string, number>,
  ): Promise<void> {
    for (const cube of [...this.known]) {
      const revision = stored.get(cube.cubeId)
      if (cube.maybe === 'deleted' && revision === undefined) {
        this.known.splice(this.known.indexOf(cube), 1)
        continue
      }
      const allowed = cube.maybe === 'updated' ? [cube.revision, cube.revision + 1] : [cube.revision]
      expect(allowed, `SEED=${SEED}: cube ${cube.cubeId} of ${cube.marker}`).toContain(revision)
      Object.assign(cube, { maybe: null, revision })
    }
    for (const cubeId of this.deleted) expect(stored.has(cubeId), `SEED=${SEED}: deleted ${cubeId} is back`).toBe(false)
    for (const [marker, count] of this.unanswered)
      expect([0, count], `SEED=${SEED}: half of ${marker}`).toContain(byMarker.get(marker) ?? 0)
    this.unanswered.clear()
    for (const { cubeId, marker } of this.known.slice(-5)) {
      const found = (await send(url, 'POST', '/v1/search', { query: marker, limit: 30 })) as {
        results: { cube: { cubeId: string } }[]
      }
      expect(
        found.results.map(({ cube }) => cube.cubeId),
        `SEED=${SEED}: ${marker} is not found`,
      ).toContain(cubeId)
    }
  }
}

/** The answer, an empty object where there is none, or null when the server is gone. A refusal fails the test. */
async function send(url: string, method: string, path: string, body?: object): Promise<object | null> {
  let response: Response
  let text: string
  try {
    response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${ROOT_KEY}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    text = await response.text()
  } catch {
    return null
  }
  expect(response.status, `SEED=${SEED} ${method} ${path}: ${text.slice(0, 300)}`).toBeLessThan(300)
  return text === '' ? {} : (JSON.parse(text) as object)
}

/** The rows as the dead server left them: all invariants, each cube's revision, and the number of cubes by marker. */
async function inspect(home: string) {
  const { database, close } = await openLibsql('default', `file:${join(home, 'memos.db')}`)
  try {
    expect(await database.all({ sql: 'pragma integrity_check', params: [] })).toEqual([['ok']])
    expect(await faultsOf(database, new FileSystemBlobStore(join(home, 'blobs')), 'default'), `SEED=${SEED}`).toEqual(
      [],
    )
    const stored = await database.all({ sql: 'select cube_id, revision from cubes', params: [] })
    const markers = await database.all({
      sql: "select term, count(*) from postings where term glob 'w[0-9]x*' group by term",
      params: [],
    })
    return {
      stored: new Map(stored.map(([id, revision]) => [String(id), Number(revision)])),
      byMarker: new Map(markers.map(([term, count]) => [String(term), Number(count)])),
    }
  } finally {
    await close()
  }
}

it(
  `keeps every acknowledged write over ${KILLS} kills (SEED=${SEED})`,
  async () => {
    await using home = await tempDir()
    const random = seededRandom(SEED)
    const writers = Array.from({ length: WRITERS }, (_, at) => new Writer(`w${at}`, random))
    const start = () => startServer({ home: home.path, env: { MEMOS_ROOT_KEY: ROOT_KEY } })
    let server = await start()
    try {
      for (let kill = 0; kill < KILLS; kill++) {
        const running = Promise.all(writers.map((writer) => writer.run(server.url))).then(
          () => null,
          (error: unknown) => error,
        )
        await sleep(50 + random(RUN_MS_MAX))
        await server.kill()
        const failure = await running
        if (failure !== null) throw new Error(server.output().join('\n'), { cause: failure })
        const { stored, byMarker } = await inspect(home.path)
        expect(byMarker.size).toBeGreaterThan(0)
        server = await start()
        for (const writer of writers) await writer.compare(server.url, stored, byMarker)
      }
    } finally {
      await server.kill()
    }
    const acknowledged = writers.reduce((sum, writer) => sum + writer.acknowledged, 0)
    expect(acknowledged).toBeGreaterThan(KILLS * 10)
  },
  KILLS * 30_000,
)
