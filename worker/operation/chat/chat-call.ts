import type { ChatRequest } from '../../../schemas/chat.ts'
import { MemosError } from '../../../schemas/errors.ts'
import { CHAT_TOKENS_DEFAULT } from '../../../schemas/limits-nodes.ts'
import type { NodeTaskInput } from '../../../schemas/node-task.ts'
import type { VaultSession } from '../../infrastructure/vault/vault-session.ts'
import type { ConnectedNode } from '../../ports/node-hub.ts'
import type { RequestContext } from '../../ports/request-context.ts'
import type { NamespaceRow } from '../../ports/rows.ts'
import { estimateTokens } from '../retrieval/tokens.ts'

/** What a chat completion works with. */
export interface ChatCall {
  session: VaultSession
  /** Namespaces to look for memory in. */
  namespaces: readonly NamespaceRow[]
  /** Where the conversation is written back; null: nowhere. */
  target: NamespaceRow | null
  request: ChatRequest
  context: RequestContext
}

export type Turn = NodeTaskInput<'generate'>['messages'][number]

/** Tokens kept free beside everything that is counted: marks of the chat template, and estimates that are too low. */
const SPARE_TOKENS = 16
/** Where the caller names no length, an answer takes at most this share of the positions. */
const ANSWER_SHARE_MAX = 0.25

/** Messages as nodes take them: one text each; OpenAI's `developer` is what other models call `system`. */
export const turnsOf = ({ messages }: ChatRequest): Turn[] =>
  messages.map(({ role, content }) => ({
    role: role === 'developer' ? 'system' : role,
    content: typeof content === 'string' ? content : content.map(({ text }) => text).join('\n'),
  }))

/** What memory is looked for: the last thing that the user said. */
export const questionOf = (turns: readonly Turn[]): string =>
  turns.findLast(({ role }) => role === 'user')?.content ?? ''

/** A model that connected nodes can generate with. */
export interface ChosenModel {
  name: string
  fingerprint: string
  positionsMax: number
}

/** The name that stands for whichever model is there. */
export const DEFAULT_MODEL = 'default'

/**
 * The model that a request means: a fingerprint, or a name. A name may stand for several fingerprints, and `default` for every model; then the
 * one that most nodes have is taken, and of those the first by name and fingerprint.
 * @throws MemosError no_model_available
 */
export function chooseModel(nodes: readonly ConnectedNode[], wanted: string): ChosenModel {
  const found = nodes
    .flatMap(({ models }) => models)
    .filter(({ operations }) => (operations as readonly string[]).includes('generate'))
    .filter(({ name, fingerprint }) => wanted === DEFAULT_MODEL || name === wanted || fingerprint === wanted)
  const [best] = [...Map.groupBy(found, ({ fingerprint }) => fingerprint).values()].toSorted(
    ([a], [b]) =>
      countOf(found, b?.fingerprint) - countOf(found, a?.fingerprint) ||
      compare(a?.name, b?.name) ||
      compare(a?.fingerprint, b?.fingerprint),
  )
  const model = best?.[0]
  if (best === undefined || model === undefined)
    throw new MemosError('no_model_available', {
      field: 'model',
      detail: nodes.length === 0 ? 'No GPU node is connected.' : 'No connected GPU node can generate with this model.',
    })
  const positionsMax = Math.min(...best.map((one) => one.positionsMax))
  return { name: model.name, fingerprint: model.fingerprint, positionsMax }
}

const countOf = (models: readonly { fingerprint: string }[], fingerprint: string | undefined): number =>
  models.filter((model) => model.fingerprint === fingerprint).length

const compare = (a = '', b = ''): number => (a < b ? -1 : a > b ? 1 : 0)

/** Tokens of the answer at most. */
export const answerTokens = (
  { max_completion_tokens, max_tokens }: ChatRequest,
  { positionsMax }: Pick<ChosenModel, 'positionsMax'>,
): number =>
  max_completion_tokens ??
  max_tokens ??
  Math.max(1, Math.min(CHAT_TOKENS_DEFAULT, Math.floor(positionsMax * ANSWER_SHARE_MAX)))

/** Tokens of memory that fit beside the conversation and the answer; never more than the caller allows. */
export function memoryTokens(request: ChatRequest, turns: readonly Turn[], model: ChosenModel): number {
  const said = turns.reduce((sum, { content }) => sum + estimateTokens(content), 0)
  const free = model.positionsMax - answerTokens(request, model) - said - SPARE_TOKENS
  return Math.max(0, Math.min(request.memos.tokens, free))
}
