import { AUDIT_CUBES_MAX } from '../../schemas/limits.ts'
import type { RequestContext } from './request-context.ts'
import type { VaultWrite } from './vault-write.ts'

/** The audit row of a change that succeeds, to be written in the batch of the change. */
export const auditOf = (
  context: RequestContext,
  namespaceId: number | null,
  cubeIds: readonly string[] = [],
): VaultWrite => ({
  kind: 'audit',
  entry: {
    atMs: context.nowMs,
    requestId: context.requestId,
    caller: context.principal.keyId,
    operation: context.operation,
    outcome: 'ok',
    namespaceId,
    memoryType: null,
    cubeCount: cubeIds.length,
    cubeIds: cubeIds.slice(0, AUDIT_CUBES_MAX),
  },
})
