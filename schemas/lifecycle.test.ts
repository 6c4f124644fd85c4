import { describe, expect, it } from 'vitest'
import {
  ChangeLifecycle,
  commandsOf,
  LIFECYCLE_EVENTS,
  LIFECYCLE_STATES,
  type LifecycleEvent,
  type LifecycleState,
  nextState,
} from './lifecycle.ts'

/** Every state and every event, spelled out: a dash where the event means nothing to the state. */
const TABLE = `
              recall     merge   idle      archive   ttl      freeze  unfreeze   restore
  generated   activated  merged  archived  archived  expired  frozen  -          -
  activated   -          merged  archived  archived  expired  frozen  -          -
  merged      activated  merged  archived  archived  expired  frozen  -          -
  archived    -          -       -         -         expired  -       -          activated
  expired     -          -       -         -         -        -       -          -
  frozen      -          -       -         -         -        -       activated  -
`

const [head = [], ...rows] = TABLE.trim()
  .split('\n')
  .map((line) => line.trim().split(/\s+/))
const cells = rows.flatMap(([state = '', ...next]) => next.map((to, at) => [state, head[at] ?? '', to] as const))

describe('the state machine of a cube', () => {
  it('is spelled out whole', () => {
    expect(rows.map(([state]) => state)).toEqual([...LIFECYCLE_STATES])
    expect(head).toEqual([...LIFECYCLE_EVENTS])
    expect(cells).toHaveLength(LIFECYCLE_STATES.length * LIFECYCLE_EVENTS.length)
  })

  it.each(cells)('%s, %s: %s', (state, event, to) => {
    expect(nextState(state as LifecycleState, event as LifecycleEvent)).toBe(to === '-' ? null : to)
  })

  it('lets callers freeze and archive what is at hand, and bring back what is not', () => {
    expect(Object.fromEntries(LIFECYCLE_STATES.map((state) => [state, commandsOf(state)]))).toEqual({
      generated: ['freeze', 'archive'],
      activated: ['freeze', 'archive'],
      merged: ['freeze', 'archive'],
      archived: ['restore'],
      expired: [],
      frozen: ['unfreeze'],
    })
  })

  it.each([{}, { event: 'recall' }, { event: 'ttl' }, { event: 'freeze', reason: '' }, { event: 'freeze', until: 1 }])(
    'refuses the command %j',
    (body) => expect(ChangeLifecycle.safeParse(body).success).toBe(false),
  )
})
