import type { EntityKind } from './contracts.ts'
import {
  CHINESE_GRAMMAR,
  CHINESE_ORGANISATION_END,
  CHINESE_PLACE_END,
  CHINESE_PLACES,
  CHINESE_SURNAMES,
  CHINESE_TITLES,
} from './entity-lexicon.ts'

/** Characters read: segmenting is the slowest part of extraction. */
const CHINESE_LENGTH_MAX = 2000
const HAN_ONLY = /^\p{Script=Han}+$/u

const segmenter = new Intl.Segmenter('zh', { granularity: 'word' })

/**
 * Names in Chinese text: words with the end of a place or an organisation, known cities, and people by surname: before a title (王老师), after 小
 * or 老 (小李), or before characters that the dictionary does not hold as a word with it (王 小明).
 */
export function extractChineseNames(text: string): { name: string; kind: EntityKind }[] {
  const words = [...segmenter.segment(text.slice(0, CHINESE_LENGTH_MAX))].map(({ segment }) => segment)
  const found: { name: string; kind: EntityKind }[] = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string
    if (!HAN_ONLY.test(word)) continue
    const next = words[at + 1] ?? ''
    const person = personAt(words, at)
    if (person !== null) {
      found.push({ name: person.name, kind: 'person' })
      at += person.length - 1
    } else if (isJoined(word, next, CHINESE_ORGANISATION_END))
      found.push({ name: `${word}${next}`, kind: 'organisation' })
    else if (isJoined(word, next, CHINESE_PLACE_END)) found.push({ name: `${word}${next}`, kind: 'place' })
    else if (CHINESE_PLACES.has(word) || (word.length > 1 && word.length < 7 && isPlaceName(word)))
      found.push({ name: word, kind: 'place' })
    else if (word.length > 2 && CHINESE_ORGANISATION_END.test(word)) found.push({ name: word, kind: 'organisation' })
  }
  return found
}

const isPlaceName = (word: string): boolean => word.length > 2 && CHINESE_PLACE_END.test(word)

/** A name and the word that says what it names: 北京 大学. */
const isJoined = (word: string, next: string, end: RegExp): boolean =>
  word.length > 1 && next.length > 1 && next.length < 5 && end.test(next) && !hasGrammar(word)

const hasGrammar = (word: string): boolean => [...word].some((character) => CHINESE_GRAMMAR.has(character))

function personAt(words: readonly string[], at: number): { name: string; length: number } | null {
  const [word = '', next = '', third = ''] = words.slice(at, at + 3)
  if (word.length === 1 && CHINESE_SURNAMES.has(word)) {
    if (CHINESE_TITLES.has(next)) return { name: `${word}${next}`, length: 2 }
    if (!HAN_ONLY.test(next) || next.length > 2 || hasGrammar(next)) return null
    const takesThird = next.length === 1 && third.length === 1 && HAN_ONLY.test(third) && !hasGrammar(third)
    return { name: `${word}${next}${takesThird ? third : ''}`, length: takesThird ? 3 : 2 }
  }
  if ((word === '小' || word === '老') && next.length === 1 && CHINESE_SURNAMES.has(next))
    return { name: `${word}${next}`, length: 2 }
  if (CHINESE_SURNAMES.has(word[0] as string) && CHINESE_TITLES.has(word.slice(1))) return { name: word, length: 1 }
  const isShort = word.length === 2 && (word[0] === '小' || word[0] === '老') && CHINESE_SURNAMES.has(word[1] as string)
  return isShort ? { name: word, length: 1 } : null
}
