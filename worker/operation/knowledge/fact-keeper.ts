import { momentMs } from '../../../schemas/common.ts'
import { entityKey } from '../../../schemas/entity-key.ts'
import { MemosError } from '../../../schemas/errors.ts'
import type { StateFact } from '../../../schemas/facts.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import { auditOf } from '../../ports/audit.ts'
import { GuardError } from '../../ports/database.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { FactRow } from '../../ports/rows.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'
import type { FactLinkName } from '../../ports/writes/facts.ts'
import { planChange } from './facts-builder.ts'
import { placeOf } from './predicates.ts'

/** How often a change is planned anew because another one came between reading and writing. */
const ATTEMPTS_MAX = 5

/** What callers do to facts: state one, take one back, take a supersession apart. */
export class FactKeeper {
  /**
   * States a fact with a cube as evidence and answers its id. Saying the same again changes nothing.
   * @throws MemosError not_found (no such cube to write to), invalid_request, database_busy
   */
  async state(session: VaultSession, stated: StateFact, context: RequestContext): Promise<string> {
    const { cube } = await session.cubes.get(stated.cubeId, 'write')
    const draft = {
      ...draftOf(stated, cube.saidAtMs),
      seq: cube.seq,
      cubeId: cube.cubeId,
    }
    const place = placeOf(draft)
    await this.#apply(session, context, cube, async (nowMs) =>
      planChange(session.facts, { drafts: [draft], retracted: [], undone: [] }, [], {
        namespaceId: cube.namespaceId,
        nowMs,
        by: context.principal.keyId,
      }),
    )
    const { facts } = await session.facts.known(cube.namespaceId, [{ subject: draft.subject, slot: place.slot }])
    const isSaid = (fact: FactRow) =>
      fact.cubeId === cube.cubeId &&
      fact.source === 'caller' &&
      fact.retractedAtMs === null &&
      fact.object === draft.object &&
      fact.predicate === draft.predicate &&
      fact.validFromMs === draft.validFromMs &&
      fact.statedToMs === draft.validToMs
    const made = facts.find(isSaid)
    if (made === undefined) throw new MemosError('not_found')
    return made.id
  }

  /** Takes a fact back: it was never so. What it had ended holds again. @throws MemosError not_found, database_busy */
  async retract(session: VaultSession, id: string, context: RequestContext): Promise<void> {
    const { fact } = await session.facts.get(id, 'write')
    await this.#apply(session, context, fact, async (nowMs) =>
      planChange(session.facts, { drafts: [], retracted: [id], undone: [] }, [fact], {
        namespaceId: fact.namespaceId,
        nowMs,
        by: context.principal.keyId,
      }),
    )
  }

  /**
   * Takes the links of a fact to older ones apart, all or the one to `olderId`: what it superseded gets back the end that it had before.
   * No later statement links the two again. @throws MemosError not_found, database_busy
   */
  async undo(session: VaultSession, id: string, olderId: string | undefined, context: RequestContext): Promise<void> {
    const { fact } = await session.facts.get(id, 'write')
    await this.#apply(session, context, fact, async (nowMs) => {
      const links = await session.facts.links(fact)
      const undone: FactLinkName[] = links.filter(
        ({ fromId, toId, relation, undoneAtMs }) =>
          undoneAtMs === null &&
          (relation === 'supersedes' ? fromId === id : fromId === id || toId === id) &&
          (olderId === undefined || olderId === (fromId === id ? toId : fromId)),
      )
      const ends = await Promise.all(undone.map(({ fromId, toId }) => session.facts.get(fromId === id ? toId : fromId)))
      const touched = [fact, ...ends.map((end) => end.fact)]
      return planChange(session.facts, { drafts: [], retracted: [], undone }, touched, {
        namespaceId: fact.namespaceId,
        nowMs,
        by: context.principal.keyId,
      })
    })
  }

  /** Plans and applies; a change that another one overtook is planned again on what that one left. */
  async #apply(
    { vault }: VaultSession,
    context: RequestContext,
    { namespaceId, cubeId }: Pick<FactRow, 'namespaceId' | 'cubeId'>,
    plan: (nowMs: number) => Promise<VaultWrite[]>,
  ): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await vault.apply([...(await plan(context.nowMs)), auditOf(context, namespaceId, [cubeId])])
        return
      } catch (error) {
        if (!(error instanceof GuardError)) throw error
        if (attempt === ATTEMPTS_MAX) throw new MemosError('database_busy', {}, { cause: error })
      }
    }
  }
}

function draftOf(stated: StateFact, saidAtMs: number) {
  const subject = entityKey(stated.subject)
  if (subject === '') throw new MemosError('invalid_request', { field: 'subject', expected: 'a name' })
  const validFromMs = stated.validFrom === undefined ? saidAtMs : momentMs(stated.validFrom)
  const validToMs = stated.ended ? validFromMs : stated.validTo === undefined ? null : momentMs(stated.validTo)
  if (!stated.ended && validToMs !== null && validToMs <= validFromMs)
    throw new MemosError('invalid_request', { field: 'validTo', expected: 'a time after validFrom' })
  return {
    subject,
    predicate: stated.predicate,
    object: stated.object,
    objectKey: stated.entity === undefined ? null : entityKey(stated.entity),
    validFromMs,
    validToMs,
    confidence: stated.confidence,
    source: 'caller' as const,
  }
}
