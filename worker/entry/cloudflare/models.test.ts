import { describe, expect, it } from 'vitest'
import { FakeVectorize } from '../../../test/support/fake-vectorize.ts'
import { VectorRows } from '../../../test/support/vector-rows.ts'
import { OpenAiCompatibleEmbedder } from '../../drivers/embedder/openai-compatible.ts'
import { WorkersAiEmbedder } from '../../drivers/embedder/workers-ai.ts'
import { OpenAiCompatibleModel } from '../../drivers/language-model/openai-compatible.ts'
import { WorkersAiModel } from '../../drivers/language-model/workers-ai.ts'
import { DurableObjectVectorIndex } from '../../drivers/vector-index/durable-object-index.ts'
import { VectorizeIndex } from '../../drivers/vector-index/vectorize-index.ts'
import { ConfigError } from '../config-error.ts'
import type { Env } from './env.ts'
import { modelsOf, vectorIndexOf } from './models.ts'

const env = (values: Record<string, unknown>) => values as unknown as Env
const AI = { run: async () => ({ data: [[0, 2]] }) }
const BGE = { MEMOS_EMBEDDER: 'workers-ai', MEMOS_EMBEDDER_MODEL: '@cf/baai/bge-m3' }

describe('models of the Cloudflare host', () => {
  it('are none while their variables are empty', () => {
    expect(modelsOf(env({ MEMOS_EMBEDDER: '', MEMOS_EMBEDDER_MODEL: '', AI }))).toEqual({
      embedders: [],
      reranker: null,
      languageModel: null,
    })
  })

  it('come from Workers AI or from a server, the previous one second', async () => {
    const { embedders } = modelsOf(
      env({ ...BGE, AI, MEMOS_EMBEDDER_PREVIOUS: 'https://models.test/v1', MEMOS_EMBEDDER_PREVIOUS_MODEL: 'old' }),
    )
    expect(embedders.map((one) => [one.constructor, one.model])).toEqual([
      [WorkersAiEmbedder, '@cf/baai/bge-m3'],
      [OpenAiCompatibleEmbedder, 'old'],
    ])
    expect(await embedders[0]?.embed(['a'], { kind: 'query' })).toEqual([Float32Array.of(0, 1)])
  })

  it('answer prompts from Workers AI or from a server', () => {
    const llm = (baseUrl: string, more: object = {}) =>
      modelsOf(env({ MEMOS_LLM_BASE_URL: baseUrl, MEMOS_LLM_MODEL: 'chat', ...more })).languageModel
    expect(llm('workers-ai', { AI })).toBeInstanceOf(WorkersAiModel)
    expect(llm('https://models.test/v1')).toBeInstanceOf(OpenAiCompatibleModel)
    expect(() => llm('workers-ai')).toThrow('MEMOS_LLM_BASE_URL')
  })

  it('name the binding that is missing', () => {
    expect(() => modelsOf(env(BGE))).toThrow(ConfigError)
    expect(() => modelsOf(env(BGE))).toThrow('uncomment [ai] in wrangler.toml')
  })
})

describe('vector index of the Cloudflare host', () => {
  const VECTORIZE = new FakeVectorize(8)
  const rows = new VectorRows()

  it('is Vectorize where it is bound, with the dimensions it was created with', () => {
    expect(vectorIndexOf(env({}), rows)).toBeInstanceOf(DurableObjectVectorIndex)
    expect(vectorIndexOf(env({ VECTORIZE, MEMOS_VECTORIZE_DIMENSIONS: '8' }), rows)).toBeInstanceOf(VectorizeIndex)
  })

  it.each([undefined, '', '0', '1.5', 'many'])('refuses %j dimensions', (MEMOS_VECTORIZE_DIMENSIONS) => {
    expect(() => vectorIndexOf(env({ VECTORIZE, MEMOS_VECTORIZE_DIMENSIONS }), rows)).toThrow(
      'MEMOS_VECTORIZE_DIMENSIONS',
    )
  })
})
