import { D1Driver } from '../../drivers/database/d1.ts'
import type { WorkersAi } from '../../drivers/embedder/workers-ai.ts'
import type { WorkersAiText } from '../../drivers/language-model/workers-ai.ts'
import type { Database } from '../../ports/database.ts'

/** Bindings and variables of wrangler.toml. Further shards are bindings named DB_SHARD_1, DB_SHARD_2, … */
export interface Env {
  DB: D1Database
  BLOBS: R2Bucket
  VECTOR_INDEX: DurableObjectNamespace
  RATE_LIMITER: DurableObjectNamespace
  MIP_PEER: DurableObjectNamespace
  NODE_HUB: DurableObjectNamespace
  MIP_TAIL: DurableObjectNamespace
  MIP_FOLLOW: DurableObjectNamespace
  REFINE: Queue<{ wake: true }>
  ASSETS: Fetcher
  VECTORIZE?: Vectorize
  /** Dimensions of the Vectorize index, when there is one. */
  MEMOS_VECTORIZE_DIMENSIONS?: string
  MEMOS_ROOT_KEY?: string
  /** 32 bytes as hex or base64url; without it nothing is published. */
  MEMOS_PEER_KEY?: string
  MEMOS_MIRROR?: string
  /** Workers AI, when an embedder or the language model is `workers-ai`. */
  AI?: WorkersAi & WorkersAiText
  MEMOS_EMBEDDER?: string
  MEMOS_EMBEDDER_MODEL?: string
  MEMOS_EMBEDDER_API_KEY?: string
  MEMOS_EMBEDDER_PREVIOUS?: string
  MEMOS_EMBEDDER_PREVIOUS_MODEL?: string
  MEMOS_EMBEDDER_PREVIOUS_API_KEY?: string
  MEMOS_LLM_BASE_URL?: string
  MEMOS_LLM_MODEL?: string
  MEMOS_LLM_API_KEY?: string
  MEMOS_RERANKER?: string
  MEMOS_RERANKER_MODEL?: string
  MEMOS_RERANKER_API_KEY?: string
  /** Origins that pipelines may notify, commas between. */
  MEMOS_WEBHOOK_ORIGINS?: string
  MEMOS_LOG?: string
  MEMOS_MIP_PEER?: string
  MEMOS_MIP_PEERS?: string
  MEMOS_MIP_ANNOUNCE?: string
  MEMOS_MIP_NETWORK?: string
  MEMOS_MIP_TOPICS?: string
  MEMOS_MIP_PRIVATE?: string
  /** `off`: no WebSockets to publishers; they are looked at now and then. */
  MEMOS_MIP_TAILS?: string
  [shard: `DB_SHARD_${number}`]: D1Database
}

/** Databases by the name that the directory uses: `default`, `shard-1`, `shard-2`, … */
export function d1Databases(env: Env): Map<string, Database> {
  const databases = new Map<string, Database>([['default', new D1Driver('default', env.DB)]])
  for (let shard = 1; ; shard++) {
    const binding = env[`DB_SHARD_${shard}`]
    if (binding === undefined) return databases
    databases.set(`shard-${shard}`, new D1Driver(`shard-${shard}`, binding))
  }
}
