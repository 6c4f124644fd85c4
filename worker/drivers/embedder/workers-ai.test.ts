import { describe, expect, it } from 'vitest'
import { EMBED_TEXT_LENGTH_MAX, WORKERS_AI_TEXTS_MAX } from '../../../schemas/limits.ts'
import { type WorkersAi, WorkersAiEmbedder } from './workers-ai.ts'

const MODEL = '@cf/baai/bge-m3'

/** Answers [length of the text, 1] for each text and keeps what it was asked. */
class FakeAi implements WorkersAi {
  readonly calls: { model: string; text: string[] }[] = []
  answer: (text: string[]) => unknown = (text) => ({
    shape: [text.length, 2],
    data: text.map((one) => [one.length, 1]),
  })

  async run(model: string, { text }: { text: string[] }, { signal }: { signal: AbortSignal }): Promise<unknown> {
    signal.throwIfAborted()
    this.calls.push({ model, text })
    return this.answer(text)
  }
}

const open = () => {
  const ai = new FakeAi()
  return { ai, embedder: new WorkersAiEmbedder({ ai, model: MODEL }) }
}
const document = { kind: 'document' as const }

describe('WorkersAiEmbedder', () => {
  it('answers unit vectors in the order of the texts, and learns their length', async () => {
    const { ai, embedder } = open()
    expect(embedder.dimensions).toBeNull()
    const vectors = await embedder.embed(['abc', ''], document)
    expect(vectors.map((vector) => [...vector].map((x) => Number(x.toFixed(4))))).toEqual([
      [0.9487, 0.3162],
      [0, 1],
    ])
    expect(embedder.dimensions).toBe(2)
    expect(ai.calls).toEqual([{ model: MODEL, text: ['abc', ''] }])
  })

  it('asks for no more texts at once than the models take, and cuts texts that no model reads to their end', async () => {
    const { ai, embedder } = open()
    const texts = Array.from({ length: WORKERS_AI_TEXTS_MAX + 1 }, (_, at) => 'x'.repeat(at + 1))
    expect(await embedder.embed([...texts, 'y'.repeat(EMBED_TEXT_LENGTH_MAX + 9)], document)).toHaveLength(102)
    expect(ai.calls.map(({ text }) => text.length)).toEqual([WORKERS_AI_TEXTS_MAX, 2])
    expect(ai.calls[1]?.text[1]).toHaveLength(EMBED_TEXT_LENGTH_MAX)
  })

  it.each([
    ['another form', () => ({ vectors: [] })],
    ['another number of vectors', () => ({ data: [] })],
    ['vectors of another length', () => ({ data: [[1, 2, 3]] })],
    ['a vector without direction', () => ({ data: [[0, 0]] })],
    ['nothing because it could not be reached', () => Promise.reject(new Error('5007: No such model'))],
  ])('fails when the model answers %s', async (_, answer) => {
    const { ai, embedder } = open()
    await embedder.embed(['first'], document)
    ai.answer = answer
    await expect(embedder.embed(['second'], document)).rejects.toMatchObject({ code: 'embedder_failed' })
  })

  it('ends with the signal of its caller', async () => {
    const { embedder } = open()
    await expect(embedder.embed(['a'], { ...document, signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'embedder_failed',
    })
  })
})
