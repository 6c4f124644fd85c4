/**
 * Goal: open sessions stay within their bytes, whatever is asked for at once, and a failure is nobody else's.
 * Method: a runtime that only counts.
 */
import type { InferenceSession } from 'onnxruntime-common'
import { describe, expect, it } from 'vitest'
import { NodeError } from '../node-error.ts'
import type { OnnxRuntime } from './onnx-runtime.ts'
import { type SessionPlan, SessionPool } from './session-pool.ts'

class CountingRuntime {
  readonly log: string[] = []

  async open(model: Uint8Array): Promise<InferenceSession> {
    const name = String.fromCharCode(...model)
    this.log.push(`+${name}`)
    return { release: async () => void this.log.push(`-${name}`) } as unknown as InferenceSession
  }
}

const plan = (key: string, bytes: number, check = async () => {}): SessionPlan => ({
  key,
  bytes,
  model: async () => Uint8Array.from(key, (letter) => letter.charCodeAt(0)),
  check,
})

function pool(bytesMax: number) {
  const runtime = new CountingRuntime()
  return { log: runtime.log, sessions: new SessionPool(runtime as unknown as OnnxRuntime, bytesMax) }
}

const nothing = async () => {}

describe('a pool of sessions', () => {
  it('opens each once, and closes the one that was not used for longest', async () => {
    const { log, sessions } = pool(100)
    await Promise.all([sessions.use(plan('a', 40), nothing), sessions.use(plan('a', 40), nothing)])
    await sessions.use(plan('b', 40), nothing)
    await sessions.use(plan('a', 40), nothing)
    await sessions.use(plan('c', 40), nothing)
    expect([log, sessions.bytes]).toEqual([['+a', '+b', '-b', '+c'], 80])
    await sessions.closeAll()
    expect([log.slice(4).toSorted(), sessions.bytes]).toEqual([['-a', '-c'], 0])
  })

  it('closes none in use: who finds no room is told', async () => {
    const { log, sessions } = pool(100)
    await sessions.use(plan('a', 60), async () => {
      await expect(sessions.use(plan('b', 60), nothing)).rejects.toMatchObject({ code: 'out_of_memory' })
    })
    await expect(sessions.use(plan('c', 101), nothing)).rejects.toMatchObject({ code: 'out_of_memory' })
    await sessions.use(plan('b', 60), nothing)
    expect(log).toEqual(['+a', '-a', '+b'])
  })

  it('forgets a session that fails its test or does not open, and tries again', async () => {
    const { log, sessions } = pool(100)
    const failing = async () => {
      throw new NodeError('result_mismatch', 'wrong')
    }
    await expect(sessions.use(plan('a', 60, failing), nothing)).rejects.toMatchObject({ code: 'result_mismatch' })
    const broken = { ...plan('b', 60), model: () => Promise.reject(new Error('std::bad_alloc')) }
    await expect(sessions.use(broken, nothing)).rejects.toMatchObject({ code: 'out_of_memory' })
    expect(sessions.bytes).toBe(0)
    await sessions.use(plan('a', 60), nothing)
    expect(log).toEqual(['+a', '-a', '+a'])
  })

  it('waits for work before it closes', async () => {
    const { log, sessions } = pool(100)
    let finish = () => {}
    const working = sessions.use(plan('a', 60), () => new Promise<void>((done) => (finish = done)))
    await new Promise(setImmediate)
    const closing = sessions.close('a')
    await new Promise(setImmediate)
    expect(log).toEqual(['+a'])
    finish()
    await Promise.all([working, closing])
    expect(log).toEqual(['+a', '-a'])
  })
})
