import { describe, expect, it } from 'vitest'
import { KeyQueue } from './key-queue.ts'

describe('KeyQueue', () => {
  it('runs the tasks of one key in order and other keys beside them', async () => {
    const queue = new KeyQueue()
    const log: string[] = []
    const gate = Promise.withResolvers<void>()
    const first = queue.run('a', async () => {
      await gate.promise
      log.push('a1')
    })
    const second = queue.run('a', async () => void log.push('a2'))
    await queue.run('b', async () => void log.push('b1'))
    expect(queue.isBusy('a')).toBe(true)
    gate.resolve()
    await Promise.all([first, second])
    expect(log).toEqual(['b1', 'a1', 'a2'])
  })

  it('goes on after a task that failed and tells only its caller', async () => {
    const queue = new KeyQueue()
    const failing = queue.run('a', () => Promise.reject(new Error('broken')))
    const next = queue.run('a', async () => 'fine')
    await expect(failing).rejects.toThrow('broken')
    expect(await next).toBe('fine')
  })

  it('is idle once tasks that were added meanwhile have ended', async () => {
    const queue = new KeyQueue()
    const log: string[] = []
    void queue.run('a', async () => void queue.run('b', async () => void log.push('b1')))
    await queue.idle()
    expect(log).toEqual(['b1'])
    expect(queue.isBusy('b')).toBe(false)
  })
})
