import { randomBytes } from 'node:crypto'
import { memory } from '@libp2p/memory'
import { signDelegation } from '../../protocol/core/delegation.ts'
import { type OpenedEntry, openEntry, openEntryParts, signEntry } from '../../protocol/core/entry.ts'
import type { GossipVerdict } from '../../protocol/core/gossip-message.ts'
import { openHead, signHead } from '../../protocol/core/head.ts'
import { applyEntries, headFault, type LogOptions } from '../../protocol/core/log-apply.ts'
import { compareHead, type LogState, newLogState } from '../../protocol/core/log-state.ts'
import { MipError } from '../../protocol/core/mip-error.ts'
import { toWire } from '../../protocol/core/signed.ts'
import type { GossipMessage } from '../../protocol/host/gossip.ts'
import { gossipTopics } from '../../protocol/host/gossip-topics.ts'
import { nodeEd25519 } from '../../protocol/host/native-ed25519.ts'
import { type MipNode, type MipNodeInit, startMipNode } from '../../protocol/host/node.ts'
import type { Cid } from '../../schemas/cid.ts'
import type { Did } from '../../schemas/did.ts'
import type { Delegation } from '../../schemas/mip-delegation.ts'
import type { Entry } from '../../schemas/mip-entry.ts'
import { MemoryMipSource } from '../support/memory-mip-source.ts'
import { BODY, DAY_MS, person, START_MS } from '../support/mip-log.ts'

const ed25519 = nodeEd25519()
const ROOT = person(9)
const EDGE = person(8)
export const TOPICS = gossipTopics('test')
export const NOTES = TOPICS.of('org.memos.notes')
const PAGE = 64

/** A log with real signatures, made as fast as the machine signs. */
export class SignedLog {
  readonly org: Did = ROOT.did
  readonly entries: OpenedEntry[] = []
  readonly delegations = new Map<Cid, Uint8Array>()
  readonly source = new MemoryMipSource()
  #grant!: Cid

  static async create(): Promise<SignedLog> {
    const log = new SignedLog()
    log.source.served = { org: log.org, log: 'main' }
    const fields: Delegation = {
      v: 1,
      iss: ROOT.did,
      aud: EDGE.did,
      sub: ROOT.did,
      cmd: '/mip/log/append',
      pol: {},
      nbf: START_MS,
      exp: START_MS + 30 * DAY_MS,
      nonce: 'AAECAwQFBgcICQoLDA0ODw',
      prf: null,
    } as Delegation
    const grant = await signDelegation(fields, ROOT.seed, ed25519)
    log.delegations.set(grant.address, toWire(grant))
    log.#grant = grant.address
    await log.#add(ROOT, { op: 'org.genesis', sum: { next: person(10).hash } })
    await log.#add(ROOT, { op: 'org.delegate', body: grant.address, sum: { delegation: grant.address } })
    return log
  }

  /** The next entry; its publisher serves it from now on. */
  publish(more: Partial<Entry> = {}): Promise<OpenedEntry> {
    return this.#add(EDGE, { op: 'cube.publish', body: BODY, sum: { topics: ['travel'] }, dlg: this.#grant, ...more })
  }

  async head(skewMs = 0): Promise<Uint8Array> {
    const last = this.entries.at(-1)!
    const { epoch, seq, ts } = last.entry
    const head = { v: 1 as const, org: this.org, log: 'main', epoch, seq, cid: last.cid, ts: ts + skewMs }
    return toWire(await signHead({ ...head, key: EDGE.did, dlg: this.#grant }, EDGE.seed, ed25519))
  }

  options(): LogOptions {
    return { ed25519, delegations: (cid) => this.delegations.get(cid) ?? null, nowMs: START_MS }
  }

  async #add(signer: typeof ROOT, fields: Partial<Entry> & Pick<Entry, 'op'>): Promise<OpenedEntry> {
    const last = this.entries.at(-1)
    const seq = this.entries.length
    const place = { v: 1 as const, org: this.org, log: 'main', epoch: 0, seq, prev: last?.cid ?? null }
    const entry = { ...place, ts: START_MS + seq * 1000, key: signer.did, dlg: null, body: null, sum: {}, ...fields }
    const opened = await signEntry(entry as Entry, signer.seed, ed25519)
    this.entries.push(opened)
    this.source.entries.push([opened.bytes, opened.signature])
    return opened
  }
}

const started: MipNode[] = []

/** A peer inside this process. */
export async function threatNode(init: Partial<MipNodeInit> = {}): Promise<MipNode> {
  const node = await startMipNode({
    seed: randomBytes(32),
    source: new MemoryMipSource(),
    gossip: { network: 'test' },
    inboundConnectionsPerSecondMax: 10_000,
    listen: [`/memory/threat-${randomBytes(6).toString('hex')}`],
    transports: [memory()],
    ...init,
  })
  started.push(node)
  return node
}

export const dial = (from: MipNode, to: MipNode) => from.dial(to.addresses(), { signal: AbortSignal.timeout(20_000) })

export async function closeNodes(): Promise<void> {
  await Promise.all(started.splice(0).map((node) => node.close()))
}

/**
 * Follows one log as docs/mip/topics.md says: an entry that fits is taken from gossip, anything else sends it to the log. The host of this
 * repository pulls logs only; this is what a node with gossip will have to do.
 */
export class GossipFollower {
  state: LogState
  /** Places in the order in which their entries took effect. */
  readonly applied: number[] = []
  readonly told = { accept: 0, ignore: 0, reject: 0 }
  byGossip = 0
  pulls = 0
  readonly #node: MipNode
  readonly #log: SignedLog
  readonly #publisher: () => string
  #turn: Promise<unknown> = Promise.resolve()
  #isPulling = false

  constructor(node: MipNode, log: SignedLog, publisher: () => string, loses: () => boolean = () => false) {
    this.#node = node
    this.#log = log
    this.#publisher = publisher
    this.state = newLogState(log.org, 'main')
    const judged =
      (judge: (data: Uint8Array) => Promise<GossipVerdict>) =>
      async ({ data }: GossipMessage) => {
        if (loses()) return 'ignore' as const
        const verdict = await this.#inTurn(() => judge(data))
        this.told[verdict] += 1
        return verdict
      }
    node.gossip.subscribe(NOTES, { validate: judged((data) => this.#entry(data)), receive: () => {} })
    node.gossip.subscribe(TOPICS.head, { validate: judged((data) => this.#head(data)), receive: () => {} })
  }

  /** Reads the log from where it was left. */
  async pull(): Promise<void> {
    if (this.#isPulling) return
    this.#isPulling = true
    this.pulls += 1
    try {
      const remote = this.#node.remote(this.#publisher())
      for (;;) {
        const from = { epoch: 0, seq: this.state.seq + 1 }
        const range = { org: this.#log.org, log: 'main', from, limit: PAGE }
        const page = await remote.log(range, { signal: AbortSignal.timeout(5000) })
        if (page === null || page.entries.length === 0) return
        await this.#inTurn(() => this.#take(page.entries.map(([bytes, signature]) => openEntryParts(bytes, signature))))
      }
    } catch {
      // Out of reach: the next beacon or gap tries again.
    } finally {
      this.#isPulling = false
    }
  }

  async #entry(data: Uint8Array): Promise<GossipVerdict> {
    const opened = openedOr(() => openEntry(data))
    if (opened === null) return 'reject'
    const { org, seq } = opened.entry
    if (org !== this.#log.org || seq <= this.state.seq) return 'ignore'
    if (seq > this.state.seq + 1) {
      void this.pull()
      return 'ignore'
    }
    const problem = await this.#take([opened])
    if (problem === null) this.byGossip += 1
    return problem === null ? 'accept' : problem === 'bad_signature' ? 'reject' : 'ignore'
  }

  async #head(data: Uint8Array): Promise<GossipVerdict> {
    const opened = openedOr(() => openHead(data))
    if (opened === null) return 'reject'
    if (opened.head.org !== this.#log.org) return 'ignore'
    if ((await headFault(opened, this.state, this.#log.options())) !== null) return 'ignore'
    this.#node.heads.headSeen(this.#log.org)
    if (compareHead(this.state, opened.head) !== 'ahead') return 'ignore'
    void this.pull()
    return 'accept'
  }

  async #take(opened: readonly OpenedEntry[]): Promise<string | null> {
    const { state, accepted, problem } = await applyEntries(this.state, opened, this.#log.options())
    this.state = state
    for (const { entry } of accepted) this.applied.push(entry.seq)
    return problem?.code ?? null
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#turn.then(work)
    this.#turn = next.catch(() => undefined)
    return next
  }
}

function openedOr<T>(open: () => T): T | null {
  try {
    return open()
  } catch (error) {
    if (error instanceof MipError) return null
    throw error
  }
}
