import { hexToBytes } from '@noble/hashes/utils.js'

/** A line of the harness, as it came. */
export type Question = Record<string, unknown>

/** Not a question of docs/mip/conformance.md. */
export class BadQuestion extends Error {}

export function textField(question: Question, name: string): string {
  const value: unknown = question?.[name]
  if (typeof value === 'string') return value
  throw new BadQuestion()
}

export function numberField(question: Question, name: string): number {
  const value = question[name]
  if (typeof value === 'number') return value
  throw new BadQuestion()
}

export function flag(question: Question, name: string, words: readonly string[]): string {
  const value = textField(question, name)
  if (words.includes(value)) return value
  throw new BadQuestion()
}

export function textsField(question: Question, name: string): string[] {
  const value = question[name]
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value
  throw new BadQuestion()
}

export const hexField = (question: Question, name: string): Uint8Array => fromHex(textField(question, name))
export const hexes = (question: Question, name: string): Uint8Array[] => textsField(question, name).map(fromHex)

function fromHex(text: string): Uint8Array {
  if (!/^(?:[0-9a-f]{2})*$/.test(text)) throw new BadQuestion()
  return hexToBytes(text)
}
