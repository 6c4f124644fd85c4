/**
 * Five nodes follow two publishers over a network that loses, repeats and reorders, while nodes crash in the middle of what they do. A checker that
 * knows only what was published says whether each node has exactly that.
 *
 *   npm run simulate:mip -- --seeds 200 [--from 1] [--steps 60]
 */
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { MipRemoteError } from '../../protocol/core/mip-remote-error.ts'
import type { LogPage, LogRange, SignedBytes } from '../../protocol/core/wire-types.ts'
import type { MipRemote } from '../../protocol/host/mip-remote.ts'
import type { Cid } from '../../schemas/cid.ts'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { type OpenDatabase, openLibsql } from '../../worker/drivers/database/open-libsql.ts'
import type { MipRemotes } from '../../worker/ports/mip.ts'
import { seededRandom } from '../conformance/seeded-random.ts'
import { faultsOf } from '../support/check-organisation.ts'
import { newTenant, type Tenant } from '../support/edge.ts'
import { FailingDatabase, Fault } from '../support/failing.ts'
import { type LocalEdge, openLocalEdge } from '../support/local-edge.ts'
import { FakeMirror, MipPublisher } from '../support/mip-publisher.ts'

const NODES = 5
const PUBLISHERS = 2
/** Nodes that reach the publishers; the others read from nodes. */
const NEAR = 2
const HOUR_MS = 3_600_000
const ROUNDS_MAX = 60

export interface Outcome {
  seed: number
  published: number
  crashes: number
  lost: number
  disturbed: number
  /** What the checker found wrong; empty when all is well. */
  faults: string[]
}

type Dice = (below: number) => number

/** Serves what a node has kept, past every class of the system. */
class NodeRemote implements MipRemote {
  readonly name: string
  readonly #node: Node
  readonly #did: string

  constructor(name: string, node: Node, did: string) {
    this.name = name
    this.#node = node
    this.#did = did
  }

  async log({ log, from, limit }: LogRange): Promise<LogPage | null> {
    const rows = await this.#node.opened.database.all({
      sql: `select e.bytes, e.signature from mip_entries e join mip_logs l on l.id = e.log_id
        where l.did = ? and l.log = ? and e.seq >= ? order by e.seq limit ?`,
      params: [this.#did, log, from.seq, limit],
    })
    const entries = rows.map(
      ([a, b]): SignedBytes => [new Uint8Array(a as Uint8Array), new Uint8Array(b as Uint8Array)],
    )
    return { entries, head: null }
  }

  async objects(cids: readonly Cid[]): Promise<Map<Cid, Uint8Array>> {
    const rows = await this.#node.opened.database.all({
      sql: 'select distinct cid, bytes from mip_objects where cid in (select value from json_each(?))',
      params: [JSON.stringify(cids)],
    })
    return new Map(rows.map(([cid, bytes]) => [cid as Cid, new Uint8Array(bytes as Uint8Array)]))
  }

  head = async () => null
  blobChunk = async () => null
  hello = async () => ({ versions: [1], features: [], heads: [] })
  offerProof = async () => 'accepted' as const
  offerReceipt = async () => 'refused' as const
  recon = async () => null
  close = async () => undefined
}

interface Node {
  at: number
  opened: OpenDatabase
  blobs: MemoryBlobStore
  fault: Fault
  edge: LocalEdge
  tenant: Tenant
  clock: { nowMs: number }
  subscriptions: { id: string; namespace: string; publisher: MipPublisher; seq: number }[]
}

class Simulation {
  readonly outcome: Outcome
  readonly #dice: Dice
  readonly #publishers: MipPublisher[] = []
  readonly #nodes: Node[] = []
  readonly #cut = new Set<string>()
  #isCalm = false

  constructor(seed: number) {
    this.outcome = { seed, published: 0, crashes: 0, lost: 0, disturbed: 0, faults: [] }
    this.#dice = seededRandom(seed * 7919 + 13)
  }

  async run(steps: number): Promise<Outcome> {
    try {
      await this.#begin()
      for (let step = 0; step < steps; step++) await this.#step()
      await this.#end()
    } finally {
      for (const { edge, opened } of this.#nodes) {
        await edge.close()
        await opened.close()
      }
    }
    return this.outcome
  }

  async #begin(): Promise<void> {
    for (let n = 0; n < PUBLISHERS; n++)
      this.#publishers.push(await MipPublisher.create(1 + n + (this.outcome.seed % 40) * 2))
    for (let at = 0; at < NODES; at++) {
      const opened = await openLibsql('default', ':memory:')
      const base = {
        at,
        opened,
        blobs: new MemoryBlobStore(),
        fault: new Fault(),
        clock: { nowMs: Date.UTC(2026, 0, 1) },
      }
      const node = { ...base, subscriptions: [] } as unknown as Node
      this.#nodes.push(node)
      node.edge = await this.#openEdge(node)
      node.tenant = await newTenant(node.edge)
      for (const publisher of this.#publishers) {
        const { did } = publisher
        const addresses = this.#addressesFor(at, did)
        await node.tenant.admin.ok('setMipPeer', { params: { did }, body: { tier: 'known', addresses } })
        const verify = this.#dice(2) === 0 ? 'strict' : 'head'
        const made = await node.tenant.admin.ok('createMipSubscription', { body: { did, verify } })
        node.subscriptions.push({ ...made, publisher, seq: -1 })
      }
    }
  }

  #addressesFor(at: number, did: string): string[] {
    const others = Array.from({ length: NODES }, (_, n) => n).filter((n) => n !== at)
    const nodes = others.map((n) => `https://node-${n}.example/${did}`)
    return at < NEAR ? [`https://publisher.example/${did}`, ...nodes.slice(0, 2)] : nodes
  }

  #openEdge(node: Node): Promise<LocalEdge> {
    return openLocalEdge({
      databases: new Map([['default', new FailingDatabase(node.opened.database, node.fault)]]),
      blobs: node.blobs,
      clock: node.clock,
      seed: 1 + this.#dice(1e9),
      mip: { remotes: this.#remotesOf(node.at) },
    })
  }

  /** The network as one node sees it. */
  #remotesOf(from: number): MipRemotes {
    return {
      open: (address) => {
        const [, host = '', did = ''] = /^https:\/\/([\w-]+)\.example\/(.+)$/.exec(address) ?? []
        const publisher = this.#publishers.find((one) => one.did === did)
        if (publisher === undefined) return null
        const to = Number(host.slice('node-'.length))
        const inner =
          host === 'publisher'
            ? new FakeMirror(address, publisher)
            : new NodeRemote(address, this.#nodes[to] as Node, did)
        return this.#disturbed(inner, `${from}:${host}`)
      },
    }
  }

  #disturbed(inner: MipRemote, link: string): MipRemote {
    const call = <T>(work: () => Promise<T>): Promise<T> => {
      if (this.#cut.has(link) || (!this.#isCalm && this.#dice(100) < 15)) {
        this.outcome.lost += 1
        return Promise.reject(new MipRemoteError('unreachable', 'lost'))
      }
      return work()
    }
    return {
      name: inner.name,
      log: async (range, options) => {
        const page = await call(() => inner.log(range, options))
        return page === null || this.#isCalm ? page : this.#mangled(page, range, inner)
      },
      head: (name, options) => call(() => inner.head(name, options)),
      objects: (cids, options) => call(() => inner.objects(cids, options)),
      blobChunk: (cid, range, options) => call(() => inner.blobChunk(cid, range, options)),
      offerProof: (proof, options) => call(() => inner.offerProof(proof, options)),
      recon: (request, options) => call(() => inner.recon(request, options)),
      offerReceipt: (offer, options) => call(() => inner.offerReceipt(offer, options)),
      hello: (options) => call(() => inner.hello(options)),
      close: () => inner.close(),
    }
  }

  /** Repeated, reordered, cut short, with a hole, or with a flipped bit. */
  async #mangled(page: LogPage, range: LogRange, inner: MipRemote): Promise<LogPage> {
    const kind = this.#dice(12)
    if (kind > 4 || page.entries.length === 0) return page
    this.outcome.disturbed += 1
    const entries = [...page.entries]
    if (kind === 0) {
      const seq = Math.max(0, range.from.seq - 3)
      const before = await inner.log({ ...range, from: { ...range.from, seq } }, { signal: AbortSignal.timeout(1000) })
      return { ...page, entries: (before?.entries ?? []).concat(entries).slice(0, 64) }
    }
    if (kind === 1) return { ...page, entries: entries.toSorted(() => this.#dice(3) - 1) }
    if (kind === 2) return { ...page, entries: entries.slice(0, 1 + this.#dice(entries.length)) }
    const at = this.#dice(entries.length)
    if (kind === 3) return { ...page, entries: entries.toSpliced(at, 1) }
    const [bytes, signature] = entries[at] as SignedBytes
    const other = Uint8Array.from(bytes)
    other[this.#dice(other.length)]! ^= 1 << this.#dice(8)
    return { ...page, entries: entries.toSpliced(at, 1, [other, signature]) }
  }

  async #step(): Promise<void> {
    const kind = this.#dice(100)
    const node = this.#nodes[this.#dice(NODES)] as Node
    if (kind < 35) return this.#publish()
    if (kind < 42) return this.#toggle(node.at)
    if (kind < 60) {
      node.fault.arm(1 + this.#dice(60), this.#dice(2) === 0 ? 'before' : 'after')
      this.outcome.crashes += 1
    }
    node.clock.nowMs += this.#dice(2) === 0 ? 90_000 : HOUR_MS
    await node.edge.components.tick(['mip', 'expiry'])
    if (node.fault.fired !== null) await this.#restart(node)
    node.fault.disarm()
    await this.#check(node)
  }

  /** A process that died: what it had in memory is gone. */
  async #restart(node: Node): Promise<void> {
    node.fault.disarm()
    node.fault.fired = null
    await node.edge.close()
    node.edge = await this.#openEdge(node)
  }

  async #publish(): Promise<void> {
    const publisher = this.#publishers[this.#dice(PUBLISHERS)] as MipPublisher
    const cubes = [...publisher.revisions.keys()]
    const cube = cubes.length === 0 ? undefined : cubes[this.#dice(cubes.length)]
    const kind = this.#dice(10)
    this.outcome.published += 1
    if (cube !== undefined && kind < 2) {
      const fromRev = this.#dice(2) === 0 ? {} : { fromRev: 1 + this.#dice(3) }
      await publisher.revoke(cube, fromRev)
      return
    }
    const text = `Note ${this.outcome.published} of publisher ${publisher.did.slice(-6)}.`
    await publisher.publish({ text, ...(cube !== undefined && kind < 6 ? { cube } : {}) })
  }

  #toggle(at: number): void {
    const hosts = ['publisher', ...Array.from({ length: NODES }, (_, n) => `node-${n}`)]
    const link = `${at}:${hosts[this.#dice(hosts.length)]}`
    if (!this.#cut.delete(link)) this.#cut.add(link)
  }

  /** What must hold of a node at any moment. */
  async #check(node: Node): Promise<void> {
    const told = (what: string) => this.outcome.faults.push(`node ${node.at}: ${what}`)
    for (const one of await faultsOf(node.opened.database, node.blobs, node.tenant.id))
      if (!/blob/i.test(JSON.stringify(one))) told(JSON.stringify(one))
    for (const subscription of node.subscriptions) {
      const [row] = await node.opened.database.all({
        sql: 'select seq from mip_subscriptions where id = ?',
        params: [subscription.id],
      })
      const seq = Number(row?.[0])
      if (seq < subscription.seq) told(`went back from ${subscription.seq} to ${seq}`)
      subscription.seq = seq
      const { is, should, open } = await this.#compare(node, subscription, seq)
      for (const [cube, revisions] of should) {
        const shown = is.get(cube)
        // While bytes are awaited, or a revocation is read and not yet applied, an earlier revision may stand, or none.
        const isRight = open.has(cube) ? shown === undefined || revisions.includes(shown) : shown === revisions.at(-1)
        if (!isRight) told(`${cube} at ${seq}: "${shown}", not "${revisions.at(-1)}"`)
      }
      for (const cube of is.keys()) if (!should.has(cube)) told(`${cube} at ${seq}: never published`)
    }
  }

  /** What a node shows of a publisher, and what somebody who applied the log up to a place by hand has. */
  async #compare(node: Node, { namespace, publisher }: Node['subscriptions'][number], seq: number) {
    const { items } = await node.tenant.admin.ok('listCubes', { query: { namespace, limit: 200 } })
    const is = new Map(
      items.map(({ content, metadata }) => [String(metadata.originCube), `${metadata.originRevision} ${content}`]),
    )
    if (is.size !== items.length) this.outcome.faults.push(`node ${node.at}: a cube is there twice`)
    const should = new Map<string, string[]>()
    const denied = new Set<string>()
    const waiting = await node.opened.database.all({
      sql: `select cube from mip_ingested where state = 'header' and did = ?`,
      params: [publisher.did],
    })
    const open = new Set(waiting.map(([cube]) => String(cube)))
    for (const { entry } of publisher.log('main').entries) {
      const { cube, rev, fromRev = 1 } = entry.sum as { cube?: string; rev?: number; fromRev?: number }
      if (cube === undefined) continue
      if (entry.seq > seq) {
        if (entry.op === 'cube.revoke') open.add(cube)
        continue
      }
      const before = should.get(cube) ?? []
      if (entry.op === 'cube.revoke') {
        if ((entry.sum as { fromRev?: number }).fromRev === undefined) denied.add(cube)
        should.set(
          cube,
          before.filter((one) => Number(one.split(' ')[0]) < fromRev),
        )
      } else if (!denied.has(cube))
        should.set(cube, [...before, `${rev} ${this.#textOf(publisher, entry.body as Cid)}`])
    }
    return { is, should, open }
  }

  #textOf(publisher: MipPublisher, cid: Cid): string {
    const bytes = publisher.objects.get(cid) as Uint8Array
    return /Note \d+ of publisher \w+\./.exec(new TextDecoder().decode(bytes))?.[0] ?? ''
  }

  /** When the network is whole again, every node comes to the end of every log. */
  async #end(): Promise<void> {
    this.#isCalm = true
    this.#cut.clear()
    for (let round = 0; round < ROUNDS_MAX; round++) {
      let isDone = true
      for (const node of this.#nodes) {
        node.fault.disarm()
        node.clock.nowMs += 2 * HOUR_MS
        await node.edge.components.tick(['mip'])
        await this.#check(node)
        for (const { publisher, seq } of node.subscriptions)
          isDone &&= seq === (publisher.log('main').entries.length ?? 0) - 1
      }
      if (isDone) return this.#same()
    }
    const places = this.#nodes.map((node) => node.subscriptions.map(({ seq }) => seq).join('/'))
    this.outcome.faults.push(`not at the end: ${places.join(' ')}`)
  }

  /** The same entries, everywhere, as they were signed. */
  async #same(): Promise<void> {
    for (const node of this.#nodes)
      for (const { publisher } of node.subscriptions) {
        const rows = await node.opened.database.all({
          sql: `select e.cid from mip_entries e join mip_logs l on l.id = e.log_id where l.did = ? and l.log = 'main' order by e.seq`,
          params: [publisher.did],
        })
        const cids = publisher.log('main').entries.map(({ cid }) => cid)
        if (JSON.stringify(rows.map(([cid]) => cid)) !== JSON.stringify(cids))
          this.outcome.faults.push(`node ${node.at}: other entries`)
      }
  }
}

export const simulateMip = (seed: number, steps = 60): Promise<Outcome> => new Simulation(seed).run(steps)

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '20' },
      from: { type: 'string', default: '1' },
      steps: { type: 'string', default: '60' },
    },
  })
  const started = performance.now()
  const sums = { published: 0, crashes: 0, lost: 0, disturbed: 0 }
  let bad = 0
  const first = Number(values.from)
  for (let seed = first; seed < first + Number(values.seeds); seed++) {
    const outcome = await simulateMip(seed, Number(values.steps))
    for (const key of Object.keys(sums) as (keyof typeof sums)[]) sums[key] += outcome[key]
    if (outcome.faults.length === 0) continue
    bad += 1
    process.stdout.write(`SEED=${seed}\n  ${outcome.faults.slice(0, 5).join('\n  ')}\n`)
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(0)
  process.stdout.write(`${values.seeds} seeds from ${first}: ${bad} failed; ${JSON.stringify(sums)} in ${seconds} s\n`)
  process.exitCode = bad === 0 ? 0 : 1
}
