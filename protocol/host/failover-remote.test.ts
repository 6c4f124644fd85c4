import { describe, expect, it } from 'vitest'
import { cidOf } from '../core/cid.ts'
import { MipRemoteError } from '../core/mip-remote-error.ts'
import { FailoverRemote } from './failover-remote.ts'
import { LazyRemote } from './lazy-remote.ts'
import type { MipRemote } from './mip-remote.ts'
import { OpenRemotes } from './open-remotes.ts'

const options = { signal: new AbortController().signal }
const range = { org: 'did:key:z', log: 'main', from: { epoch: 0, seq: 0 }, limit: 1 }
const page = { entries: [], head: null }

function remote(name: string, more: Partial<MipRemote>): MipRemote & { calls: number } {
  const log = more.log
  const one = { name, calls: 0, close: async () => {}, ...more } as MipRemote & { calls: number }
  if (log)
    one.log = (...args) => {
      one.calls += 1
      return log(...args)
    }
  return one
}

const failing = (name: string, reason: 'unreachable' | 'bad_answer' = 'unreachable') =>
  remote(name, { log: () => Promise.reject(new MipRemoteError(reason, name)) })

describe('several ways to one log', () => {
  it('asks the next one when one fails, and stays with who answered', async () => {
    const [a, b] = [failing('a'), remote('b', { log: async () => page })]
    const both = new FailoverRemote([a, b])
    expect(both.name).toBe('a')
    expect(await both.log(range, options)).toBe(page)
    expect(await both.log(range, options)).toBe(page)
    expect([both.name, a.calls, b.calls]).toEqual(['b', 1, 2])
  })

  it('goes on where a log is not served, and says so only when nobody has it', async () => {
    const nobody = remote('a', { log: async () => null })
    expect(await new FailoverRemote([nobody, remote('b', { log: async () => page })]).log(range, options)).toBe(page)
    expect(await new FailoverRemote([nobody, failing('b')]).log(range, options)).toBeNull()
  })

  it('tells of who lied before who was away', async () => {
    const both = new FailoverRemote([failing('a', 'bad_answer'), failing('b')])
    await expect(both.log(range, options)).rejects.toMatchObject({ reason: 'bad_answer' })
  })

  it('ends with its signal, and asks nobody else', async () => {
    const aborted = new AbortController()
    const a = remote('a', {
      log: async () => {
        aborted.abort(new Error('enough'))
        throw new MipRemoteError('deadline', 'a')
      },
    })
    const b = remote('b', { log: async () => page })
    await expect(new FailoverRemote([a, b]).log(range, { signal: aborted.signal })).rejects.toThrow('enough')
    expect(b.calls).toBe(0)
  })

  it('gathers objects from all of them', async () => {
    const objects = [1, 2, 3].map((byte) => Uint8Array.of(byte))
    const cids = objects.map((bytes) => cidOf(bytes, 'object'))
    const having = (at: number) =>
      remote(String(at), {
        objects: async (asked) => new Map(asked.includes(cids[at]!) ? [[cids[at]!, objects[at]!]] : []),
      })
    expect([...(await new FailoverRemote([having(0), having(1)]).objects(cids, options)).keys()]).toEqual(
      cids.slice(0, 2),
    )
  })
})

describe('addresses', () => {
  const PEER = '12D3KooWSrKnMZUcSxK8G7wmBbXdU8nFEfWGhLu6H8xjn8LmCSJb'
  const opened: string[] = []
  const remotes = new OpenRemotes({
    fetch: () => Promise.reject(new Error('not asked')),
    openPeer: (address) => {
      opened.push(address)
      return failing(address)
    },
  })

  it('are opened once each, mirrors over HTTPS and peers over libp2p', () => {
    const peer = `/dns4/peer.example.org/tcp/443/tls/ws/p2p/${PEER}`
    expect(remotes.open(peer)).toBe(remotes.open(peer))
    expect(opened).toEqual([peer])
    expect(remotes.open('https://memos.example.org')?.name).toBe('https://memos.example.org/')
    expect(remotes.openAny([peer, 'https://memos.example.org'])).toBeInstanceOf(FailoverRemote)
    expect(remotes.openAny(['http://memos.example.org'])).toBeNull()
  })

  it('that lead inside are not', () => {
    for (const host of ['ip4/127.0.0.1', 'ip4/10.0.0.1', 'ip6/::1', 'dns4/localhost', 'dns4/db.internal', 'dns4/db'])
      expect(remotes.open(`/${host}/tcp/443/tls/ws/p2p/${PEER}`), host).toBeNull()
    expect(remotes.open('/dns4/peer.example.org/tcp/443/tls/ws')).toBeNull()
    expect(remotes.open(`/ip4/8.8.8.8/tcp/1/p2p/${PEER}/p2p-circuit/p2p/${PEER}`)).toBeNull()
    expect(remotes.open(`/unix/run/x/p2p/${PEER}`)).toBeNull()
    expect(
      new OpenRemotes({ fetch: () => Promise.reject(new Error()) }).open(`/ip4/8.8.8.8/tcp/1/p2p/${PEER}`),
    ).toBeNull()
  })
})

describe('a peer that is called when it is asked', () => {
  it('is unreachable when it cannot be, and asked when it can', async () => {
    const lazy = new LazyRemote('a', async () => Promise.reject(new Error('no way')))
    await expect(lazy.hello(options)).rejects.toMatchObject({ reason: 'unreachable' })
    expect(await new LazyRemote('b', async () => remote('b', { log: async () => page })).log(range, options)).toBe(page)
  })
})
