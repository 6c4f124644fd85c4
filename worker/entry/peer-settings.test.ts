import { describe, expect, it } from 'vitest'
import { nodePeerSettings, peerSettings } from './peer-settings.ts'

const PEER = '/dns4/peer.example.org/tcp/443/tls/ws/p2p/12D3KooWSrKnMZUcSxK8G7wmBbXdU8nFEfWGhLu6H8xjn8LmCSJb'

describe('settings of the peer', () => {
  it('are on demand when nothing is said', () => {
    expect(nodePeerSettings({})).toEqual({
      mode: 'on-demand',
      peers: [],
      allowPrivate: false,
      announce: [],
      network: 'memos',
      topics: [],
      listen: [],
      mdns: false,
      dht: null,
      relay: { client: false, server: false },
    })
  })

  it('turn a process that has somebody to call always on, unless it is told otherwise', () => {
    const variables = { MEMOS_MIP_PEERS: ` ${PEER}, ${PEER} ` }
    expect(nodePeerSettings(variables)).toMatchObject({ mode: 'always-on', peers: [PEER, PEER] })
    expect(nodePeerSettings({ ...variables, MEMOS_MIP_PEER: 'on-demand' }).mode).toBe('on-demand')
    expect(nodePeerSettings({ MEMOS_MIP_LISTEN: '/ip4/0.0.0.0/tcp/4001' }).mode).toBe('always-on')
    expect(peerSettings(variables).mode).toBe('on-demand')
  })

  it('name what they expected', () => {
    expect(() => peerSettings({ MEMOS_MIP_PEERS: '/ip4/1.2.3.4/tcp/1' })).toThrow(/MEMOS_MIP_PEERS.*p2p/)
    expect(() => nodePeerSettings({ MEMOS_MIP_LISTEN: 'tcp://x' })).toThrow(/MEMOS_MIP_LISTEN/)
    expect(() => peerSettings({ MEMOS_MIP_NETWORK: 'My Network' })).toThrow(/MEMOS_MIP_NETWORK/)
  })
})
