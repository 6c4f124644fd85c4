import { describe, expect, it } from 'vitest'
import { LIFECYCLE_STATES } from '../../../schemas/lifecycle.ts'
import { schedulePolicy } from '../../../schemas/namespace-settings.ts'
import { MEMORY_TYPES } from '../../../schemas/vocabulary.ts'
import { dueChanges, planId, type Scheduled, whyDropped } from './type-changes.ts'

const DAY_MS = 86_400_000
const NOW_MS = 1000 * DAY_MS
const POLICY = schedulePolicy({})
const cube = (facts: Partial<Scheduled> = {}): Scheduled => ({
  cubeId: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
  state: 'activated',
  memoryType: 'plaintext',
  heat: 0,
  lastUsedAtMs: NOW_MS,
  createdAtMs: 0,
  updatedAtMs: 0,
  priority: 'mid',
  ...facts,
})
const due = (facts: Partial<Scheduled>) => dueChanges(cube(facts), POLICY, NOW_MS)

describe('changes of memory type', () => {
  it.each([
    ['text below both thresholds stays', { heat: 7.99 }, []],
    ['hot, stable text is promoted', { heat: 8 }, ['promote']],
    ['hot text that changed today stays', { heat: 8, updatedAtMs: NOW_MS - 0.9 * DAY_MS }, []],
    ['heat that has decayed does not count', { heat: 15, lastUsedAtMs: NOW_MS - 7 * DAY_MS }, []],
    ['very hot, stable text is promoted and distilled', { heat: 64 }, ['promote', 'distil']],
    ['very hot text of last week is promoted only', { heat: 64, updatedAtMs: NOW_MS - 7 * DAY_MS }, ['promote']],
    ['a warm KV cache stays', { memoryType: 'activation', heat: 1 }, []],
    ['a cold KV cache is demoted', { memoryType: 'activation', heat: 0.49 }, ['demote']],
    ['a very hot, stable KV cache is distilled', { memoryType: 'activation', heat: 64 }, ['distil']],
    ['an adapter in use stays', { memoryType: 'parametric', heat: 0 }, []],
    [
      'an idle adapter is externalised',
      { memoryType: 'parametric', lastUsedAtMs: NOW_MS - 180 * DAY_MS },
      ['externalise'],
    ],
    [
      'an adapter never used is idle since it was made',
      { memoryType: 'parametric', lastUsedAtMs: null },
      ['externalise'],
    ],
  ] as const)('%s', (_, facts, expected) => {
    expect(due(facts)).toEqual(expected)
  })

  it('follow thresholds that are data', () => {
    const policy = schedulePolicy({ schedule: { promoteHeat: 2, promoteStableDays: 500 } })
    expect(dueChanges(cube({ heat: 2 }), policy, NOW_MS)).toEqual(['promote'])
    expect(dueChanges(cube({ heat: 2, updatedAtMs: NOW_MS - 499 * DAY_MS }), policy, NOW_MS)).toEqual([])
  })

  it('are never due for frozen, archived and expired memory, whatever its type', () => {
    for (const state of LIFECYCLE_STATES)
      for (const memoryType of MEMORY_TYPES)
        for (const facts of [{ heat: 100 }, { heat: 0, lastUsedAtMs: 0 }]) {
          const found = due({ state, memoryType, ...facts })
          if (['frozen', 'archived', 'expired'].includes(state)) expect(found).toEqual([])
        }
  })

  it.each([
    ['erased', null, 'cube_erased'],
    ['frozen', { state: 'frozen' }, 'cube_frozen'],
    ['archived', { state: 'archived' }, 'cube_archived'],
    ['written', { updatedAtMs: 5 }, 'cube_changed'],
    ['of another type', { memoryType: 'parametric' }, 'cube_changed'],
    ['cold', { heat: 0.1 }, 'not_due_any_more'],
    ['a little less hot', { heat: 7 }, null],
  ] as const)('a planned promotion of a cube that is %s by now', (_, facts, expected) => {
    const now = facts === null ? null : cube({ heat: 9, ...facts })
    expect(whyDropped('promote', 0, now, POLICY, NOW_MS)).toBe(expected)
  })

  it('are dropped when the idle adapter is used and the cold KV cache is hot again', () => {
    const adapter = cube({ memoryType: 'parametric', lastUsedAtMs: NOW_MS })
    expect(whyDropped('externalise', 0, adapter, POLICY, NOW_MS)).toBe('not_due_any_more')
    const cache = cube({ memoryType: 'activation', heat: 8 })
    expect(whyDropped('demote', 0, cache, POLICY, NOW_MS)).toBe('not_due_any_more')
    expect(whyDropped('demote', 0, { ...cache, heat: 1 }, POLICY, NOW_MS)).toBeNull()
  })

  it('have one task for each kind, cube and writing of the cube', () => {
    const id = planId('promote', cube())
    expect(id).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/)
    expect(planId('promote', cube({ heat: 50 }))).toBe(id)
    expect(planId('distil', cube())).not.toBe(id)
    expect(planId('promote', cube({ updatedAtMs: 1 }))).not.toBe(id)
    expect(planId('promote', cube({ cubeId: '01ARZ3NDEKTSV4RRFFQ69G5FAX' }))).not.toBe(id)
  })
})
