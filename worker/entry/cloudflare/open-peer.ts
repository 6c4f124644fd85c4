import { PeerSwitch } from '../../../protocol/host/peer-switch.ts'
import type { PeerHost } from '../../ports/peer-host.ts'
import { peerSettings } from '../peer-settings.ts'
import type { Env } from './env.ts'
import type { ObjectPeerParts } from './object-peer.ts'

/** The peer of a Durable Object. libp2p is evaluated when it is first needed: who only answers HTTP does not pay for it. */
export function openPeer(env: Env, parts: () => ObjectPeerParts): PeerHost {
  const settings = peerSettings(env)
  return new PeerSwitch({
    mode: settings.mode === 'always-on' ? 'always-on' : 'on-demand',
    start: async () => {
      const { startObjectPeer } = await import('./object-peer.ts')
      return startObjectPeer(settings, parts())
    },
  })
}
