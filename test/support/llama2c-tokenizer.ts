import { readFile } from 'node:fs/promises'
import type { TextTokenizer } from '../../gpu-node/core/model/text-tokenizer.ts'

const BOS = 1
const FIRST_BYTE = 3

/** Pieces joined as `tok512.bin` of llama2.c has them: a score and a text for each. Texts are encoded with what begins one in front. */
export async function scoredPieces(path: string): Promise<TextTokenizer> {
  const file = await readFile(path)
  const pieces: string[] = []
  const scores: number[] = []
  for (let at = 4; at < file.length; ) {
    const length = file.readInt32LE(at + 4)
    scores.push(file.readFloatLE(at))
    pieces.push(file.toString('utf8', at + 8, at + 8 + length))
    at += 8 + length
  }
  const idOf = new Map<string, number>()
  for (const [id, piece] of pieces.entries()) if (!idOf.has(piece)) idOf.set(piece, id)
  const best = (ids: readonly number[]) => {
    let found: { at: number; id: number } | undefined
    for (let at = 0; at + 1 < ids.length; at++) {
      const id = idOf.get(pieces[ids[at]!]! + pieces[ids[at + 1]!]!)
      if (id !== undefined && (!found || scores[id]! > scores[found.id]!)) found = { at, id }
    }
    return found
  }
  return tokenizerOf(pieces, (text) => {
    const ids = [...` ${text}`].flatMap((letter) => {
      const id = idOf.get(letter)
      return id === undefined ? [...Buffer.from(letter)].map((byte) => byte + FIRST_BYTE) : [id]
    })
    for (let join = best(ids); join; join = best(ids)) ids.splice(join.at, 2, join.id)
    return ids
  })
}

/** One token for each letter, as `tok105.vocab` of BabyLlama has them. */
export async function letterPieces(path: string): Promise<TextTokenizer> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter(Boolean)
  const pieces = lines.map((line) => line.split('\t')[0]!.replaceAll('▁', ' '))
  return tokenizerOf(pieces, (text) => [...` ${text}`].map((letter) => Math.max(0, pieces.indexOf(letter))))
}

function tokenizerOf(pieces: readonly string[], encode: (text: string) => number[]): TextTokenizer {
  const bytesOf = (id: number) => {
    const byte = /^<0x([0-9A-F]{2})>$/.exec(pieces[id]!)
    return byte ? Buffer.from(byte[1]!, 'hex') : Buffer.from(pieces[id]!)
  }
  return {
    encode: (text) => [BOS, ...encode(text)],
    decode: (ids) => Buffer.concat(ids.filter((id) => id >= FIRST_BYTE).map(bytesOf)).toString(),
    plain: (text) => text,
    chat: () => [],
    stopIds: new Set([BOS, 2]),
  }
}
