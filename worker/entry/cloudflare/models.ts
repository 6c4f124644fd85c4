import { VECTOR_DIMENSIONS_MAX } from '../../../schemas/limits.ts'
import { OpenAiCompatibleEmbedder } from '../../drivers/embedder/openai-compatible.ts'
import { WorkersAiEmbedder } from '../../drivers/embedder/workers-ai.ts'
import { OpenAiCompatibleModel } from '../../drivers/language-model/openai-compatible.ts'
import { WorkersAiModel } from '../../drivers/language-model/workers-ai.ts'
import { HttpReranker } from '../../drivers/reranker/http.ts'
import { DurableObjectVectorIndex } from '../../drivers/vector-index/durable-object-index.ts'
import { VectorizeIndex } from '../../drivers/vector-index/vectorize-index.ts'
import type { Embedder } from '../../ports/embedder.ts'
import type { LanguageModel } from '../../ports/language-model.ts'
import type { Reranker } from '../../ports/reranker.ts'
import type { VectorIndex, VectorSource } from '../../ports/vector-index.ts'
import { ConfigError } from '../config-error.ts'
import { type ModelSetting, readModelSettings, WORKERS_AI } from '../model-settings.ts'
import type { Env } from './env.ts'

/** The models that variables and bindings name. @throws ConfigError naming the variable or binding and what was expected */
export function modelsOf(env: Env): {
  embedders: Embedder[]
  reranker: Reranker | null
  languageModel: LanguageModel | null
} {
  const { embedders, reranker, languageModel } = readModelSettings(env)
  return {
    embedders: embedders.map((setting) => embedderOf(setting, env)),
    reranker: reranker === null ? null : new HttpReranker(reranker),
    languageModel: languageModel === null ? null : languageModelOf(languageModel, env),
  }
}

function languageModelOf(setting: ModelSetting, { AI }: Env): LanguageModel {
  if (setting.baseUrl !== WORKERS_AI) return new OpenAiCompatibleModel(setting)
  if (AI === undefined)
    throw new ConfigError(
      `MEMOS_LLM_BASE_URL: ${WORKERS_AI} needs the Workers AI binding; uncomment [ai] in wrangler.toml and deploy again.`,
    )
  return new WorkersAiModel({ ai: AI, model: setting.model })
}

function embedderOf(setting: ModelSetting, { AI }: Env): Embedder {
  if (setting.baseUrl !== WORKERS_AI) return new OpenAiCompatibleEmbedder(setting)
  if (AI === undefined)
    throw new ConfigError(
      `MEMOS_EMBEDDER: ${WORKERS_AI} needs the Workers AI binding; uncomment [ai] in wrangler.toml and deploy again.`,
    )
  return new WorkersAiEmbedder({ ai: AI, model: setting.model })
}

/** Vectorize where it is bound, else resident vectors in Durable Objects. @throws ConfigError */
export function vectorIndexOf(env: Env, source: VectorSource): VectorIndex {
  if (env.VECTORIZE === undefined) return new DurableObjectVectorIndex(env.VECTOR_INDEX)
  const dimensions = Number(env.MEMOS_VECTORIZE_DIMENSIONS)
  if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > VECTOR_DIMENSIONS_MAX)
    throw new ConfigError(
      `MEMOS_VECTORIZE_DIMENSIONS: expected the dimensions that the Vectorize index was created with, 1 to ${VECTOR_DIMENSIONS_MAX}.`,
    )
  return new VectorizeIndex({ vectorize: env.VECTORIZE, source }, { dimensions })
}
