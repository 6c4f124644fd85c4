import type { JsonView } from '../../protocol/core/json-view.ts'

/** Integers from 0 to below the argument, the same for the same seed. */
export type Dice = (below: number) => number

export const pick = <T>(dice: Dice, items: readonly T[]): T => items[dice(items.length)]!
export const chance = (dice: Dice, percent: number): boolean => dice(100) < percent

const LINK = 'bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua'
const NUMBERS = [
  0,
  1,
  -1,
  23,
  24,
  255,
  256,
  65_535,
  65_536,
  2 ** 32,
  -(2 ** 32) - 1,
  2 ** 53 - 1,
  2 ** 53,
  -(2 ** 53) + 1,
  -(2 ** 53),
]
// Only characters of Unicode 14 and before: of later ones the normal form may not be known everywhere.
const TEXTS = [
  '',
  'a',
  'travel',
  'caf\u00e9',
  'cafe\u0301',
  '\u6771\u4eac',
  '\u{1d11e}',
  '\ufeffa',
  'a\ufeff',
  '\u212b',
  '\u1100\u1161',
  '\uac00\u11a8',
  '\ufb01',
  'a\u0323\u0307',
  'a\u0307\u0323',
  '\ud800',
  '\u0000',
  '\u007f',
  'x'.repeat(300),
  'main',
  'did:key:z6MkwVDfCg9LbbY6xjH3EZk8YSFQZujV5Y4y1ZWeER9tDiN3',
  `did:key:z6Mk${'z'.repeat(44)}`,
  LINK,
]
const KEYS = ['a', 'b', 'aa', 'aB', 'zz', 'constructor', 'v', 'sum', 'a1', 'A', 'a_b', '', '\u00e9', 'toString']

/** A JSON view of anything, encodable or not. */
export function randomView(dice: Dice, depth = 0): JsonView {
  const kind = dice(depth > 4 ? 6 : 9)
  if (kind === 0) return pick(dice, [null, true, false])
  if (kind === 1) return pick(dice, NUMBERS)
  if (kind === 2) return dice(2 ** 31) - 2 ** 30
  if (kind === 3) return pick(dice, TEXTS)
  if (kind === 4) return { $bytes: base64Url(randomBytes(dice, dice(40))) }
  if (kind === 5)
    return { $link: chance(dice, 90) ? pick(dice, [LINK, LINK.replace('bafy', 'bafk')]) : pick(dice, TEXTS) }
  if (kind === 6) return Array.from({ length: dice(5) }, () => randomView(dice, depth + 1))
  if (kind === 7 && chance(dice, 10)) return nested(dice(20), chance(dice, 50))
  return Object.fromEntries(Array.from({ length: dice(5) }, () => [pick(dice, KEYS), randomView(dice, depth + 1)]))
}

const nested = (levels: number, isMap: boolean): JsonView =>
  levels === 0 ? 1 : isMap ? { a: nested(levels - 1, isMap) } : [nested(levels - 1, isMap)]

export const randomBytes = (dice: Dice, length: number): Uint8Array => Uint8Array.from({ length }, () => dice(256))

const base64Url = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')

/** Bytes with something done to them: a bit turned, a part cut out, put in or doubled. */
export function damagedBytes(dice: Dice, bytes: Uint8Array): Uint8Array {
  const at = dice(Math.max(1, bytes.length))
  const way = dice(6)
  if (way === 0) return bytes.slice(0, at)
  if (way === 1) return Uint8Array.from([...bytes.slice(0, at), dice(256), ...bytes.slice(at)])
  if (way === 2) return Uint8Array.from([...bytes.slice(0, at), ...bytes.slice(at + 1 + dice(4))])
  if (way === 3) return Uint8Array.from([...bytes, dice(256)])
  if (bytes.length === 0) return bytes
  return bytes.with(at, way === 4 ? bytes[at]! ^ (1 << dice(8)) : dice(256))
}

/** A text with something done to one of its characters. */
export function damagedText(dice: Dice, text: string): string {
  const at = dice(text.length + 1)
  const letter = pick(dice, [...'abz27AZ019: -_=+/\u00e9'])
  const way = dice(4)
  if (way === 0) return text.slice(0, at)
  if (way === 1) return text.slice(0, at) + letter + text.slice(at)
  if (way === 2) return text.toUpperCase()
  return text.slice(0, at) + letter + text.slice(at + 1)
}

/** A view with one field somewhere in it changed, removed or added. */
export function damagedView(dice: Dice, view: JsonView): JsonView {
  if (typeof view !== 'object' || view === null || (chance(dice, 15) && !Array.isArray(view)))
    return randomView(dice, 2)
  if (Array.isArray(view)) {
    if (view.length === 0 || chance(dice, 30)) return [...view, randomView(dice, 3)]
    const at = dice(view.length)
    return view.with(at, damagedView(dice, view[at]!))
  }
  const names = Object.keys(view)
  const name = names.length === 0 || chance(dice, 10) ? 'more' : pick(dice, names)
  const way = dice(10)
  if (way === 0) return Object.fromEntries(Object.entries(view).filter(([one]) => one !== name))
  if (way === 1) return { ...view, [name]: null }
  return { ...view, [name]: damagedView(dice, view[name] ?? 0) }
}
