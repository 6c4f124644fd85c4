/**
 * Goal: MemReader reads prompts right, and says how often.
 * Method: prompts with labels in English and Chinese, read at one fixed moment. Every other prompt was held out while the rules were tuned; floors
 * lie a little below what was measured, so that a rule that breaks others is noticed. Rules and prompts have one author: real prompts will do worse.
 * With a model: a server of the real wire format answers two prompts of three as the labels say and the third one badly. That shows what becomes
 * of answers; of the quality of a real model it shows nothing.
 */
import { describe, expect, it } from 'vitest'
import { OpenAiCompatibleModel } from '../../worker/drivers/language-model/openai-compatible.ts'
import { readConversation } from '../../worker/interface/mem-reader/read-prompt.ts'
import { refineCall } from '../../worker/interface/mem-reader/refine-call.ts'
import { BAD_ANSWERS, ChatServer, completionOf } from '../support/chat-server.ts'
import {
  accuracyOf,
  FIELDS,
  type Field,
  type Half,
  isRight,
  type LabelledPrompt,
  type Language,
  promptsOf,
  READ_AT_MS,
  turnsOf,
} from './labelled-prompts.ts'

const CONTEXT = { callerId: 'key', scope: [], nowMs: READ_AT_MS }
const byRules = (label: LabelledPrompt) => readConversation(label.prompt, turnsOf(label), CONTEXT)

const FLOORS: Record<Language, Record<Half, Record<Field, number>>> = {
  english: {
    dev: { intent: 0.96, window: 0.96, entities: 0.93, memoryType: 0.96, target: 0.96, needsMemory: 0.96 },
    heldOut: { intent: 0.93, window: 0.95, entities: 0.9, memoryType: 0.96, target: 0.96, needsMemory: 0.95 },
  },
  chinese: {
    dev: { intent: 0.96, window: 0.96, entities: 0.96, memoryType: 0.96, target: 0.96, needsMemory: 0.96 },
    heldOut: { intent: 0.9, window: 0.9, entities: 0.81, memoryType: 0.96, target: 0.96, needsMemory: 0.93 },
  },
}

const report = (line: string) => process.stdout.write(`${line}\n`)
const inShort = (accuracy: Record<Field, number>): string =>
  FIELDS.map((field) => `${field} ${(100 * accuracy[field]).toFixed(1)}%`).join(', ')

describe.each(['english', 'chinese'] as const)('prompts in %s', (language) => {
  it.each(['dev', 'heldOut'] as const)('are read right by rules, %s half', (half) => {
    const readings = promptsOf(language, half).map((label) => ({ label, call: byRules(label).call }))
    const accuracy = accuracyOf(readings)
    report(`rules, ${language}, ${half}, ${readings.length} prompts: ${inShort(accuracy)}`)
    for (const field of FIELDS) expect(accuracy[field], field).toBeGreaterThanOrEqual(FLOORS[language][half][field])
  })

  it('are read right where a model answers right, and no worse than by rules where it does not', async () => {
    const labels = [...promptsOf(language, 'dev'), ...promptsOf(language, 'heldOut')]
    const server = new ChatServer()
    const model = new OpenAiCompatibleModel({ baseUrl: 'http://chat.test/v1', model: 'm', fetch: server.fetch })
    const bad = Object.values(BAD_ANSWERS)
    const readings = []
    for (const [at, label] of labels.entries()) {
      const isBad = at % 3 === 2
      const answer = isBad ? bad[Math.floor(at / 3) % bad.length] : () => completionOf(answerOf(label))
      server.answer = answer as ChatServer['answer']
      const turns = turnsOf(label)
      const asked = { prompt: label.prompt, turns, nowMs: READ_AT_MS, signal: new AbortController().signal }
      const rules = byRules(label)
      const reading = await refineCall(model, asked, rules)
      if (isBad) expect(reading.call, label.prompt).toEqual(rules.call)
      else
        for (const field of FIELDS) expect(isRight(field, label, reading.call), `${field}: ${label.prompt}`).toBe(true)
      readings.push({ label, call: reading.call })
    }
    report(`with a model, ${language}, ${readings.length} prompts: ${inShort(accuracyOf(readings))}`)
    expect(readings.length).toBeGreaterThanOrEqual(language === 'english' ? 120 : 60)
  })
})

/** What a model that reads a prompt right answers. */
const answerOf = (label: LabelledPrompt) => ({
  intent: label.intent,
  target: label.target,
  needsMemory: label.needsMemory,
  memoryType: label.memoryType,
  semanticType: null,
  from: label.window[0],
  to: label.window[1],
  entities: label.entities,
  rewritten: label.prompt,
})
