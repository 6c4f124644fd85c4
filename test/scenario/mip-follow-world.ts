import { afterAll, beforeAll, expect } from 'vitest'
import { portableEd25519 } from '../../protocol/core/ed25519-rule.ts'
import type { CreateMipSubscription } from '../../schemas/mip-subscription.ts'
import { MemoryBlobStore } from '../../worker/drivers/blob-store/memory.ts'
import { PeerKeySigner } from '../../worker/drivers/signer/peer-key-signer.ts'
import type { Database } from '../../worker/ports/database.ts'
import { faultsOf } from '../support/check-organisation.ts'
import { type Caller, newTenant, type Tenant } from '../support/edge.ts'
import { type LocalEdge, openLocalEdge } from '../support/local-edge.ts'
import { FakeRemotes, MipPublisher, type MirrorFaults } from '../support/mip-publisher.ts'
import { WordEmbedder } from '../support/word-embedder.ts'

type Create = Partial<(typeof CreateMipSubscription)['_input']>
export type OpenDatabase = () => Promise<{ database: Database; close(): Promise<void> }>

/** An organisation that follows a publisher at one mirror, and can be given more. */
interface World extends Tenant {
  publisher: MipPublisher
  address: string
  mirror(faults?: MirrorFaults): { address: string; faults: MirrorFaults; calls: number; proofs: Uint8Array[] }
  trust(tier: 'blocked' | 'unknown' | 'known' | 'trusted'): Promise<void>
  subscribe(more?: Create): Promise<{ id: string; namespace: string }>
}

/** An edge inside the test that reaches publishers without a network; to be called in a suite. */
export function followWorld(openDatabase: OpenDatabase, { mirrors = false, firstSeed = 1, signs = false } = {}) {
  let opened: { database: Database; close(): Promise<void> }
  let edge: LocalEdge
  let publisherSeed = firstSeed
  const blobs = new MemoryBlobStore()
  const remotes = new FakeRemotes()
  const embedder = new WordEmbedder('m')

  beforeAll(async () => {
    opened = await openDatabase()
    edge = await openLocalEdge({
      databases: new Map([['default', opened.database]]),
      blobs,
      embedder,
      mip: {
        remotes,
        mirrors,
        ...(signs && { signer: new PeerKeySigner(new Uint8Array(32).fill(firstSeed), portableEd25519) }),
      },
    })
  })
  afterAll(async () => {
    await edge.close()
    await opened.close()
  })

  async function world(tier: 'unknown' | 'known' | 'trusted' = 'known'): Promise<World> {
    const tenant = await newTenant(edge)
    const publisher = await MipPublisher.create(publisherSeed++)
    let mirrors = 0
    const addresses: string[] = []
    const mirror = (faults: MirrorFaults = {}) => {
      const address = `https://mirror-${mirrors++}.example/${publisher.did.slice(-12)}`
      addresses.push(address)
      return Object.assign(remotes.add(publisher, address, faults), { address })
    }
    const { address } = mirror()
    const { did } = publisher
    const trust: World['trust'] = async (to) => {
      await tenant.admin.ok('setMipPeer', { params: { did }, body: { tier: to, name: 'Harbour', addresses } })
    }
    await trust(tier)
    const subscribe: World['subscribe'] = (more = {}) =>
      tenant.admin.ok('createMipSubscription', { body: { did, ...more } as never })
    return { ...tenant, publisher, address, mirror, trust, subscribe }
  }
  const pull = (admin: Caller, id: string) => admin.ok('catchUpMipSubscription', { params: { id } })
  const texts = async (admin: Caller, namespace: string) =>
    (await admin.ok('listCubes', { query: { namespace } })).items.map(({ content }) => content).sort()
  const found = async (admin: Caller, namespace: string, query: string) =>
    (await admin.ok('search', { body: { query, namespaces: [namespace] } })).results.map(({ cube }) => cube.content)
  const faultless = async ({ id }: Tenant) => expect(await faultsOf(opened.database, blobs, id)).toEqual([])

  return {
    get edge() {
      return edge
    },
    blobs,
    remotes,
    world,
    pull,
    texts,
    found,
    faultless,
  }
}
