import { isoOf } from '../../../schemas/common.ts'
import type { MemoryCall } from '../../../schemas/memory-call.ts'
import { entitiesOf } from './entities.ts'
import { type EarlierTurn, followUp } from './follow-up.ts'
import { intentOf, memoryTypeOf, semanticTypeOf, targetOf } from './intent.ts'
import { isNeeded, needOf } from './need.ts'
import { timeWindow } from './time-window.ts'

/** A longer prompt is read up to here: what it wants stands at its beginning, and patterns need an end. */
const PROMPT_READ_LENGTH_MAX = 2000
const TOPICS_MAX = 8
const TOPIC_LENGTH_MAX = 80

export interface PromptContext {
  callerId: string
  scope: string[]
  nowMs: number
}

export interface Reading {
  call: MemoryCall
  /** The prompt as it would stand alone. */
  rewritten: string
  notes: string[]
}

/** MemReader (MemOS paper, section 5.3.1) by rules: what a single prompt wants of memory. Any text is accepted. */
export const readPrompt = (prompt: string, context: PromptContext): MemoryCall =>
  readConversation(prompt, [], context).call

/** The same for a prompt that continues a conversation: pronouns and what it leaves out are filled from the turns before it. */
export function readConversation(prompt: string, turns: readonly EarlierTurn[], context: PromptContext): Reading {
  const { nowMs } = context
  const bounded = prompt.slice(0, PROMPT_READ_LENGTH_MAX).toWellFormed()
  const recent = turns.map((turn) => ({ ...turn, content: turn.content.slice(0, PROMPT_READ_LENGTH_MAX) }))
  const { rewritten, isFollowUp, resolved } = followUp(bounded, recent, nowMs)
  const window = timeWindow(rewritten, nowMs)
  const asked = intentOf(rewritten)
  const entities = entitiesOf(rewritten)
  const hasWindow = window.fromMs !== null || window.toMs !== null
  const reason = needOf(bounded, { intent: asked, hasWindow, entities, isFollowUp })
  const needsMemory = isNeeded(reason)
  const intent = needsMemory ? asked : 'chat'
  return {
    call: {
      callerId: context.callerId,
      scope: context.scope,
      memoryType: memoryTypeOf(rewritten),
      semanticType: semanticTypeOf(rewritten),
      intent,
      target: targetOf(rewritten, intent),
      needsMemory,
      reason,
      window: {
        from: window.fromMs === null ? null : isoOf(window.fromMs),
        to: window.toMs === null ? null : isoOf(window.toMs),
      },
      entities,
      topics: topicsOf(rewritten),
      speakers: speakersOf(rewritten, entities),
      by: 'rules',
    },
    rewritten: rewritten === '' ? bounded : rewritten,
    notes: [
      ...(resolved.length === 0 ? [] : [`Pronouns were taken to mean ${resolved.join(', ')}.`]),
      ...(prompt.length > PROMPT_READ_LENGTH_MAX
        ? [`Only the first ${PROMPT_READ_LENGTH_MAX} characters were read.`]
        : []),
    ],
  }
}

const TOPIC =
  /\b(?:about|regarding|concerning|on the (?:topic|subject) of) ((?:the |my |our |his |her |their )?[\p{L}\p{N}][\p{L}\p{N}'’ -]{1,80}?)(?=[?.,!;:]|$| (?:in|on|at|since|from|last|yesterday|this|before|after|during|that|which|who|with|for|and)\b)/giu
const CHINESE_TOPIC = /关于([^，。？！,?!的]{1,20})/g

/** What a prompt says it is about. */
function topicsOf(prompt: string): string[] {
  const found = [...prompt.matchAll(TOPIC), ...prompt.matchAll(CHINESE_TOPIC)].map((match) => (match[1] ?? '').trim())
  return [...new Set(found.map((topic) => topic.slice(0, TOPIC_LENGTH_MAX)))]
    .filter((topic) => topic !== '')
    .slice(0, TOPICS_MAX)
}

const SAYS =
  '(?:say|said|says|tell|told|mention(?:ed)?|suggest(?:ed)?|recommend(?:ed)?|promise[d]?|write|wrote|ask(?:ed)?|explain(?:ed)?|think|thinks)'

/** Those named whose words the prompt asks for. */
const speakersOf = (prompt: string, entities: readonly string[]): string[] =>
  entities.filter((name) => {
    const at = prompt.indexOf(name) + name.length
    return new RegExp(`^ ${SAYS}\\b|^(?:上次|昨天|最近|之前)?(?:说|提到|告诉|建议|推荐|答应)`, 'i').test(
      prompt.slice(at),
    )
  })
