import { EMBEDDER_MODEL, embed } from '../bench/corpus/hashing-embedder.ts'

export const MODEL_ENVIRONMENT = { MEMOS_EMBEDDER: 'http://model.test/v1', MEMOS_EMBEDDER_MODEL: EMBEDDER_MODEL }

/** An OpenAI-compatible `POST /v1/embeddings` over the hashing embedder. Fails for texts that say MODEL-FAILS. */
export async function answerEmbeddings(request: Request): Promise<Response> {
  const { input, encoding_format } = (await request.json()) as { input: string | string[]; encoding_format?: string }
  const texts = [input].flat()
  if (texts.some((text) => text.includes('MODEL-FAILS'))) return new Response('no', { status: 500 })
  const data = texts.map((text, index) => {
    const vector = embed(text)
    return { object: 'embedding', index, embedding: encoding_format === 'base64' ? base64(vector) : [...vector] }
  })
  return Response.json({ object: 'list', model: EMBEDDER_MODEL, data })
}

const base64 = (vector: Float32Array) => btoa(String.fromCharCode(...new Uint8Array(vector.buffer)))
