import { join } from 'node:path'
import { z } from 'zod'
import { ConfigError } from '../config-error.ts'
import { MODEL_VARIABLES, type ModelSettings, modelSettings, parseEnvironment, WORKERS_AI } from '../model-settings.ts'
import { NODE_PEER_VARIABLES, type NodePeerSettings, nodePeerSettings, PEER_VARIABLES } from '../peer-settings.ts'
import { WEBHOOK_VARIABLES } from '../webhook-settings.ts'

const REFERENCE_MODEL = join(import.meta.dirname, '..', '..', '..', 'gpu-node', 'reference-model')

const Port = z.coerce.number().int().min(0).max(65_535)

const Environment = z.object({
  PORT: Port.default(8787),
  HOST: z.string().min(1).default('127.0.0.1'),
  MEMOS_HOME: z.string().min(1).default('.memos'),
  MEMOS_ROOT_KEY: z.string().min(32, 'at least 32 characters').optional(),
  /** Secret that the keys for the interchange with peers come from: 32 bytes as hex or base64url. */
  MEMOS_PEER_KEY: z.string().optional(),
  /** Whether logs that organisations follow are served on to others. */
  MEMOS_MIRROR: z.enum(['on', 'off']).default('off'),
  MEMOS_DATABASE_URL: z
    .string()
    .regex(/^(file:|libsql:|https?:|wss?:)/, 'a file:, libsql: or http(s): URL')
    .optional(),
  MEMOS_DATABASE_TOKEN: z.string().optional(),
  /** Further databases for organisations: `name=URL` pairs, comma separated. */
  MEMOS_DATABASES: z
    .string()
    .regex(/^[a-z0-9_-]+=[^,]+(,[a-z0-9_-]+=[^,]+)*$/, 'name=URL pairs, separated by commas')
    .optional(),
  ...MODEL_VARIABLES,
  ...WEBHOOK_VARIABLES,
  ...PEER_VARIABLES,
  ...NODE_PEER_VARIABLES,
  MEMOS_VECTOR_INDEX: z.enum(['resident', 'exact']).default('resident'),
  /** Whether a GPU node runs in a process of this edge's own. */
  MEMOS_GPU_NODE: z.enum(['on', 'off']).default('on'),
  /** Folder of the model of that node; default: the reference model. */
  MEMOS_GPU_MODEL: z.string().min(1).optional(),
  MEMOS_UPKEEP_SECONDS: z.coerce.number().min(0.05).max(3600).default(60),
  MEMOS_LOG: z.enum(['requests', 'errors']).default('errors'),
})

export interface NodeConfig {
  port: number
  host: string
  home: string
  rootKey: string | undefined
  peerKey: string | undefined
  /** Whether logs that organisations follow are served on to others. */
  mirrors: boolean
  databaseUrl: string
  databaseToken: string | undefined
  furtherDatabases: ReadonlyMap<string, string>
  models: ModelSettings
  /** Origins that pipelines may notify. */
  webhookOrigins: readonly string[]
  peer: NodePeerSettings
  /** `resident` keeps compressed vectors in memory; `exact` compares every stored vector in the database. */
  vectorIndex: 'resident' | 'exact'
  /** Folder of the model of the GPU node of this edge; null: none runs. */
  gpuModel: string | null
  logRequests: boolean
  /** Time between two rounds of upkeep. */
  upkeepMs: number
}

/** Settings from the environment. @throws ConfigError naming the variable and what was expected */
export function readConfig(environment: Record<string, string | undefined>): NodeConfig {
  const env = parseEnvironment(Environment, environment)
  const models = modelSettings(env)
  if (models.languageModel?.baseUrl === WORKERS_AI)
    throw new ConfigError(
      `MEMOS_LLM_BASE_URL: ${WORKERS_AI} is a binding of the Cloudflare host; here the base URL of a server is expected.`,
    )
  if (models.embedders.some(({ baseUrl }) => baseUrl === WORKERS_AI))
    throw new ConfigError(
      `MEMOS_EMBEDDER: ${WORKERS_AI} is a binding of the Cloudflare host; here the base URL of a server is expected.`,
    )
  return {
    port: env.PORT,
    host: env.HOST,
    home: env.MEMOS_HOME,
    rootKey: env.MEMOS_ROOT_KEY,
    // An empty setting is how a shell says none.
    peerKey: env.MEMOS_PEER_KEY === '' ? undefined : env.MEMOS_PEER_KEY,
    mirrors: env.MEMOS_MIRROR === 'on',
    databaseUrl: env.MEMOS_DATABASE_URL ?? `file:${env.MEMOS_HOME}/memos.db`,
    databaseToken: env.MEMOS_DATABASE_TOKEN,
    furtherDatabases: new Map(
      (env.MEMOS_DATABASES ?? '')
        .split(',')
        .filter((pair) => pair !== '')
        .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
    ),
    models,
    peer: nodePeerSettings(environment),
    webhookOrigins: env.MEMOS_WEBHOOK_ORIGINS ?? [],
    vectorIndex: env.MEMOS_VECTOR_INDEX,
    gpuModel: env.MEMOS_GPU_NODE === 'off' ? null : (env.MEMOS_GPU_MODEL ?? REFERENCE_MODEL),
    logRequests: env.MEMOS_LOG === 'requests',
    upkeepMs: env.MEMOS_UPKEEP_SECONDS * 1000,
  }
}
