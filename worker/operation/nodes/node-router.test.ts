import { describe, expect, it } from 'vitest'
import type { ConnectedNode } from '../../ports/node-hub.ts'
import { explainRouting, routeTask, type Wanted } from './node-router.ts'

const MODEL = 'a'.repeat(64)

const node = (nodeId: string, change: Partial<ConnectedNode> = {}): ConnectedNode => ({
  ...{ nodeId, name: nodeId, runtime: 'onnxruntime-node', provider: 'cpu', concurrency: 2, running: 0 },
  ...{ residentKeys: [], lastSeenMs: 0 },
  models: [{ name: 'm', fingerprint: MODEL, operations: ['generate'], positionsMax: 512 }],
  ...change,
})
const WANTED: Wanted = { fingerprint: MODEL, operation: 'generate', residentKeys: [], failedOn: new Set() }
const choose = (nodes: ConnectedNode[], wanted: Partial<Wanted> = {}) =>
  routeTask(nodes, { ...WANTED, ...wanted }, ({ running }) => running)

describe('a task goes to the node', () => {
  it('that has the model by its fingerprint and the operation; a name is no evidence', () => {
    const other = node('a', {
      models: [{ name: 'm', fingerprint: 'b'.repeat(64), operations: ['generate'], positionsMax: 512 }],
    })
    const unable = node('b', { models: [{ name: 'm', fingerprint: MODEL, operations: ['embed'], positionsMax: 512 }] })
    const { chosen, capable, weighed } = choose([other, unable, node('c')])
    expect([chosen?.nodeId, capable]).toEqual(['c', 1])
    expect(weighed.map(({ nodeId, because }) => [nodeId, because])).toEqual([
      ['c', null],
      ['a', 'other_model'],
      ['b', 'other_operation'],
    ])
    expect(choose([node('a')], { positionsMin: 513 })).toMatchObject({
      chosen: null,
      weighed: [{ because: 'context_too_small' }],
    })
  })

  it('that holds most of what it needs, then the least loaded, then the first by id, whatever the order of nodes', () => {
    const wanted = { residentKeys: ['k', 'l'] }
    const half = node('a', { residentKeys: ['k'] })
    const whole = node('b', { residentKeys: ['k', 'l', 'm'], running: 1 })
    expect(choose([half, whole, node('c')], wanted).chosen?.nodeId).toBe('b')
    expect(choose([node('a', { running: 1 }), node('b')]).chosen?.nodeId).toBe('b')
    expect(choose([node('a', { running: 1 }), node('b', { running: 1, concurrency: 4 })]).chosen?.nodeId).toBe('b')
    for (const nodes of [
      ['a', 'b', 'c'],
      ['c', 'b', 'a'],
    ])
      expect(choose(nodes.map((id) => node(id))).chosen?.nodeId).toBe('a')
  })

  it('on which it has not failed, unless there is no other', () => {
    const failedOn = new Set(['a'])
    expect(
      choose([node('a', { residentKeys: ['k'] }), node('b', { running: 1 })], { failedOn, residentKeys: ['k'] }).chosen
        ?.nodeId,
    ).toBe('b')
    expect(choose([node('a'), node('b', { running: 2 })], { failedOn }).chosen?.nodeId).toBe('a')
  })

  it('that has room: busy ones are capable and not chosen', () => {
    const decision = choose([node('a', { running: 2 }), node('b', { concurrency: 0 })])
    expect(decision).toMatchObject({ chosen: null, capable: 2, weighed: [{ because: 'busy' }, { because: 'busy' }] })
    expect(explainRouting(decision)).toBe('none of 2 nodes: busy')
    expect(explainRouting(choose([node('a'), node('b')]))).toBe('a of 2 capable, resident 0.00, load 0.00')
    expect(explainRouting(choose([]))).toBe('no node is connected')
  })
})
