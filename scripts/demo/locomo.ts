import type { Turn } from '../../test/bench/retrieval/dataset.ts'
import type { Conversation, DemoQuestion } from './conversations.ts'

/** The numbers that LoCoMo files its questions under. */
const CATEGORIES: Readonly<Record<number, string>> = {
  1: 'multi-hop',
  2: 'temporal',
  3: 'open-domain',
  4: 'single-hop',
  5: 'adversarial',
}
const MONTHS = 'January February March April May June July August September October November December'.split(' ')

interface LocomoTurn {
  speaker: string
  dia_id: string
  text: string
  blip_caption?: string
}

/** One element of the published file (Maharana et al. 2024). */
export interface LocomoSample {
  sample_id?: string
  conversation: Record<string, string | LocomoTurn[]>
  qa: { question: string; answer?: string | number; evidence?: string[]; category: number }[]
}

export const isLocomo = (data: unknown): data is LocomoSample[] =>
  Array.isArray(data) &&
  data.length > 0 &&
  data.every((one) => one?.conversation !== undefined && Array.isArray(one.qa))

export function fromLocomo(sample: LocomoSample, index: number): Conversation {
  const conv = sample.sample_id ?? `conversation-${index + 1}`
  const turns = turnsOf(sample, conv)
  const known = new Set(turns.map(({ id }) => id))
  const questions = sample.qa.map(
    ({ question, answer, evidence = [], category }, i): DemoQuestion => ({
      question_id: `${conv}/${i + 1}`,
      conv,
      question,
      category: CATEGORIES[category] ?? String(category),
      ...(answer !== undefined && { answer }),
      // Some entries hold several ids in one string, some name turns that do not exist.
      evidence: evidence.flatMap((ids) => ids.split(/[;,\s]+/)).filter((id) => known.has(id)),
      answerable: CATEGORIES[category] !== 'adversarial',
    }),
  )
  return { id: conv, turns, questions }
}

function turnsOf({ conversation }: LocomoSample, conv: string): Turn[] {
  const numbers = Object.keys(conversation).flatMap((key) => /^session_(\d+)$/.exec(key)?.slice(1).map(Number) ?? [])
  return numbers
    .sort((a, b) => a - b)
    .flatMap((si) => {
      const turns = conversation[`session_${si}`]
      const date = locomoDate(conversation[`session_${si}_date_time`])
      if (!Array.isArray(turns)) return []
      return turns.map(({ speaker, dia_id, text, blip_caption }) => ({
        id: dia_id,
        conv,
        session: `S${si}`,
        si,
        speaker,
        text,
        ...(date !== undefined && { date }),
        ...(blip_caption !== undefined && { caption: blip_caption }),
      }))
    })
}

/** `1:56 pm on 8 May, 2023` as `2023-05-08T13:56:00`; undefined when it reads otherwise. */
export function locomoDate(text: unknown): string | undefined {
  const [, hour, minute, half, day, month = '', year] =
    /^(\d{1,2}):(\d\d) ([ap])m on (\d{1,2}) (\w+), (\d{4})$/i.exec(String(text)) ?? []
  const monthNumber = MONTHS.indexOf(month) + 1
  if (year === undefined || monthNumber === 0) return undefined
  const hours = (Number(hour) % 12) + (half?.toLowerCase() === 'p' ? 12 : 0)
  const two = (value: number | string = 0) => String(value).padStart(2, '0')
  return `${year}-${two(monthNumber)}-${two(day)}T${two(hours)}:${minute}:00`
}
