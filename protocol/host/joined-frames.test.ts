/**
 * Goal: many small messages cost few writes, and large ones still flow.
 * Method: two multiplexers over a pair of connections in memory; what they send is counted.
 */
import type { MessageStream, Stream, StreamMuxer } from '@libp2p/interface'
import { multiaddrConnectionPair } from '@libp2p/utils'
import { yamux } from '@libp2p/yamux'
import { describe, expect, it } from 'vitest'
import { until } from '../../test/support/mip-nodes.ts'
import { joinedFrames, joinedMessages } from './joined-frames.ts'

/** The bytes of each send of a connection. */
function sendsOf(connection: MessageStream): number[] {
  const sends: number[] = []
  const send = connection.send.bind(connection)
  connection.send = (data) => {
    sends.push(data.byteLength)
    return send(data)
  }
  return sends
}

async function pair() {
  const [near, far] = multiaddrConnectionPair()
  const sends = { near: sendsOf(near), far: sendsOf(far) }
  const [client, server] = [near, far].map((connection) => joinedFrames(yamux())().createStreamMuxer(connection))
  const { promise, resolve } = Promise.withResolvers<Stream>()
  server!.addEventListener('stream', ({ detail }) => resolve(detail))
  const ours = await client!.createStream()
  const theirs = await promise
  const got = { bytes: 0 }
  theirs.addEventListener('message', ({ data }) => {
    got.bytes += data.byteLength
  })
  ours.send(new Uint8Array(1)) // answered by what opens the stream
  await until(() => got.bytes === 1 && sends.far.length > 0)
  await new Promise((resolve) => setTimeout(resolve, 50)) // pings of the start
  got.bytes = 0
  sends.near.length = 0
  sends.far.length = 0
  return { near, sends, ours, theirs, got }
}

describe('frames of a connection', () => {
  it('that are sent in one turn of the event loop are one message', async () => {
    const { sends, ours, got } = await pair()
    for (let i = 0; i < 10; i++) ours.send(new Uint8Array(100))
    expect(sends.near).toEqual([])
    await until(() => got.bytes === 1000)
    expect(sends.near).toEqual([10 * (12 + 100)])
  })

  it('are answered by no window until half of it is used up', async () => {
    const { sends, ours, got } = await pair()
    for (let i = 1; i <= 100; i++) {
      ours.send(new Uint8Array(1000))
      await until(() => got.bytes === i * 1000)
    }
    expect(sends.far).toEqual([])
    ours.send(new Uint8Array(40_000))
    await until(() => sends.far.length > 0)
    expect(sends.far).toEqual([12])
  })

  it('of many windows all arrive', async () => {
    const { sends, ours, got } = await pair()
    for (let i = 0; i < 40; i++) if (!ours.send(new Uint8Array(100_000))) await ours.onDrain()
    await until(() => got.bytes === 4_000_000)
    expect(sends.far.length).toBeGreaterThan(0)
  })

  it('leave before the connection closes', async () => {
    const { near, ours, got } = await pair()
    ours.send(new Uint8Array(100))
    await near.close()
    await until(() => got.bytes === 100)
  })

  it('end with the connection, without an error that nobody hears', async () => {
    const { near, ours, got } = await pair()
    ours.send(new Uint8Array(100))
    near.abort(new Error('test'))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(got.bytes).toBe(0)
  })

  it('of a multiplexer that is not known are refused', () => {
    const [near] = multiaddrConnectionPair()
    const other = () => ({ protocol: '/other', createStreamMuxer: () => ({}) as StreamMuxer })
    expect(() => joinedFrames(other)().createStreamMuxer(near)).toThrow('not known')
  })
})

it('a message of the encrypter leaves in one piece', async () => {
  const [near] = multiaddrConnectionPair()
  const pieces: unknown[] = []
  near.send = (data) => {
    pieces.push(data)
    return true
  }
  const encrypter = joinedMessages(() => ({
    protocol: '/test',
    secureOutbound: async (connection) => {
      connection.send(new Uint8Array(3))
      return { connection } as never
    },
    secureInbound: () => Promise.reject(new Error('not needed')),
  }))({})
  await encrypter.secureOutbound(near)
  expect(pieces).toEqual([new Uint8Array(3)])
})
