import { chineseEntities } from './chinese-entities.ts'
import { isFirstName, RELATIONS, SENTENCE_OPENERS } from './words.ts'

/** Names taken from one prompt. */
export const ENTITIES_MAX = 16
const QUOTED_LENGTH_MAX = 60

/** A name and where it stands. */
export interface EntityMention {
  name: string
  start: number
  end: number
}

const NAME_WORD = String.raw`(?:\p{Lu}[\p{L}\p{M}\p{N}]*(?:[-'’&.][\p{L}\p{N}]+)*|[a-z]+\p{Lu}[\p{L}\p{N}]*)`
const LINK = '(?: (?:of the|of|the|de la|de|van der|van|von|del|della|for))?'
const TITLE = String.raw`(?:(?:Dr|Mr|Mrs|Ms|Prof|St)\. )?`
const NAMES = new RegExp(
  `(?<![\\p{L}\\p{N}])${TITLE}${NAME_WORD}(?:${LINK} (?:${NAME_WORD}|\\d{1,4}(?![\\d:])))*`,
  'gu',
)
const QUOTED = /["“]([^"”\n]+)["”]/g
const RELATION = new RegExp(
  `\\b(?:my|our) (?:(?:older|younger|little|big|ex)[- ])?(${[...RELATIONS.keys()].join('|')})\\b`,
  'gi',
)
const OPENS_SENTENCE = /(?:^|[.!?:;\n。！？]\s*|^["“(]\s*)$/

/** Persons, places and things that a text names, in their order, each once. */
export function entityMentions(text: string): EntityMention[] {
  const found: EntityMention[] = []
  const add = (name: string, start: number) => {
    const mention = { name, start, end: start + name.length }
    if (name !== '' && !found.some((one) => mention.start < one.end && one.start < mention.end)) found.push(mention)
  }
  for (const match of text.matchAll(QUOTED)) {
    const [whole, inner = ''] = match
    if (inner.length <= QUOTED_LENGTH_MAX) add(inner.trim(), match.index + whole.indexOf(inner.trim()))
  }
  for (const match of text.matchAll(RELATION))
    add(match[1] ?? '', match.index + match[0].length - (match[1] ?? '').length)
  for (const match of text.matchAll(NAMES)) addName(text, match[0], match.index, add)
  for (const { name, start } of chineseEntities(text)) add(name, start)
  return distinct(found.toSorted((a, b) => a.start - b.start))
}

export const entitiesOf = (text: string): string[] => entityMentions(text).map(({ name }) => name)

/** A run of capitalised words without those that are only capitalised for opening a sentence, or that are no names at all. */
function addName(text: string, run: string, at: number, add: (name: string, start: number) => void): void {
  let name = run
  let start = at
  for (;;) {
    const [word = ''] = name.split(' ')
    const bare = word.replace(/['’.].*$/, '').toLowerCase()
    const opens = OPENS_SENTENCE.test(text.slice(0, start))
    const dropped = SENTENCE_OPENERS.has(bare) || (opens && !isNameAtStart(name, text.slice(start + name.length)))
    if (!dropped) break
    if (!name.includes(' ')) return
    start += word.length + 1
    name = name.slice(word.length + 1)
    if (/^\d/.test(name)) return
    while (/^(?:of the|of|the|for|de|van|von) /.test(name)) {
      const cut = name.indexOf(' ') + 1
      start += cut
      name = name.slice(cut)
    }
  }
  const trimmed = trimTail(name)
  if (trimmed !== '') add(trimmed, start)
}

/** Whether what opens a sentence is a name: a known one, several capitals, a possessive, or a verb of a person behind it. */
const isNameAtStart = (name: string, behind: string): boolean =>
  isFirstName(name.split(' ')[0]?.replace(/['’]s$/, '') ?? '') ||
  /['’]s(?:$| )/.test(name) ||
  /^\p{Lu}\S* \p{Lu}/u.test(name) ||
  /^\p{Lu}{2,}$|\p{Ll}\p{Lu}|\d/u.test(name) ||
  /^(?:['’]s|,| (?:and \p{Lu}|is|was|has|had|likes?|loves?|hates?|prefers?|said|says|told|works?|lives?|moved|wants?|needs?|asked|mentioned|will|would|thinks?)\b)/u.test(
    behind,
  )

/** Possessive, closing dots, and words at the end that are no part of a name. */
function trimTail(name: string): string {
  let left = name
  for (;;) {
    const cut = left.replace(/['’]s?$/, '').replace(/[.,&'’-]+$/, '')
    const words = cut.split(' ')
    const last = words.at(-1)?.toLowerCase() ?? ''
    const next =
      words.length > 1 && (SENTENCE_OPENERS.has(last) || /^(?:of|the|for)$/.test(last))
        ? words.slice(0, -1).join(' ')
        : cut
    if (next === left) return left
    left = next
  }
}

function distinct(mentions: readonly EntityMention[]): EntityMention[] {
  const seen = new Set<string>()
  return mentions
    .filter(({ name }) => {
      const key = name.toLowerCase()
      return !seen.has(key) && seen.add(key)
    })
    .slice(0, ENTITIES_MAX)
}
