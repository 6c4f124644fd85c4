import { tailUrl } from '../../../protocol/host/mirror-url.ts'
import { MIP_CALL_MS_MAX, MIP_TAILS_KEPT_MAX } from '../../../schemas/limits-mip.ts'
import { tailsToKeep } from '../../infrastructure/mip/due-subscriptions.ts'
import type { Database } from '../../ports/database.ts'
import type { HeadHints } from '../../ports/mip.ts'
import type { TailHost, TailSocket, WantedTail } from '../../ports/tail-host.ts'
import { peerSettings } from '../peer-settings.ts'
import type { Env } from './env.ts'

/** One object for the deployment: it follows what the deployment follows. */
const FOLLOW_NAME = 'tails'

interface FollowStub {
  keep(wanted: readonly WantedTail[]): Promise<void>
}

/** What a Durable Object needs to read tails; `hints` is called when the first one says something. */
export function followHost(env: Env, parts: { logger: TailHost['logger']; hints(): HeadHints }): TailHost {
  const { allowPrivate } = peerSettings(env)
  let hints: HeadHints | null = null
  return {
    logger: parts.logger,
    async connect(tail) {
      const url = tailUrl(tail.url, { org: tail.did, log: tail.log }, { allowPrivate })
      const signal = AbortSignal.timeout(MIP_CALL_MS_MAX)
      const response = await fetch(url.href, { headers: { upgrade: 'websocket' }, redirect: 'manual', signal })
      const { webSocket } = response
      if (webSocket === null) {
        await response.body?.cancel()
        throw new Error('the publisher offers no tail')
      }
      webSocket.binaryType = 'arraybuffer'
      webSocket.accept()
      return webSocket as unknown as TailSocket
    },
    async hear({ did, log }, { epoch, seq }) {
      hints ??= parts.hints()
      await hints.headSeen(did, log, epoch, seq)
    },
  }
}

/** Tells the object what is followed now. Without it, and where it fails, subscriptions are looked at every few minutes. */
export async function keepTails(env: Env, databases: Iterable<Database>): Promise<void> {
  if (env.MEMOS_MIP_TAILS === 'off') return
  const { allowPrivate } = peerSettings(env)
  const found = await Promise.all(
    [...databases].map((database) => tailsToKeep(database, MIP_TAILS_KEPT_MAX, { allowPrivate })),
  )
  const wanted = found.flat()
  const stub = env.MIP_FOLLOW.getByName(FOLLOW_NAME) as unknown as FollowStub
  await stub.keep(wanted)
}
