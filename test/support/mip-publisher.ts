import { base64url } from 'multiformats/bases/base64'
import { bytesOfCid, cidOf } from '../../protocol/core/cid.ts'
import { portableEd25519 } from '../../protocol/core/ed25519-rule.ts'
import type { OpenedEntry } from '../../protocol/core/entry.ts'
import { signHead } from '../../protocol/core/head.ts'
import { MipRemoteError } from '../../protocol/core/mip-remote-error.ts'
import { ReconSet } from '../../protocol/core/negentropy.ts'
import { encodeRevision } from '../../protocol/core/revision.ts'
import type {
  BlobPart,
  BlobRange,
  LogName,
  LogPage,
  LogRange,
  ProofAnswer,
  ReceiptOffer,
  ReconRequest,
  SignedBytes,
} from '../../protocol/core/wire-types.ts'
import type { MipRemote } from '../../protocol/host/mip-remote.ts'
import type { Cid } from '../../schemas/cid.ts'
import type { Did } from '../../schemas/did.ts'
import type { Revision } from '../../schemas/revision.ts'
import { ulid } from '../../schemas/ulid.ts'
import type { MipRemotes } from '../../worker/ports/mip.ts'
import { seededRandom } from '../conformance/seeded-random.ts'
import { Delegations, LogWriter, type Person, person, START_MS } from './mip-log.ts'

const INLINE_BYTES_MAX = 32 * 1024
const utf8 = new TextEncoder()

export interface Publication {
  text: string
  title?: string
  tags?: string[]
  /** A further revision of this cube. */
  cube?: string
  more?: Partial<Revision>
}

export interface Published {
  cube: string
  cid: Cid
  number: number
}

/** An organisation with real keys that publishes into real logs, without a network. */
export class MipPublisher {
  readonly did: Did
  readonly root: Person
  readonly key: Person
  readonly logs = new Map<string, LogWriter>()
  readonly objects = new Map<Cid, Uint8Array>()
  readonly blobs = new Map<Cid, Uint8Array>()
  readonly revisions = new Map<string, Published[]>()
  readonly #random: (limit: number) => number
  #grant!: Cid
  #made = 0

  private constructor(seed: number) {
    this.root = person(seed)
    this.key = person((seed + 128) % 256)
    this.did = this.root.did
    this.#random = seededRandom(seed)
  }

  /** `seed`: 1 to 100. */
  static async create(seed: number): Promise<MipPublisher> {
    const made = new MipPublisher(seed)
    const delegations = new Delegations()
    const grant = await delegations.add(made.root, made.key, { sub: made.did })
    made.#grant = grant.address
    for (const [cid, wire] of delegations.wires) made.objects.set(cid, wire)
    const main = made.log('main')
    await main.add(made.root, { op: 'org.genesis', sum: { next: person((seed + 60) % 256).hash } })
    await main.delegate(made.root, grant)
    return made
  }

  log(name: string): LogWriter {
    const log = this.logs.get(name) ?? new LogWriter(this.did, name)
    this.logs.set(name, log)
    return log
  }

  /** What a revision and its blobs look like; they are kept for whoever asks. */
  makeRevision({ text, title, tags = [], cube, more }: Publication): Published {
    const before = cube === undefined ? undefined : this.revisions.get(cube)?.at(-1)
    const cubeId = cube ?? ulid(START_MS + this.#made++, this.#bytes)
    const bytes = utf8.encode(text)
    const blob = bytes.length > INLINE_BYTES_MAX ? { cid: cidOf(bytes, 'raw'), bytes: bytes.length } : undefined
    if (blob !== undefined) this.blobs.set(blob.cid, bytes)
    const revision: Revision = {
      v: 1,
      cubeId: cubeId as Revision['cubeId'],
      number: (before?.number ?? 0) + 1,
      prev: before?.cid ?? null,
      ...(title === undefined ? {} : { title }),
      semanticType: 'fact',
      memoryType: 'plaintext',
      tags,
      renditions: [{ kind: 'text', mime: 'text/plain', ...(blob === undefined ? { text } : { blob }) }],
      lineage: [],
      createdAtMs: START_MS,
      salt: base64url.baseEncode(this.#bytes(16)),
      ...more,
    }
    const { cid, bytes: encoded } = encodeRevision(revision)
    this.objects.set(cid, encoded)
    const made = { cube: cubeId, cid, number: revision.number }
    this.revisions.set(cubeId, [...(this.revisions.get(cubeId) ?? []), made])
    return made
  }

  async publish(publication: Publication, log = 'main', sum: object = {}): Promise<Published> {
    const made = this.makeRevision(publication)
    await this.append(log, {
      op: 'cube.publish',
      body: made.cid,
      sum: { topics: publication.tags ?? [], cube: made.cube, rev: made.number, kinds: ['text'], ...sum },
    })
    return made
  }

  revoke(cube: string, sum: object = {}, log = 'main'): Promise<OpenedEntry> {
    return this.append(log, { op: 'cube.revoke', sum: { cube, reason: 'error', scope: 'cube', ...sum } })
  }

  append(log: string, fields: Parameters<LogWriter['add']>[1]): Promise<OpenedEntry> {
    return this.log(log).add(this.key, { dlg: this.#grant, ...fields })
  }

  /** An entry in a place that is taken, as validly signed as the one that stands there. */
  async contradict(log: string, seq: number): Promise<OpenedEntry> {
    const stands = this.log(log).entries[seq] as OpenedEntry
    const other = this.makeRevision({ text: `another history ${this.#random(1e6)}` })
    return this.log(log).draft(this.key, {
      ...stands.entry,
      dlg: this.#grant,
      body: other.cid,
      op: 'cube.publish',
      sum: { cube: other.cube, rev: 1 },
      ts: stands.entry.ts + 1,
    })
  }

  /** An entry that follows another one, in a history of its own. */
  async after(before: OpenedEntry): Promise<OpenedEntry> {
    const made = this.makeRevision({ text: `what follows ${this.#random(1e6)}` })
    const { log, seq, epoch } = before.entry
    return this.log(log).draft(this.key, {
      op: 'cube.publish',
      dlg: this.#grant,
      epoch,
      seq: seq + 1,
      prev: before.cid,
      body: made.cid,
      sum: { cube: made.cube, rev: 1 },
    })
  }

  async head(log: string, entries: readonly OpenedEntry[] = this.log(log).entries): Promise<SignedBytes | null> {
    const last = entries.at(-1)
    if (last === undefined) return null
    const { epoch, seq } = last.entry
    const head = { v: 1 as const, org: this.did, log, epoch, seq, cid: last.cid, ts: START_MS + seq * 1000 }
    const signed = await signHead({ ...head, key: this.key.did, dlg: this.#grant }, this.key.seed, portableEd25519)
    return [signed.bytes, signed.signature]
  }

  readonly #bytes = (length: number) => Uint8Array.from({ length }, () => this.#random(256))
}

/** How a mirror behaves. Nothing set: as it should. */
export interface MirrorFaults {
  isDown?: boolean
  /** It shows no entry from here on, and the head that is really there. */
  withholdsFrom?: number
  /** It leaves this entry out. */
  omits?: number
  /** It shows no head. */
  isHeadless?: boolean
  /** It shows a log as it was, head and all. */
  endsAt?: number
  /** It serves these instead of the publisher's entries. */
  entries?: readonly OpenedEntry[]
  /** What it does to the answers: loses calls, repeats and reorders entries. */
  onPage?(page: LogPage): LogPage
  onCall?(): void
  /** Objects and blobs that it does not have. */
  lacks?: ReadonlySet<string>
  /** It changes a byte of every object and blob. */
  corrupts?: boolean
  signatures?: 'forged'
}

/** A mirror of a publisher inside the process. Its faults can be changed while it is in use. */
export class FakeMirror implements MipRemote {
  readonly name: string
  readonly publisher: MipPublisher
  faults: MirrorFaults
  calls = 0
  readonly proofs: Uint8Array[] = []
  /** What it says to receipts of erasures; a mirror has no log of its own. */
  onReceipt: (offer: ReceiptOffer) => Promise<ProofAnswer> = async () => 'refused'

  constructor(name: string, publisher: MipPublisher, faults: MirrorFaults = {}) {
    this.name = name
    this.publisher = publisher
    this.faults = faults
  }

  async log({ org, log, from, limit }: LogRange): Promise<LogPage | null> {
    this.#call()
    if (org !== this.publisher.did || !this.publisher.logs.has(log)) return null
    const { withholdsFrom = Number.POSITIVE_INFINITY, omits, onPage, signatures } = this.faults
    // What says who may sign is served whole where the cubes are in a log of their own.
    const isLess = log !== 'main' || this.publisher.logs.size === 1
    const shown = this.#entries(log)
      .filter(({ entry: { epoch, seq } }) => epoch > from.epoch || (epoch === from.epoch && seq >= from.seq))
      .filter(({ entry }) => !isLess || (entry.seq < withholdsFrom && entry.seq !== omits))
      .slice(0, limit)
    const isForged = signatures === 'forged' && isLess
    const entries = shown.map(({ bytes, signature }): SignedBytes => [bytes, isForged ? flipped(signature) : signature])
    const page = { entries, head: await this.#head(log) }
    return onPage === undefined ? page : onPage(page)
  }

  async head({ log }: LogName): Promise<SignedBytes | null> {
    this.#call()
    return this.#head(log)
  }

  async objects(cids: readonly Cid[]): Promise<Map<Cid, Uint8Array>> {
    this.#call()
    const { lacks, corrupts } = this.faults
    const found = cids.flatMap((cid) => {
      const bytes = lacks?.has(cid) ? undefined : this.publisher.objects.get(cid)
      return bytes === undefined ? [] : [[cid, bytes] as const]
    })
    if (corrupts && found.length > 0)
      throw new MipRemoteError('wrong_bytes', 'an object that is not what its CID names')
    return new Map(found)
  }

  async blobChunk(cid: Cid, { offset, length }: BlobRange): Promise<BlobPart | null> {
    this.#call()
    const bytes = this.faults.lacks?.has(cid) ? undefined : this.publisher.blobs.get(cid)
    if (bytes === undefined) return null
    const part = bytes.slice(offset, offset + length)
    return { size: bytes.length, bytes: this.faults.corrupts ? flipped(part) : part }
  }

  async offerProof(proof: Uint8Array) {
    this.#call()
    this.proofs.push(proof)
    return 'accepted' as const
  }

  async recon({ logs, message }: ReconRequest): Promise<Uint8Array | null> {
    this.#call()
    if (logs.some(({ org, log }) => org !== this.publisher.did || !this.publisher.logs.has(log))) return null
    const entries = logs.flatMap(({ log }) => this.#entries(log))
    return new ReconSet(entries.map(({ entry, cid }) => ({ ts: entry.ts, id: bytesOfCid(cid).slice(-32) }))).answer(
      message,
    )
  }

  async offerReceipt(offer: ReceiptOffer): Promise<ProofAnswer> {
    this.#call()
    return this.onReceipt(offer)
  }

  async hello() {
    this.#call()
    return { versions: [1], features: [], heads: [] }
  }

  async close(): Promise<void> {}

  #call(): void {
    this.calls += 1
    this.faults.onCall?.()
    if (this.faults.isDown) throw new MipRemoteError('unreachable', 'no connection')
  }

  #entries(log: string): readonly OpenedEntry[] {
    const { entries = [] } = this.faults
    const chosen = entries[0]?.entry.log === log ? entries : this.publisher.log(log).entries
    const { endsAt = Number.POSITIVE_INFINITY } = this.faults
    return chosen.filter(({ entry }) => entry.seq < endsAt)
  }

  #head(log: string): Promise<SignedBytes | null> {
    return this.faults.isHeadless ? Promise.resolve(null) : this.publisher.head(log, this.#entries(log))
  }
}

function flipped(bytes: Uint8Array): Uint8Array {
  const other = Uint8Array.from(bytes)
  other[3] = (other[3] ?? 0) ^ 1
  return other
}

/** Mirrors by their address. */
export class FakeRemotes implements MipRemotes {
  readonly mirrors = new Map<string, FakeMirror>()

  add(publisher: MipPublisher, address: string, faults: MirrorFaults = {}): FakeMirror {
    const mirror = new FakeMirror(address, publisher, faults)
    this.mirrors.set(address, mirror)
    return mirror
  }

  open(address: string): MipRemote | null {
    return this.mirrors.get(address) ?? null
  }
}
