import { describe, expect, it } from 'vitest'
import { encodeLogPage } from '../../protocol/core/wire-codec.ts'
import { MIP_TAIL_FRAME_BYTES_MAX, MIP_TAILS_KEPT_MAX } from '../../schemas/limits-mip.ts'
import { MipPublisher } from '../../test/support/mip-publisher.ts'
import type { TailSocket, WantedTail } from '../ports/tail-host.ts'
import { TailKeeper } from './tail-keeper.ts'

class FakeSocket implements TailSocket {
  readonly sent: string[] = []
  isClosed = false
  readonly #listeners = new Map<string, ((event: { data: unknown }) => void)[]>()
  send(text: string) {
    this.sent.push(text)
  }
  close() {
    if (this.isClosed) return
    this.isClosed = true
    this.emit('close')
  }
  addEventListener(type: string, listener: (event: { data: unknown }) => void) {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener])
  }
  emit(type: string, data?: unknown) {
    for (const listener of this.#listeners.get(type) ?? []) listener({ data })
  }
}

function kept() {
  const sockets = new Map<string, FakeSocket>()
  const heard: unknown[][] = []
  let [lost, warned] = [0, 0]
  let isDown = false
  const host = {
    connect: async ({ url }: WantedTail) => {
      if (isDown) throw new Error('nobody answers')
      const socket = new FakeSocket()
      sockets.set(url, socket)
      return socket
    },
    hear: async ({ log }: WantedTail, { epoch, seq }: { epoch: number; seq: number }) =>
      void heard.push([log, epoch, seq]),
    logger: { info() {}, warn: () => void warned++, error() {} },
  }
  const keeper = new TailKeeper(host, () => void lost++)
  const down = (is: boolean) => {
    isDown = is
  }
  return { keeper, sockets, heard, down, lost: () => lost, warned: () => warned }
}
const URL_ONE = 'https://one.example'
const arrayBuffer = (bytes: Uint8Array) => bytes.slice().buffer

/**
 * Goal: a Worker hears of each entry of whoever it follows, and nobody who is followed can do more than cause a look.
 * Method: sockets of the test; the real frames of a publisher.
 */
describe('tails that are kept', () => {
  const publisher = async () => {
    const made = await MipPublisher.create(3)
    await made.publish({ text: 'A ship is in.' })
    const wanted: WantedTail = { did: made.did, log: 'main', url: URL_ONE }
    const head = await made.head('main')
    const last = made.log('main').entries.at(-1)!
    return { wanted, head, last: [last.bytes, last.signature] as const }
  }

  it('say where a log ends, by its head or by its last entry, and are told that it was read', async () => {
    const { keeper, sockets, heard } = kept()
    const { wanted, head, last } = await publisher()
    await keeper.open([wanted])
    await keeper.open([wanted])
    expect([sockets.size, keeper.count]).toEqual([1, 1])
    const socket = sockets.get(URL_ONE)!
    socket.emit('message', arrayBuffer(encodeLogPage({ entries: [], head })))
    socket.emit('message', arrayBuffer(encodeLogPage({ entries: [last], head: null })))
    socket.emit('message', arrayBuffer(encodeLogPage({ entries: [], head: null })))
    expect(heard).toEqual([
      ['main', 0, 2],
      ['main', 0, 2],
    ])
    expect(socket.sent).toEqual(['ack', 'ack', 'ack'])
  })

  it('end when they say what cannot be right, and are not opened again at once', async () => {
    const { wanted, head } = await publisher()
    const frames = [
      new Uint8Array([1, 2, 3]),
      new Uint8Array(MIP_TAIL_FRAME_BYTES_MAX + 1),
      encodeLogPage({ entries: [], head }),
    ]
    for (const [at, frame] of frames.entries()) {
      const { keeper, sockets, heard, lost, warned } = kept()
      await keeper.open([at === 2 ? { ...wanted, log: 'other' } : wanted])
      sockets.get(URL_ONE)!.emit('message', arrayBuffer(frame))
      expect([sockets.get(URL_ONE)!.isClosed, keeper.count, heard, lost(), warned()]).toEqual([true, 0, [], 0, 1])
    }
  })

  it('are opened again when they were lost, answer pings, and end when they do not or are not wanted', async () => {
    const { keeper, sockets, down, lost } = kept()
    const { wanted } = await publisher()
    down(true)
    await keeper.open([wanted])
    expect([keeper.count, lost()]).toEqual([0, 0])
    down(false)
    await keeper.open([wanted])
    sockets.get(URL_ONE)!.close()
    expect([keeper.count, lost()]).toEqual([0, 1])
    await keeper.open([wanted])
    const socket = sockets.get(URL_ONE)!
    keeper.beat()
    socket.emit('message', 'pong')
    keeper.beat()
    expect([socket.sent, keeper.count]).toEqual([['ping', 'ping'], 1])
    keeper.beat()
    expect([socket.isClosed, keeper.count]).toEqual([true, 0])
    await keeper.open([wanted])
    await keeper.open([])
    expect([sockets.get(URL_ONE)!.isClosed, keeper.count]).toEqual([true, 0])
  })

  it('are so many at most', async () => {
    const { keeper } = kept()
    const { wanted } = await publisher()
    await keeper.open(Array.from({ length: MIP_TAILS_KEPT_MAX + 9 }, (_, n) => ({ ...wanted, url: `${URL_ONE}/${n}` })))
    expect(keeper.count).toBe(MIP_TAILS_KEPT_MAX)
  })
})
