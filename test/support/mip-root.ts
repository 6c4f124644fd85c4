import { portableEd25519 } from '../../protocol/core/ed25519-rule.ts'
import type { OpenedEntry } from '../../protocol/core/entry.ts'
import { BASE64URL } from '../../protocol/core/object-view.ts'
import {
  endAfter,
  type Grant,
  type MainEnd,
  type RootSigner,
  rootDid,
  signDelegate,
  signGenesis,
  signGrant,
} from '../../protocol/core/root-entries.ts'
import { toWire } from '../../protocol/core/signed.ts'
import type { Did } from '../../schemas/did.ts'
import type { Caller } from './edge.ts'

const HOUR_MS = 3_600_000

const newSeed = () => crypto.getRandomValues(new Uint8Array(32))

/** Signed bytes as requests carry them. */
export const wireText = (signed: Parameters<typeof toWire>[0]): string => BASE64URL.toText(toWire(signed))

/** The root of an organisation, offline: what it signs is carried to the edge. */
export class TestRoot {
  readonly seed = newSeed()
  readonly nextSeed = newSeed()
  readonly org: Did = rootDid(this.seed)
  readonly #now: () => number
  end: MainEnd = { org: this.org, epoch: 0, seq: -1, cid: null }

  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  signer(seed = this.seed): RootSigner {
    return { seed, ed25519: portableEd25519, nowMs: this.#now() }
  }

  /** Remembers that an entry is the last one. */
  after(entry: OpenedEntry): OpenedEntry {
    this.end = endAfter(entry)
    return entry
  }

  grantTo(aud: string, more: Partial<Grant> = {}) {
    const nowMs = this.#now()
    const nonce = crypto.getRandomValues(new Uint8Array(16))
    const times = { nbf: nowMs - 1000, exp: nowMs + HOUR_MS }
    return signGrant(
      { org: this.org, aud: aud as Did, cmd: '/mip/log/append', ...times, nonce, ...more },
      this.signer(),
    )
  }

  /** Entries and delegations of a first request: genesis, and the right to publish. */
  async first(publishingKey: string, more: Partial<Grant> = {}) {
    const genesis = this.after(await signGenesis(this.nextSeed, this.signer()))
    const grant = await this.grantTo(publishingKey, more)
    const delegate = this.after(await signDelegate(this.end, grant, this.signer()))
    return { entries: [genesis, delegate].map(wireText), delegations: [wireText(grant)], grant }
  }
}

/** Gives an organisation an identity as `memos org init` does. */
export async function initOrganisation(
  admin: Caller,
  more: Partial<Grant> & { now?: () => number } = {},
): Promise<TestRoot> {
  const { now, ...grant } = more
  const root = new TestRoot(now)
  const { publishingKey } = await admin.ok('getMipIdentity', {})
  const { entries, delegations } = await root.first(publishingKey, grant)
  await admin.ok('createMipIdentity', { body: { entries, delegations } })
  return root
}
