import { z } from 'zod'

const Port = z.coerce.number().int().min(0).max(65_535)
const Url = z.url({ protocol: /^https?$/ })

const Environment = z.object({
  PORT: Port.default(8787),
  HOST: z.string().min(1).default('127.0.0.1'),
  MEMOS_HOME: z.string().min(1).default('.memos'),
  MEMOS_ROOT_KEY: z.string().min(32, 'at least 32 characters').optional(),
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
  MEMOS_EMBEDDER: Url.optional(),
  MEMOS_EMBEDDER_MODEL: z.string().min(1).optional(),
  MEMOS_EMBEDDER_API_KEY: z.string().optional(),
  MEMOS_LOG: z.enum(['requests', 'errors']).default('errors'),
})

export interface NodeConfig {
  port: number
  host: string
  home: string
  rootKey: string | undefined
  databaseUrl: string
  databaseToken: string | undefined
  furtherDatabases: ReadonlyMap<string, string>
  embedder: { baseUrl: string; model: string; apiKey: string | undefined } | null
  logRequests: boolean
}

export class ConfigError extends Error {
  override name = 'ConfigError'
}

/** Settings from the environment. @throws ConfigError naming the variable and what was expected */
export function readConfig(environment: Record<string, string | undefined>): NodeConfig {
  // A variable that is set to nothing is not set.
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  )
  const result = Environment.safeParse(given)
  if (!result.success) {
    const issue = result.error.issues[0]
    throw new ConfigError(
      `${issue?.path.join('.')}: ${issue?.message ?? 'not valid'}. See docs/deployment.md for every setting.`,
    )
  }
  const env = result.data
  if ((env.MEMOS_EMBEDDER === undefined) !== (env.MEMOS_EMBEDDER_MODEL === undefined)) {
    throw new ConfigError(
      'MEMOS_EMBEDDER and MEMOS_EMBEDDER_MODEL: expected both or neither (base URL of an OpenAI-compatible server, and the model to ask it for).',
    )
  }
  return {
    port: env.PORT,
    host: env.HOST,
    home: env.MEMOS_HOME,
    rootKey: env.MEMOS_ROOT_KEY,
    databaseUrl: env.MEMOS_DATABASE_URL ?? `file:${env.MEMOS_HOME}/memos.db`,
    databaseToken: env.MEMOS_DATABASE_TOKEN,
    furtherDatabases: new Map(
      (env.MEMOS_DATABASES ?? '')
        .split(',')
        .filter((pair) => pair !== '')
        .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
    ),
    embedder:
      env.MEMOS_EMBEDDER === undefined || env.MEMOS_EMBEDDER_MODEL === undefined
        ? null
        : { baseUrl: env.MEMOS_EMBEDDER, model: env.MEMOS_EMBEDDER_MODEL, apiKey: env.MEMOS_EMBEDDER_API_KEY },
    logRequests: env.MEMOS_LOG === 'requests',
  }
}
