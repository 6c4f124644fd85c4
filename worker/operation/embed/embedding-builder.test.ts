import { describe, expect, it } from 'vitest'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import { EmbeddingBuilder, type EmbeddingBuilderComponents } from './embedding-builder.ts'

const CONTEXT = { principal: { orgId: 'org' }, nowMs: 1 } as RequestContext
const NO_SPACES = { vectors: { spaces: async () => [] } } as unknown as VaultSession

function openBuilder(): EmbeddingBuilder {
  let calls = 0
  const parts: Partial<EmbeddingBuilderComponents> = {
    embedder: { model: 'm' } as NonNullable<EmbeddingBuilderComponents['embedder']>,
    runtime: { nowMs: () => 1, randomBytes: (length) => new Uint8Array(length).fill(calls++), defer: () => {} },
    queue: { wake: () => {} },
    singleProcess: true,
  }
  return new EmbeddingBuilder(parts as EmbeddingBuilderComponents)
}

describe('EmbeddingBuilder', () => {
  it('lets further writes of a namespace join the task that waits', () => {
    const builder = openBuilder()
    const first = builder.plan({ id: 7 }, CONTEXT)
    builder.wake({ id: 7 }, first)
    expect(builder.plan({ id: 7 }, CONTEXT)).toEqual({ taskId: first.taskId, writes: [] })
    expect(builder.plan({ id: 8 }, CONTEXT).taskId).not.toBe(first.taskId)
  })

  it('forgets the waiting task of a namespace that is removed', async () => {
    const builder = openBuilder()
    const first = builder.plan({ id: 7 }, CONTEXT)
    builder.wake({ id: 7 }, first)
    await builder.forgetNamespace(NO_SPACES, 'org', 7)
    const next = builder.plan({ id: 7 }, CONTEXT)
    expect(next.taskId).not.toBe(first.taskId)
    expect(next.writes).toHaveLength(1)
  })
})
