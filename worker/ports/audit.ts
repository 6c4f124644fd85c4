import { AUDIT_CUBES_MAX } from '../../schemas/limits.ts'
import type { MemoryType } from '../../schemas/vocabulary.ts'
import type { RequestContext } from './request-context.ts'
import type { VaultWrite } from './vault-write.ts'

/** The audit row of a change that succeeds, to be written in the batch of the change. `memoryTypes` are those of the cubes concerned. */
export const auditOf = (
  context: RequestContext,
  namespaceId: number | null,
  cubeIds: readonly string[] = [],
  memoryTypes: readonly MemoryType[] = [],
): VaultWrite => ({
  kind: 'audit',
  entry: {
    atMs: context.nowMs,
    requestId: context.requestId,
    caller: context.principal.keyId,
    operation: context.operation,
    outcome: 'ok',
    namespaceId,
    memoryType: commonType(memoryTypes),
    cubeCount: cubeIds.length,
    cubeIds: cubeIds.slice(0, AUDIT_CUBES_MAX),
  },
})

/** The memory type that a log entry is found by: that of its cubes; null where they differ or there are none. */
export const commonType = (memoryTypes: readonly MemoryType[]): MemoryType | null => {
  const [first] = memoryTypes
  return first !== undefined && memoryTypes.every((type) => type === first) ? first : null
}
