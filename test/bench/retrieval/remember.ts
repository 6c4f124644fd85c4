import type { z } from 'zod'
import { BATCH_ITEMS_MAX, REQUEST_BODY_BYTES_MAX } from '../../../schemas/limits.ts'
import type { RememberRequest } from '../../../schemas/memories.ts'
import { ROLES } from '../../../schemas/vocabulary.ts'
import type { EdgeClient } from '../harness/edge-client.ts'
import { createNamespace, tasksDone } from '../harness/edge-tenant.ts'
import { type Dataset, haystacks, type Turn, textOf } from './dataset.ts'

type Request = z.input<typeof RememberRequest>
type Message = NonNullable<Request['messages']>[number]

/** Half of the limit: the bytes of the messages are counted without the JSON around them. */
const BATCH_BYTES_MAX = REQUEST_BODY_BYTES_MAX / 2

/** Writes each haystack of a set into a namespace of its own, waits until all are embedded, and returns the namespaces by haystack. */
export async function rememberHaystacks(
  client: EdgeClient,
  { name, turns }: Dataset,
  onProgress: (line: string) => void,
): Promise<Map<string, string>> {
  const namespaces = new Map<string, string>()
  for (const [conv, ofConv] of haystacks(turns)) {
    const namespace = `bench-${name}-${namespaces.size}`
    namespaces.set(conv, namespace)
    onProgress(`${name}: remembering ${ofConv.length} turns of haystack ${namespaces.size}`)
    await createNamespace(client, namespace)
    await remember(client, namespace, ofConv)
  }
  await tasksDone(client, onProgress)
  return namespaces
}

/** Writes turns as the messages of their sessions, session after session, and returns how many were written; blank ones are left out. */
export async function remember(client: EdgeClient, namespace: string, turns: readonly Turn[]): Promise<number> {
  let written = 0
  for (const [session, ofSession] of Map.groupBy(turns, (turn) => turn.session)) {
    const messages = ofSession.filter((turn) => textOf(turn) !== '').map(messageOf)
    for (const batch of batches(messages)) {
      const request: Request = { namespace, session, messages: batch }
      await client.post('/v1/memories', request)
      written += batch.length
    }
  }
  return written
}

export function messageOf(turn: Turn): Message {
  const role = ROLES.find((name) => name === turn.speaker.toLowerCase())
  const saidAt = momentOf(turn.date)
  return {
    content: textOf(turn),
    ...(role ? { role } : { speaker: turn.speaker }),
    ...(saidAt && { saidAt }),
    metadata: { sourceId: turn.id, si: turn.si },
  }
}

/** `2025-01-01`, `2025-01-01 08:20:15` or `2025-01-01T08:20:15` as a moment in UTC. */
const momentOf = (date = ''): string | undefined => {
  const [, day, time = '00:00:00'] = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d:\d\d))?$/.exec(date) ?? []
  return day && `${day}T${time}Z`
}

function* batches(messages: readonly Message[]): Generator<Message[]> {
  let batch: Message[] = []
  let bytes = 0
  for (const message of messages) {
    const size = Buffer.byteLength(message.content)
    if (batch.length === BATCH_ITEMS_MAX || (batch.length > 0 && bytes + size > BATCH_BYTES_MAX)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(message)
    bytes += size
  }
  if (batch.length > 0) yield batch
}
