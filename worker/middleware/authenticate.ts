import type { MiddlewareHandler } from 'hono'
import { MemosError } from '../../schemas/errors.ts'
import { CONTEXT_WORD_LENGTH_MAX } from '../../schemas/limits.ts'
import { ContextWord } from '../../schemas/permissions.ts'
import type { Edge } from '../interface/edge.ts'
import type { EdgeVariables } from '../interface/http/bind-route.ts'

/** Who may be served at all: `Authorization: Bearer KEY` (or `Token KEY`), within the key's rate. */
export const authenticate =
  (edge: Edge): MiddlewareHandler<{ Variables: EdgeVariables }> =>
  async (c, next) => {
    const secret = /^(?:Bearer|Token)\s+(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1]
    if (secret === undefined)
      throw new MemosError('unauthenticated', { field: 'Authorization', expected: 'Bearer and an API key' })
    const principal = await edge.keyRing.authenticate(secret, c.req.header('x-memos-org') ?? null, {
      purpose: claimOf(c.req.header('memos-purpose'), 'memos-purpose'),
      task: claimOf(c.req.header('memos-task'), 'memos-task'),
    })
    const decision = await edge.rateLimiter.take(principal.keyId, principal.ratePerMinute, edge.runtime.nowMs())
    if (!decision.allowed) throw new MemosError('rate_limited', { retryAfterS: decision.retryAfterS })
    c.set('principal', principal)
    await next()
  }

/** What a request says it is for. @throws MemosError invalid_request naming the header */
function claimOf(value: string | undefined, header: string): string | null {
  if (value === undefined) return null
  const word = ContextWord.safeParse(value)
  if (word.success) return word.data
  throw new MemosError('invalid_request', {
    field: header,
    expected: `letters, digits and . _ : -, at most ${CONTEXT_WORD_LENGTH_MAX}`,
  })
}
