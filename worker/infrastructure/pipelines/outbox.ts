import { type SQL, sql } from 'drizzle-orm'
import {
  EFFECT_ATTEMPTS_MAX,
  EFFECT_MS_MAX,
  EFFECTS_PER_TICK_MAX,
  EFFECTS_UNSERVED_PER_TICK_MAX,
} from '../../../schemas/limits.ts'
import { outbox } from '../../../schemas/tables/pipelines.ts'
import type { Database } from '../../ports/database.ts'
import type { Logger } from '../../ports/logger.ts'
import type { Webhook } from '../../ports/webhook.ts'
import type { EffectRow } from '../../ports/writes/pipelines.ts'
import { inJson, rowShape, statement } from '../vault/sql.ts'

const FIRST_WAIT_MS = 30_000
const LAST_WAIT_MS = 6 * 3_600_000
/** How long an effect waits that nothing here can do yet. */
const UNSERVED_WAIT_MS = 15 * 60_000
/** Why an effect waits that nothing here can do, by its kind. */
const UNSERVED = {
  publish: 'waits for a publisher: this deployment has none',
  notify: 'no webhook origin is configured',
}

export interface OutboxComponents {
  webhook: Webhook | null
  logger: Logger
}

const ROW = rowShape(outbox, 'o')

/**
 * Does what pipelines left to be done, again until it is done or has failed for good. A row is claimed by moving its time, so two ticks do not do
 * the same at once; one that dies in between is followed by another attempt with the same idempotency key: at least once.
 */
export class Outbox {
  readonly #components: OutboxComponents

  constructor(components: OutboxComponents) {
    this.#components = components
  }

  /** Tries what is due in a database. What nobody here can do is put off apart from it: however much of that waits, it keeps nothing else from its turn. */
  async step(database: Database, nowMs: number): Promise<void> {
    const { webhook } = this.#components
    await putOff(database, 'publish', nowMs)
    if (webhook === null) return putOff(database, 'notify', nowMs)
    const rows = await database.all(
      statement(
        sql`select ${ROW.columns} from outbox o where ${isDue('notify', nowMs)} order by o.next_at_ms limit ${EFFECTS_PER_TICK_MAX}`,
      ),
    )
    for (const row of rows.map(ROW.parse)) await this.#try(database, webhook, row, nowMs)
  }

  async #try(database: Database, webhook: Webhook, effect: EffectRow, nowMs: number): Promise<void> {
    const { logger } = this.#components
    const attempts = effect.attempts + 1
    const wait = Math.min(LAST_WAIT_MS, FIRST_WAIT_MS * 2 ** effect.attempts)
    const claimed = { ...effect, attempts, nextAtMs: nowMs + wait }
    if (!(await settle(database, effect, { ...claimed, state: 'waiting' }))) return
    try {
      const { url, ...message } = effect.payload
      await webhook.send(String(url), message, effect.idempotencyKey, AbortSignal.timeout(EFFECT_MS_MAX))
      await settle(database, claimed, { ...claimed, state: 'done', error: null })
    } catch (error) {
      const said = error instanceof Error ? error.message.slice(0, 200) : 'unknown'
      logger.warn('effect_failed', { id: effect.id, kind: effect.kind, attempts, error: said })
      await settle(database, claimed, {
        ...claimed,
        state: attempts >= EFFECT_ATTEMPTS_MAX ? 'failed' : 'waiting',
        error: said,
      })
    }
  }
}

const isDue = (kind: keyof typeof UNSERVED, nowMs: number): SQL =>
  sql`o.state = 'waiting' and o.kind = ${kind} and o.next_at_ms <= ${nowMs} and o.org_id not in (select org_id from fences)`

/** Looks at due effects of a kind again later, and says why. */
async function putOff(database: Database, kind: keyof typeof UNSERVED, nowMs: number): Promise<void> {
  // A select first: most looks find nothing, and a look must not take the write lock.
  const due = await database.all(
    statement(
      sql`select o.id from outbox o where ${isDue(kind, nowMs)} order by o.next_at_ms limit ${EFFECTS_UNSERVED_PER_TICK_MAX}`,
    ),
  )
  if (due.length === 0) return
  await database.all(
    statement(sql`update outbox as o set error = ${UNSERVED[kind]}, next_at_ms = ${nowMs + UNSERVED_WAIT_MS}
      where o.id in ${inJson(due.map(([id]) => String(id)))} and ${isDue(kind, nowMs)}`),
  )
}

/** Changes a row that is still as it was read; whether it was. */
async function settle(
  database: Database,
  before: Pick<EffectRow, 'id' | 'attempts' | 'nextAtMs'>,
  after: Pick<EffectRow, 'state' | 'error' | 'attempts' | 'nextAtMs'>,
): Promise<boolean> {
  const rows = await database.all(
    statement(sql`update outbox set state = ${after.state}, error = ${after.error}, attempts = ${after.attempts}, next_at_ms = ${after.nextAtMs}
      where id = ${before.id} and state = 'waiting' and attempts = ${before.attempts} and next_at_ms = ${before.nextAtMs} returning id`),
  )
  return rows.length > 0
}
