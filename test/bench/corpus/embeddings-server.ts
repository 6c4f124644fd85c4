import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'
import { EMBEDDER_MODEL, embed } from './hashing-embedder.ts'

const EmbeddingsRequest = z.object({
  input: z.union([z.string(), z.array(z.string())]),
  encoding_format: z.enum(['float', 'base64']).default('float'),
})

export interface EmbeddingsServer extends AsyncDisposable {
  /** Settings that make an edge use it. */
  readonly env: { MEMOS_EMBEDDER: string; MEMOS_EMBEDDER_MODEL: string }
}

export interface ServedModel {
  readonly model: string
  /** Unit vector of a text. */
  vector(text: string): Float32Array
}

const HASHING: ServedModel = { model: EMBEDDER_MODEL, vector: embed }

/** An OpenAI-compatible `POST /v1/embeddings` over one model, on a free port of 127.0.0.1. */
export async function startEmbeddingsServer(served: ServedModel = HASHING): Promise<EmbeddingsServer> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const isKnown = request.method === 'POST' && request.url === '/v1/embeddings'
    const body = isKnown ? EmbeddingsRequest.safeParse(JSON.parse(Buffer.concat(chunks).toString())) : undefined
    response.writeHead(body?.success ? 200 : isKnown ? 400 : 404, { 'content-type': 'application/json' })
    response.end(
      JSON.stringify(body?.success ? answer(served, body.data) : { error: { message: 'not an embeddings request' } }),
    )
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  const { port } = server.address() as AddressInfo
  return {
    env: { MEMOS_EMBEDDER: `http://127.0.0.1:${port}/v1`, MEMOS_EMBEDDER_MODEL: served.model },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}

function answer(served: ServedModel, { input, encoding_format }: z.infer<typeof EmbeddingsRequest>) {
  const texts = typeof input === 'string' ? [input] : input
  const data = texts.map((text, index) => {
    const vector = served.vector(text)
    const embedding = encoding_format === 'base64' ? Buffer.from(vector.buffer).toString('base64') : [...vector]
    return { object: 'embedding', index, embedding }
  })
  return { object: 'list', model: served.model, data, usage: { prompt_tokens: 0, total_tokens: 0 } }
}
