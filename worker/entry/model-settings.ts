import { z } from 'zod'
import { ConfigError } from './config-error.ts'

/** In the place of a URL: the Workers AI binding of the Cloudflare host. */
export const WORKERS_AI = 'workers-ai'

const Url = z.url({ protocol: /^https?$/, error: 'an http(s) URL' })
const ModelPlace = z.union([Url, z.literal(WORKERS_AI)], { error: `an http(s) URL, or ${WORKERS_AI}` })
const Model = z.string().min(1)
const ApiKey = z.string().min(1)

/** Variables that name models; every host reads the same. Spread them into the schema of a host's environment. */
export const MODEL_VARIABLES = {
  MEMOS_EMBEDDER: ModelPlace.optional(),
  MEMOS_EMBEDDER_MODEL: Model.optional(),
  MEMOS_EMBEDDER_API_KEY: ApiKey.optional(),
  MEMOS_EMBEDDER_PREVIOUS: ModelPlace.optional(),
  MEMOS_EMBEDDER_PREVIOUS_MODEL: Model.optional(),
  MEMOS_EMBEDDER_PREVIOUS_API_KEY: ApiKey.optional(),
  MEMOS_LLM_BASE_URL: ModelPlace.optional(),
  MEMOS_LLM_MODEL: Model.optional(),
  MEMOS_LLM_API_KEY: ApiKey.optional(),
  MEMOS_RERANKER: Url.optional(),
  MEMOS_RERANKER_MODEL: Model.optional(),
  MEMOS_RERANKER_API_KEY: ApiKey.optional(),
}
const ModelEnvironment = z.object(MODEL_VARIABLES)
type ModelEnvironment = z.infer<typeof ModelEnvironment>

export interface ModelSetting {
  /** Base URL of its server, or WORKERS_AI. */
  baseUrl: string
  model: string
  apiKey: string | undefined
}

export interface ModelSettings {
  /** First the model that embeds; a second one only answers queries until the first one's vectors are there. */
  embedders: ModelSetting[]
  reranker: ModelSetting | null
  /** Refines what MemReader's rules read. */
  languageModel: ModelSetting | null
}

/** Values that are set. An empty one counts as not set: wrangler.toml cannot leave a variable out. */
export const givenValues = (environment: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''))

/** @throws ConfigError naming the variable and what was expected */
export function parseEnvironment<T extends z.ZodType>(schema: T, environment: object): z.infer<T> {
  const result = schema.safeParse(givenValues(environment))
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new ConfigError(
    `${issue?.path.join('.')}: ${issue?.message ?? 'not valid'}. See docs/deployment.md for every setting.`,
  )
}

/** The models that the environment names. @throws ConfigError naming the variable and what was expected */
export const readModelSettings = (environment: object): ModelSettings =>
  modelSettings(parseEnvironment(ModelEnvironment, environment))

/** @throws ConfigError when variables that go together are not given together */
export function modelSettings(env: ModelEnvironment): ModelSettings {
  const current = pair(env, 'MEMOS_EMBEDDER', env.MEMOS_EMBEDDER_API_KEY)
  const previous = pair(env, 'MEMOS_EMBEDDER_PREVIOUS', env.MEMOS_EMBEDDER_PREVIOUS_API_KEY)
  if (previous !== null && current === null)
    throw new ConfigError('MEMOS_EMBEDDER_PREVIOUS: expected MEMOS_EMBEDDER beside it, the model that takes over.')
  if (previous !== null && previous.model === current?.model)
    throw new ConfigError('MEMOS_EMBEDDER_PREVIOUS_MODEL: expected another model than MEMOS_EMBEDDER_MODEL.')
  return {
    embedders: [current, previous].filter((one) => one !== null),
    reranker: pair(env, 'MEMOS_RERANKER', env.MEMOS_RERANKER_API_KEY),
    languageModel: languageModelOf(env),
  }
}

function languageModelOf({
  MEMOS_LLM_BASE_URL: baseUrl,
  MEMOS_LLM_MODEL: model,
  MEMOS_LLM_API_KEY: apiKey,
}: ModelEnvironment): ModelSetting | null {
  if (baseUrl === undefined && model === undefined) return null
  if (baseUrl === undefined || model === undefined)
    throw new ConfigError(
      'MEMOS_LLM_BASE_URL and MEMOS_LLM_MODEL: expected both or neither (base URL of a server, and the model to ask it for).',
    )
  return { baseUrl, model, apiKey }
}

function pair(
  env: ModelEnvironment,
  name: 'MEMOS_EMBEDDER' | 'MEMOS_EMBEDDER_PREVIOUS' | 'MEMOS_RERANKER',
  apiKey: string | undefined,
): ModelSetting | null {
  const baseUrl = env[name]
  const model = env[`${name}_MODEL`]
  if (baseUrl === undefined && model === undefined) return null
  if (baseUrl === undefined || model === undefined)
    throw new ConfigError(
      `${name} and ${name}_MODEL: expected both or neither (base URL of a server, and the model to ask it for).`,
    )
  return { baseUrl, model, apiKey }
}
