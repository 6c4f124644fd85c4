import { expect, it } from 'vitest'
import { CreateCube } from '../../../schemas/cube.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { GuardError } from '../../ports/database.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import { MemoryWriter } from './memory-writer.ts'

const NOW_MS = 1_750_000_000_000
const context: RequestContext = {
  principal: {
    keyId: 'k',
    orgId: 'o',
    scopes: new Set(['memory:write']),
    subject: null,
    namespaces: null,
    clearance: 'personal',
    purposes: null,
    tasks: null,
    purpose: null,
    task: null,
    atMs: NOW_MS,
    ratePerMinute: 1,
    expiresAtMs: null,
    root: false,
  },
  requestId: 'r',
  nowMs: NOW_MS,
  signal: new AbortController().signal,
  operation: 'createCube',
  idempotencyKey: null,
}

const writer = new MemoryWriter({
  blobs: { put: async () => {}, delete: async () => {} } as never,
  runtime: { nowMs: () => NOW_MS, randomBytes: (length: number) => new Uint8Array(length) } as never,
  encodeVector: () => new Uint8Array(),
})

/** A session whose batches meet a false expectation. `dimensions` is what another writer stored between the reading and the batch. */
function refusing({ cubesMax, dimensions }: { cubesMax: number | null; dimensions: number }): VaultSession {
  let reads = 0
  return {
    vault: {
      organisation: { cubesMax },
      apply: async () => {
        throw new GuardError('an expectation of the batch was false')
      },
    },
    vectors: { spaces: async () => (reads++ === 0 ? [] : [{ model: 'caller:m', dimensions }]) },
  } as unknown as VaultSession
}

const create = (session: VaultSession) => {
  const cube = CreateCube.parse({ content: 'x', embedding: { model: 'm', values: [1, 0] } })
  return writer.create(session, { id: 1 } as NamespaceRow, [cube], context, [], () => ({ status: 201, body: {} }))
}

it.each([null, 100])(
  'names the vector when another writer gave its model another length, quota %s',
  async (cubesMax) => {
    await expect(create(refusing({ cubesMax, dimensions: 3 }))).rejects.toMatchObject({
      code: 'invalid_vector',
      facts: { field: 'embedding.values', expected: expect.stringContaining('3 numbers') },
    })
  },
)

it('names the quota when the vector is not at fault', async () => {
  await expect(create(refusing({ cubesMax: 100, dimensions: 2 }))).rejects.toMatchObject({ code: 'quota_exceeded' })
})

it('does not call a revision current that was changed after it was read', async () => {
  const session = refusing({ cubesMax: null, dimensions: 2 })
  const cubes = {
    toErase: async () => ({ cube: { cubeId: 'c', revision: 1, state: 'generated' }, full: null }),
    blobKeys: async () => [],
  }
  await expect(writer.remove({ ...session, cubes } as never, 'c', context)).rejects.toMatchObject({
    code: 'revision_conflict',
    facts: { field: 'expectedRevision', expected: 'a revision that is still current' },
  })
})
