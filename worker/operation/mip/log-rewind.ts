import { type OpenedEntry, openEntryParts } from '../../../protocol/core/entry.ts'
import { applyEntries, type LogOptions } from '../../../protocol/core/log-apply.ts'
import { type LogState, newLogState } from '../../../protocol/core/log-state.ts'
import type { Cid } from '../../../schemas/cid.ts'
import type { Did } from '../../../schemas/did.ts'
import { MIP_APPLY_ENTRIES_MAX, MIP_LOG_PAGE_ENTRIES_MAX } from '../../../schemas/limits-mip.ts'
import { MAIN_LOG } from '../../../schemas/mip-entry.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { LogPlace, MipEntryRow, MipLogRow } from '../../ports/writes/mip.ts'
import { historyOf, planAsSaid } from './cube-history.ts'
import { applyPlans, type Plan, type PlanComponents } from './plans.ts'

/** By which entries that are here are judged again; `load` brings the delegations that they name. */
interface Rules {
  options: LogOptions
  load(entries: readonly OpenedEntry[]): Promise<void>
}

const START: LogPlace = { epoch: 0, seq: -1 }

/**
 * Takes back what came from entries of a branch that a root has not let stand, then the entries (docs/mip/heads-and-forks.md). In steps from
 * the end, each one batch with the cursors that it moves: cut off anywhere, the next look finds the same fork and goes on.
 */
export class LogRewind {
  readonly #components: PlanComponents

  constructor(components: PlanComponents) {
    this.#components = components
  }

  /** Undoes everything after `seq`. @throws GuardError when another run was there first */
  async to(
    session: VaultSession,
    row: MipLogRow,
    seq: number,
    rules: Rules,
    context: RequestContext,
  ): Promise<LogState> {
    for (;;) {
      const subscriptions = await session.followed.subscriptionsOf(row.did, row.log)
      const top = Math.max(...subscriptions.map((one) => one.seq), seq)
      if (top <= seq) break
      const below = Math.max(seq, top - MIP_APPLY_ENTRIES_MAX)
      const target = await placeAt(session, row.id, below)
      const plans = await this.#undo(session, row, { below, top }, context)
      const moved = subscriptions.filter((one) => one.seq > below)
      await applyPlans(
        this.#components,
        session,
        plans,
        moved.map((one) => ({
          kind: 'advance_mip_subscription' as const,
          id: one.id,
          expected: { epoch: one.epoch, seq: one.seq },
          to: target,
          atMs: context.nowMs,
        })),
        context,
      )
    }
    const state = await stateAt(session, row, seq, rules)
    await session.vault.apply([
      {
        kind: 'rewind_mip_log',
        logId: row.id,
        expected: { epoch: row.epoch, seq: row.seq },
        head: { epoch: state.epoch, seq: state.seq, cid: state.cid, state: { ...state } },
        atMs: context.nowMs,
      },
    ])
    return state
  }

  /** Each cube as it stood before: what is left published of it is fetched again with the next look, else nothing of it is here. */
  async #undo(
    session: VaultSession,
    log: MipLogRow,
    { below, top }: { below: number; top: number },
    { nowMs }: RequestContext,
  ): Promise<Plan[]> {
    const gone = (await session.followed.entriesAt(log.id, range(below + 1, top))).flatMap(({ cube, op, seq }) =>
      cube !== null && op.startsWith('cube.') ? [{ cube, op, seq }] : [],
    )
    return Promise.all(
      [...Map.groupBy(gone, ({ cube }) => cube)].map(async ([cube, entries]) => {
        const history = await historyOf(session, log.id, cube, ({ seq }) => seq <= below)
        const lifted = entries.flatMap(({ op, seq }) => (op === 'cube.revoke' ? [seq] : []))
        return planAsSaid(session, log, cube, { history, lifted, reason: 'resync' }, nowMs)
      }),
    )
  }
}

const opened = ({ bytes, signature }: MipEntryRow) => openEntryParts(new Uint8Array(bytes), new Uint8Array(signature))

async function placeAt(session: VaultSession, logId: number, seq: number): Promise<LogPlace> {
  const [entry] = seq === -1 ? [] : await session.followed.entriesAt(logId, [seq])
  return entry === undefined ? START : { epoch: entry.epoch, seq }
}

/** What a log said up to a place: of `main` its entries tell, of every other one the place is all there is. */
async function stateAt(
  session: VaultSession,
  { id, did, log }: MipLogRow,
  seq: number,
  { options, load }: Rules,
): Promise<LogState> {
  let state = newLogState(did as Did, log)
  if (log !== MAIN_LOG) {
    const [entry] = seq === -1 ? [] : await session.followed.entriesAt(id, [seq])
    return entry === undefined ? state : { ...state, epoch: entry.epoch, seq, cid: entry.cid as Cid }
  }
  while (state.seq < seq) {
    const rows = await session.followed.entriesAfter(id, state, MIP_LOG_PAGE_ENTRIES_MAX)
    const entries = rows.filter((row) => row.seq <= seq).map(opened)
    await load(entries)
    const next = await applyEntries(state, entries, options)
    // Entries that are refused now are read again, from whoever serves them.
    if (next.accepted.length === 0) break
    state = next.state
  }
  return state
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at)
