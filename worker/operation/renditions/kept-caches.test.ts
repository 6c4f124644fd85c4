import { describe, expect, it } from 'vitest'
import { schedulePolicy } from '../../../schemas/namespace-settings.ts'
import type { KeptRendition } from '../../infrastructure/renditions/rendition-reader.ts'
import { chooseDemoted, isValid } from './kept-caches.ts'

const DAY_MS = 86_400_000
const NOW_MS = 100 * DAY_MS
const POLICY = { ...schedulePolicy({}), kvBytesMax: 100 }

const kept = (
  cubeId: string,
  { heat = 5, usedAgo = 0, session = '', bytes = 40, dtype = 'fp16' } = {},
): KeptRendition => ({
  row: {
    ...{ cubeId, model: 'm', namespaceId: 1, session, digest: 'd', bytes, createdAtMs: NOW_MS - 30 * DAY_MS },
    usedAtMs: NOW_MS - usedAgo * DAY_MS,
    rendition: { dtype } as KeptRendition['row']['rendition'],
  },
  heat,
  lastUsedAtMs: NOW_MS - usedAgo * DAY_MS,
  updatedAtMs: 1,
})
const gone = (list: KeptRendition[], policy = POLICY) =>
  chooseDemoted(list, policy, NOW_MS).map(({ one, because }) => `${one.row.cubeId} ${because}`)

describe('caches are demoted', () => {
  it('until the rest fits the budget: the coldest first, with lru the longest unused', () => {
    const list = [kept('hot', { heat: 9, usedAgo: 2 }), kept('cold', { heat: 2 }), kept('warm', { heat: 5 })]
    expect(gone(list)).toEqual(['cold over_budget'])
    expect(gone(list, { ...POLICY, strategy: 'lru' })).toEqual(['hot over_budget'])
    expect(gone(list, { ...POLICY, kvBytesMax: 120 })).toEqual([])
    expect(gone(list, { ...POLICY, kvBytesMax: 0 })).toHaveLength(3)
  })

  it('when their memory has cooled off, a conversation after a half-life without a turn', () => {
    expect(gone([kept('a', { heat: 0.4 }), kept('b')])).toEqual(['a idle'])
    expect(
      gone([kept('s', { session: 'x', heat: 0, usedAgo: 8 }), kept('t', { session: 'y', heat: 0, usedAgo: 6 })]),
    ).toEqual(['s idle'])
  })

  it('when the policy asks for another form, which is not used from then on either', () => {
    expect(gone([kept('a', { dtype: 'q8' }), kept('b')])).toEqual(['a policy_changed'])
    const { row } = kept('a', { dtype: 'q8' })
    expect([
      isValid(row, 'd', POLICY),
      isValid(row, 'd', { kvDtype: 'int8' }),
      isValid(row, 'e', { kvDtype: 'int8' }),
    ]).toEqual([false, true, false])
  })

  it('but not what was just made, however cold', () => {
    const young = kept('a', { heat: 0 })
    young.row.createdAtMs = NOW_MS
    expect(gone([young])).toEqual([])
  })
})
