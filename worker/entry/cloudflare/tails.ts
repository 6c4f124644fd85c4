import type { LogName } from '../../../protocol/core/wire-types.ts'
import type { Tails } from '../../ports/tails.ts'

interface TailStub {
  fetch(url: string, init: { headers: Record<string, string> }): Promise<Response & { webSocket: unknown }>
  send(frame: Uint8Array, only?: string): Promise<void>
}

/** Tails of each log in an object of its own. */
export function objectTails(objects: DurableObjectNamespace): Tails {
  const of = ({ org, log }: LogName) => objects.getByName(`${org}/${log}`) as unknown as TailStub
  return {
    async open(request, log, first) {
      const tail = of(log)
      const name = crypto.randomUUID()
      const headers = { upgrade: 'websocket', 'x-memos-tail': name }
      const { status, webSocket, headers: said } = await tail.fetch(request.url, { headers })
      if (status === 101) await tail.send(first, name)
      // Made anew, so that it may be given further headers.
      return new Response(null, { status, headers: new Headers(said), webSocket } as ResponseInit)
    },
    send: (log, frame) => of(log).send(frame),
  }
}
