import { isoOf } from '../../../schemas/common.ts'
import type { MemoryCall } from '../../../schemas/memory-call.ts'
import { timeWindow } from './time-window.ts'

const INTENTS: [intent: MemoryCall['intent'], pattern: RegExp][] = [
  ['forget', /^\s*(please\s+)?(forget|delete|erase|remove)\b|忘记|删除/i],
  ['remember', /^\s*(please\s+)?(remember|note|save|keep in mind)\b(?!.*\?)|记住|记下/i],
  ['update', /^\s*(please\s+)?(update|correct|change)\b(?!.*\?)|更正|更新/i],
  ['summarise', /\b(summari[sz]e|summary|recap|overview|digest)\b|总结|概括/i],
]

/** A prompt that speaks of the past, of persons or of what was agreed needs memory; arithmetic and greetings do not. */
const SMALL_TALK = /^\s*(hi|hello|hey|thanks|thank you|ok(ay)?|good (morning|evening|night)|你好|谢谢)[\s!.,]*$/i

export interface PromptContext {
  callerId: string
  scope: string[]
  nowMs: number
}

/** MemReader (MemOS paper, section 5.3.1) by rules: intent, window of time, topics, and whether memory is needed at all. */
export function readPrompt(prompt: string, { callerId, scope, nowMs }: PromptContext): MemoryCall {
  const window = timeWindow(prompt, nowMs)
  return {
    callerId,
    scope,
    memoryType: null,
    intent: INTENTS.find(([, pattern]) => pattern.test(prompt))?.[0] ?? 'recall',
    needsMemory: !SMALL_TALK.test(prompt),
    window: {
      from: window.fromMs === null ? null : isoOf(window.fromMs),
      to: window.toMs === null ? null : isoOf(window.toMs),
    },
    topics: topicsOf(prompt),
    speakers: [],
    by: 'rules',
  }
}

/** Names inside a sentence: runs of capitalised words that do not open it. */
const topicsOf = (prompt: string): string[] =>
  [...new Set(prompt.slice(0, 2000).match(/(?<=\S\s)\p{Lu}[\p{L}\p{N}]+(?:\s\p{Lu}[\p{L}\p{N}]+)*/gu) ?? [])].slice(
    0,
    16,
  )
