import type { RequestContext } from '../../ports/request-context.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'

/** Answer of a write, made before it is applied so that an idempotent retry gets the very same. */
export const finish = ({ idempotencyKey }: RequestContext, status: number, body: unknown): VaultWrite[] =>
  idempotencyKey === null
    ? []
    : [{ kind: 'finish_idempotency', key: idempotencyKey, status, response: JSON.stringify(body) }]
