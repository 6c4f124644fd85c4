import { describe, expect, it } from 'vitest'
import { ConfigError } from '../config-error.ts'
import { readConfig } from './config.ts'

const EMBEDDER = { MEMOS_EMBEDDER: 'http://127.0.0.1:11434/v1', MEMOS_EMBEDDER_MODEL: 'new' }

describe('models in the configuration', () => {
  it('are none by default, and the index is resident', () => {
    expect(readConfig({ MEMOS_EMBEDDER: '', MEMOS_RERANKER: '' })).toMatchObject({
      models: { embedders: [], reranker: null, languageModel: null },
      vectorIndex: 'resident',
    })
  })

  it('are the embedder, the previous one, the reranker and the language model', () => {
    const config = readConfig({
      ...EMBEDDER,
      MEMOS_EMBEDDER_PREVIOUS: 'https://models.test/v1',
      MEMOS_EMBEDDER_PREVIOUS_MODEL: 'old',
      MEMOS_EMBEDDER_PREVIOUS_API_KEY: 'k',
      MEMOS_RERANKER: 'https://models.test/v2',
      MEMOS_RERANKER_MODEL: 'rr',
      MEMOS_LLM_BASE_URL: 'https://models.test/v1',
      MEMOS_LLM_MODEL: 'chat',
      MEMOS_LLM_API_KEY: 'c',
      MEMOS_VECTOR_INDEX: 'exact',
    })
    expect(config.models).toEqual({
      embedders: [
        { baseUrl: EMBEDDER.MEMOS_EMBEDDER, model: 'new', apiKey: undefined },
        { baseUrl: 'https://models.test/v1', model: 'old', apiKey: 'k' },
      ],
      reranker: { baseUrl: 'https://models.test/v2', model: 'rr', apiKey: undefined },
      languageModel: { baseUrl: 'https://models.test/v1', model: 'chat', apiKey: 'c' },
    })
    expect(config.vectorIndex).toBe('exact')
  })

  it.each([
    ['a URL without a model', { MEMOS_EMBEDDER: EMBEDDER.MEMOS_EMBEDDER }, 'MEMOS_EMBEDDER and MEMOS_EMBEDDER_MODEL'],
    ['a language model without a URL', { MEMOS_LLM_MODEL: 'm' }, 'MEMOS_LLM_BASE_URL and MEMOS_LLM_MODEL'],
    ['the binding of another host', { MEMOS_LLM_BASE_URL: 'workers-ai', MEMOS_LLM_MODEL: 'm' }, 'MEMOS_LLM_BASE_URL'],
    ['a reranker without a URL', { MEMOS_RERANKER_MODEL: 'rr' }, 'MEMOS_RERANKER and MEMOS_RERANKER_MODEL'],
    [
      'half a previous model',
      { ...EMBEDDER, MEMOS_EMBEDDER_PREVIOUS_MODEL: 'old' },
      'MEMOS_EMBEDDER_PREVIOUS and MEMOS_EMBEDDER_PREVIOUS_MODEL',
    ],
    [
      'a previous model alone',
      { MEMOS_EMBEDDER_PREVIOUS: 'http://a', MEMOS_EMBEDDER_PREVIOUS_MODEL: 'old' },
      'expected MEMOS_EMBEDDER beside it',
    ],
    [
      'the same model twice',
      { ...EMBEDDER, MEMOS_EMBEDDER_PREVIOUS: 'http://a', MEMOS_EMBEDDER_PREVIOUS_MODEL: 'new' },
      'expected another model',
    ],
    ['no URL', { ...EMBEDDER, MEMOS_EMBEDDER: 'localhost:11434' }, 'MEMOS_EMBEDDER: an http(s) URL'],
    ['Workers AI', { ...EMBEDDER, MEMOS_EMBEDDER: 'workers-ai' }, 'binding of the Cloudflare host'],
    ['an unknown index', { MEMOS_VECTOR_INDEX: 'hnsw' }, 'MEMOS_VECTOR_INDEX'],
  ])('refuses %s and names the variable', (_, environment, message) => {
    expect(() => readConfig(environment)).toThrow(ConfigError)
    expect(() => readConfig(environment)).toThrow(message)
  })
})

it('opens private addresses of peers only when it is told to', () => {
  expect(readConfig({}).peer.allowPrivate).toBe(false)
  expect(readConfig({ MEMOS_MIP_PRIVATE: 'on' }).peer.allowPrivate).toBe(true)
  expect(() => readConfig({ MEMOS_MIP_PRIVATE: 'yes' })).toThrow(/MEMOS_MIP_PRIVATE/)
})
