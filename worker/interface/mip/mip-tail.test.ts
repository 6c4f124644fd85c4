import { expect, it } from 'vitest'
import { MIP_TAILS_PER_ADDRESS_MAX } from '../../../schemas/limits-mip.ts'
import { LOG, MemoryMipSource } from '../../../test/support/memory-mip-source.ts'
import { followTail } from './mip-tail.ts'

const range = { ...LOG, from: { epoch: 0, seq: 0 }, limit: 64 }

it('one address holds no more tails than its share, and gets it back when they end', async () => {
  const mipSource = new MemoryMipSource()
  const stop = new AbortController()
  const from = (address: string, signal = stop.signal) =>
    followTail({ mipSource }, range, { caller: { transport: 'http', address }, signal })
  const held = Array.from({ length: MIP_TAILS_PER_ADDRESS_MAX }, () => from('192.0.2.1').catch((error) => error.code))
  await expect(from('192.0.2.1')).rejects.toMatchObject({ code: 'overloaded' })
  const other = from('192.0.2.2').catch((error) => error.code)
  stop.abort()
  expect(new Set(await Promise.all([...held, other]))).toEqual(new Set(['deadline_exceeded']))
  mipSource.fill(1)
  expect((await from('192.0.2.1', new AbortController().signal))?.entries).toHaveLength(1)
})
