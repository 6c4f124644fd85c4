import { cidOf } from '../../../protocol/core/cid.ts'
import type { BlobRef } from '../../../schemas/blob-ref.ts'
import { NODE_BLOB_BYTES_MAX, NODE_BLOB_PIECE_BYTES } from '../../../schemas/limits-nodes.ts'
import { NODE_BLOB_PATH } from '../../../schemas/node-message.ts'
import { NodeError } from '../node-error.ts'
import type { NodeBlobs } from './node-operations.ts'
import type { AgentHost, EdgeAnswer, EdgeRequest } from './node-socket.ts'

const TRIES_MAX = 3

export interface EdgeBlobsInit {
  fetch: AgentHost['fetch']
  /** Base address of the edge. */
  edge: string
  session: string
  taskId: string
  signal: AbortSignal
}

/** Blobs in pieces, so that a connection that breaks costs one piece. What arrives is believed only when its digest is right. */
export class EdgeBlobs implements NodeBlobs {
  readonly #init: EdgeBlobsInit

  constructor(init: EdgeBlobsInit) {
    this.#init = init
  }

  async get(cid: string): Promise<Uint8Array> {
    let bytes: Uint8Array | null = null
    for (let at = 0, size = 1; at < size; ) {
      const headers = { range: `bytes=${at}-${at + NODE_BLOB_PIECE_BYTES - 1}` }
      const [response, piece] = await this.#ask(cid, { headers })
      if (!response.ok) throw refusal(response.status)
      size = Number(response.headers.get('content-range')?.split('/')[1] ?? piece.length)
      if (!(size <= NODE_BLOB_BYTES_MAX) || piece.length === 0 || at + piece.length > size)
        throw new NodeError('invalid_tensor', 'a blob of another size than it says')
      bytes ??= new Uint8Array(size)
      bytes.set(piece, at)
      at += piece.length
    }
    if (bytes === null || cidOf(bytes, 'raw') !== cid)
      throw new NodeError('invalid_tensor', 'bytes that do not have the digest of their address')
    return bytes
  }

  async put(bytes: Uint8Array): Promise<BlobRef> {
    const cid = cidOf(bytes, 'raw')
    const [known] = await this.#ask(cid, { method: 'HEAD' })
    // What the edge has already, whole or in part: another try goes on where the one before ended.
    let at = known.ok ? Number(known.headers.get('x-memos-bytes') ?? 0) : 0
    while (at < bytes.length) {
      const piece = bytes.subarray(at, at + NODE_BLOB_PIECE_BYTES)
      const range = `bytes ${at}-${at + piece.length - 1}/${bytes.length}`
      const headers = { 'content-range': range, 'content-type': 'application/octet-stream' }
      const [response] = await this.#ask(cid, { method: 'PUT', headers, body: piece })
      if (!response.ok) throw refusal(response.status)
      at += piece.length
    }
    return { cid, bytes: bytes.length }
  }

  async #ask(cid: string, init: Omit<EdgeRequest, 'signal'>): Promise<[EdgeAnswer, Uint8Array]> {
    const { fetch, edge, session, taskId, signal } = this.#init
    const headers = { ...init.headers, authorization: `Node ${session}`, 'x-memos-node-task': taskId }
    for (let tried = 1; ; tried++) {
      if (signal.aborted) throw new NodeError('cancelled', 'the task was cancelled')
      try {
        const response = await fetch(new URL(`${NODE_BLOB_PATH}${cid}`, edge).href, { ...init, headers, signal })
        const body = new Uint8Array(await response.arrayBuffer())
        if (response.status < 500 || tried === TRIES_MAX) return [response, body]
      } catch (cause) {
        if (signal.aborted) throw new NodeError('cancelled', 'the task was cancelled', { cause })
        if (tried === TRIES_MAX) throw new NodeError('timeout', 'the edge cannot be reached', { cause })
      }
    }
  }
}

function refusal(status: number): NodeError {
  if (status === 404) return new NodeError('invalid_input', 'the blob is not there, or not for this task')
  if (status === 413 || status === 429) return new NodeError('out_of_memory', 'the quota for blobs is used up')
  return new NodeError('internal', `the edge answered ${status} to a blob`)
}
