import type { Ed25519 } from '../../../protocol/core/ed25519-rule.ts'
import type { LogName } from '../../../protocol/core/wire-types.ts'
import { OpenRemotes } from '../../../protocol/host/open-remotes.ts'
import { PeerKeySigner } from '../../drivers/signer/peer-key-signer.ts'
import { WebCryptoEd25519 } from '../../drivers/signer/web-crypto-ed25519.ts'
import type { MipParts } from '../../ports/mip.ts'
import { parsePeerKey } from '../peer-key.ts'
import { isPeerPath } from '../peer-paths.ts'
import { peerSettings } from '../peer-settings.ts'
import type { Env } from './env.ts'
import { ObjectRemote, type PeerObject } from './object-remote.ts'

/** One object for the deployment: it has one PeerId. */
const PEER_NAME = 'peer'

type PeerStub = PeerObject & {
  fetch(request: Request): Promise<Response>
  wake(): Promise<void>
  announce(log: LogName): Promise<void>
}

const peerOf = ({ MIP_PEER }: Env): PeerStub => MIP_PEER.getByName(PEER_NAME) as unknown as PeerStub

/** What the Cloudflare host brings for the interchange with peers. */
export function mipParts(env: Env, defer: (work: Promise<unknown>) => void): MipParts {
  const ed25519 = new WebCryptoEd25519()
  const isOn = takesPart(env)
  const remotes = new OpenRemotes({
    fetch: (url, init) => fetch(url, init),
    allowPrivate: peerSettings(env).allowPrivate,
    ...(isOn && { openPeer: (address: string) => new ObjectRemote(() => peerOf(env), address) }),
  })
  return {
    signer: signerOf(env, ed25519),
    ed25519,
    mirrors: env.MEMOS_MIRROR === 'on',
    remotes,
    announce: (log) => {
      if (isOn) defer(peerOf(env).announce(log))
    },
  }
}

/** Whether somebody asks for a WebSocket where peers call. */
export const isPeerCall = (request: Request): boolean =>
  request.headers.get('upgrade')?.toLowerCase() === 'websocket' && isPeerPath(new URL(request.url).pathname)

export async function callPeer(request: Request, env: Env): Promise<Response> {
  if (!takesPart(env)) return new Response(null, { status: 404 })
  return peerOf(env).fetch(request)
}

/** The timer of the deployment starts the peer where it is always on; then its own alarm keeps it. */
export async function wakePeer(env: Env): Promise<void> {
  if (takesPart(env) && peerSettings(env).mode === 'always-on') await peerOf(env).wake()
}

/** Without the secret there is no key by which peers would know us. */
const takesPart = (env: Env): boolean => hasKey(env) && peerSettings(env).mode !== 'off'

const hasKey = ({ MEMOS_PEER_KEY: key = '' }: Env): boolean => key !== ''

/** Null without the secret: everything but publishing works. @throws ConfigError when it is set to something else than a key */
const signerOf = (env: Env, ed25519: Ed25519): PeerKeySigner | null =>
  hasKey(env) ? new PeerKeySigner(parsePeerKey(env.MEMOS_PEER_KEY ?? '', 'MEMOS_PEER_KEY'), ed25519) : null
