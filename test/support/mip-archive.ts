import { type ArchivedEntry, writeLogArchive } from '../../protocol/core/log-archive.ts'
import { decodeRevision } from '../../protocol/core/revision.ts'
import type { Cid } from '../../schemas/cid.ts'
import type { LocalEdge } from './local-edge.ts'
import type { MipPublisher } from './mip-publisher.ts'

/** A log as `memos mip export` writes it: each entry with what it needs. */
export async function archiveOf(
  publisher: MipPublisher,
  log: string,
  more: { without?: ReadonlySet<string>; from?: number } = {},
): Promise<Uint8Array> {
  const entries = publisher.log(log).entries.slice(more.from ?? 0)
  const archived = entries.map(({ entry, bytes, signature }): ArchivedEntry => {
    const body = entry.body === null || more.without?.has(entry.body) ? undefined : publisher.objects.get(entry.body)
    const named = [...(entry.dlg === null ? [] : [entry.dlg]), ...(body === undefined ? [] : [entry.body as Cid])]
    const texts =
      body === undefined || entry.op !== 'cube.publish'
        ? []
        : decodeRevision(body).renditions.flatMap((one) => (one.kind === 'text' && one.blob ? [one.blob.cid] : []))
    const objects = [...named, ...texts].flatMap((cid) => {
      const found = publisher.objects.get(cid) ?? publisher.blobs.get(cid)
      return found === undefined ? [] : [{ cid, bytes: found }]
    })
    return { wire: [bytes, signature], objects }
  })
  const pieces: Uint8Array[] = []
  const header = { org: publisher.did, log, head: entries.at(-1)!.cid }
  for await (const piece of writeLogArchive(header, archived)) pieces.push(piece)
  return new Uint8Array(Buffer.concat(pieces))
}

/** Imports an archive. Answers the status, and what the answer says. */
export async function sendArchive(edge: LocalEdge, secret: string, archive: Uint8Array) {
  const response = await edge.fetch('/v1/mip/archives', {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/octet-stream' },
    body: new Uint8Array(archive),
  })
  return { status: response.status, ...((await response.json()) as Record<string, unknown>) }
}
