import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openEntryParts } from '../../protocol/core/entry.ts'
import { openHead } from '../../protocol/core/head.ts'
import { toWire } from '../../protocol/core/signed.ts'
import { decodeLogPage } from '../../protocol/core/wire-codec.ts'
import { MIP_TAIL_FRAMES_WAITING_MAX } from '../../schemas/limits-mip.ts'
import { type Caller, type EdgeUnderTest, newTenant } from '../support/edge.ts'
import { initOrganisation } from '../support/mip-root.ts'

/** As much of a WebSocket as both hosts have in tests. */
export interface TestSocket {
  binaryType?: string
  send(data: string): void
  close(): void
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { code: number }) => void): void
}
/** The socket, or the status of the refusal. `listen` comes before the first frame may. */
export type Connect = (
  edge: EdgeUnderTest,
  path: string,
  listen: (socket: TestSocket) => void,
) => Promise<TestSocket | number>

/** What a socket hears, one after the other. */
function heard(socket: TestSocket) {
  const waiting: ((value: unknown) => void)[] = []
  const arrived: unknown[] = []
  const take = (value: unknown) => {
    const next = waiting.shift()
    if (next === undefined) arrived.push(value)
    else next(value)
  }
  socket.addEventListener('message', ({ data }) => take(data))
  socket.addEventListener('close', ({ code }) => take({ closed: code }))
  return async (): Promise<unknown> => {
    const value = arrived.length > 0 ? arrived.shift() : await new Promise((resolve) => waiting.push(resolve))
    return value instanceof Blob ? value.arrayBuffer() : value
  }
}

function read(frame: unknown) {
  expect(frame).toBeInstanceOf(ArrayBuffer)
  const { entries, head } = decodeLogPage(new Uint8Array(frame as ArrayBuffer))
  const opened = openHead(toWire({ bytes: head![0], signature: head![1] })).head
  return { head: opened, seqs: entries.map(([bytes, signature]) => openEntryParts(bytes, signature).entry.seq) }
}

/**
 * Goal: whoever waits for a log hears at once that it has moved, and nobody can make the server wait for him.
 * Method: sockets against a whole host; readers that read, and readers that do not.
 */
export function mipTailSockets(host: string, open: () => Promise<EdgeUnderTest>, connect: Connect): void {
  describe(`tails over WebSockets on ${host}`, () => {
    let edge: EdgeUnderTest
    beforeAll(async () => {
      edge = await open()
    })
    afterAll(() => edge.close())

    const publish = async (admin: Caller, text: string) => {
      const { cubes } = await admin.ok('createCubes', { body: { cubes: [{ content: text }] } })
      await admin.ok('publishMemories', { body: { cubeIds: cubes.map(({ cubeId }) => cubeId) as never } })
    }
    const published = async () => {
      const { admin } = await newTenant(edge)
      const root = await initOrganisation(admin)
      await publish(admin, 'The first ship is in.')
      return { admin, path: `/mip/v1/tail/${root.org}/memory`, org: root.org }
    }
    const socketAt = async (path: string) => {
      let next: () => Promise<unknown> = async () => null
      const socket = await connect(edge, path, (made) => {
        next = heard(made)
      })
      if (typeof socket === 'number') throw new Error(`refused with ${socket}`)
      return { socket, next: () => next() }
    }

    it('say where the log ends, and say it again when it moves, with what is new', async () => {
      const { admin, path, org } = await published()
      const [one, two] = [await socketAt(path), await socketAt(path)]
      for (const { next } of [one, two])
        expect(read(await next())).toMatchObject({ head: { org, log: 'memory', epoch: 0, seq: 0 }, seqs: [0] })
      await publish(admin, 'The second ship is in.')
      for (const { next } of [one, two]) expect(read(await next())).toMatchObject({ head: { seq: 1 } })
      one.socket.send('ping')
      expect(await one.next()).toBe('pong')
      for (const { socket } of [one, two]) socket.close()
    })

    it('are refused for what is not served, and the long poll stays for who cannot', async () => {
      const { admin, path } = await published()
      expect(await connect(edge, path.replace('/memory', '/nothing'), () => {})).toBe(404)
      expect(await connect(edge, '/mip/v1/tail/nobody/memory', () => {})).toBe(404)
      const waits = edge.fetch(`${path}?epoch=0&from=1`)
      await publish(admin, 'The third ship is in.')
      expect((await waits).status).toBe(200)
    })

    it('cut off who does not read, and who says what nobody asked for', async () => {
      const { admin, path } = await published()
      const [slow, quick, rude] = [await socketAt(path), await socketAt(path), await socketAt(path)]
      await rude.next()
      rude.socket.send('give me everything')
      expect(await rude.next()).toMatchObject({ closed: 1008 })
      await quick.next()
      quick.socket.send('ack')
      for (let n = 1; n <= MIP_TAIL_FRAMES_WAITING_MAX; n++) {
        await publish(admin, `Ship ${n} is in.`)
        expect(read(await quick.next()).head.seq).toBe(n)
        quick.socket.send('ack')
      }
      for (let n = 0; n < MIP_TAIL_FRAMES_WAITING_MAX; n++) read(await slow.next())
      expect(await slow.next()).toMatchObject({ closed: 1013 })
      quick.socket.close()
    })
  })
}
