import { entityKey } from '../../../schemas/entity-key.ts'
import { MENTIONS_PER_CUBE_MAX } from '../../../schemas/limits.ts'
import { extractChineseNames } from './chinese-names.ts'
import type { DraftMention, EntityKind, FactSource } from './contracts.ts'
import {
  GIVEN_NAMES,
  INNER_WORDS,
  NEVER_NAMES,
  OPENERS,
  ORGANISATION_ENDS,
  PLACE_ENDS,
  PLACES,
  TITLES,
} from './entity-lexicon.ts'

/** Text beyond is not read: names repeat. */
const TEXT_LENGTH_MAX = 20_000
const NAME_WORDS_MAX = 6

const HAN = /\p{Script=Han}/u
const CAPITAL = /\p{Lu}/u
const WORD = /\p{Lu}[\p{L}\p{N}&'’-]*\.?|\p{Ll}[\p{L}'’-]*|[\n.!?:;()"“”,]/gu
const SENTENCE_ENDS = new Set(['.', '!', '?', ':', ';', '\n', '"', '“', '”', '('])
const PLACE_CUE =
  /(?:(?:mov|travel|fly|driv|trip|road ?trip|relocat|drove|flew)\w* (?:back )?to|(?:liv|stay|born|bas|grew up)\w* in|visit\w*)$/
const ORGANISATION_CUE = /(?:work(?:s|ed|ing)?|job|intern\w*) (?:at|for)$/
const PERSON_CUE =
  /(?:friend|sister|brother|mother|father|mom|mum|dad|wife|husband|partner|son|daughter|cousin|boss|colleague|neighbou?r|named|called)$/

interface Run {
  words: string[]
  isOpening: boolean
  /** The words before it, small. */
  before: string
  hasTitle: boolean
}

/**
 * The people, places, organisations and things that a cube speaks of, by rules: its speaker, runs of capitalised words, and for Chinese surnames
 * and the ends of place and company names. A single word that opens a sentence is doubtful (`sure: false`): it counts where it is known otherwise.
 * Not found are names written small, "May" and "Will" as first names, and Chinese names that a dictionary holds as ordinary words.
 */
export function extractEntities(source: Pick<FactSource, 'content' | 'title' | 'speaker'>): DraftMention[] {
  const found = new Map<string, DraftMention>()
  const add = (name: string, kind: EntityKind, sure: boolean) => {
    const key = entityKey(name)
    if (key.length < 2 && !HAN.test(key)) return
    const known = found.get(key)
    if (known === undefined) found.set(key, { key, name: name.trim(), kind, count: 1, sure })
    else {
      known.count += 1
      known.sure ||= sure
      if (known.kind === 'thing') known.kind = kind
    }
  }
  if (source.speaker !== null) add(source.speaker, 'person', true)
  for (const text of [source.title, source.content.slice(0, TEXT_LENGTH_MAX)]) {
    if (text === null) continue
    if (CAPITAL.test(text)) for (const run of runsOf(text)) addRun(run, add)
    if (HAN.test(text)) for (const { name, kind } of extractChineseNames(text)) add(name, kind, true)
  }
  return [...found.values()].sort((a, b) => b.count - a.count).slice(0, MENTIONS_PER_CUBE_MAX)
}

/** Runs of capitalised words with what stands before them. */
function runsOf(text: string): Run[] {
  const runs: Run[] = []
  let run: Run | null = null
  let inner: string[] = []
  let before: string[] = []
  let opens = true
  const close = () => {
    if (run !== null && run.words.length > 0) runs.push(run)
    run = null
    inner = []
  }
  for (const [token] of text.matchAll(WORD)) {
    const isCapital = CAPITAL.test(token[0] as string)
    const word = isCapital && token.endsWith('.') && !isAbbreviation(token) ? token.slice(0, -1) : token
    const small = isCapital ? word.toLowerCase() : token
    if (isCapital && !NEVER_NAMES.has(small.replace(/\.$/, ''))) {
      if (TITLES.has(small.replace(/\.$/, ''))) {
        close()
        run = { words: [], isOpening: false, before: '', hasTitle: true }
      } else {
        run ??= { words: [], isOpening: opens, before: before.slice(-3).join(' '), hasTitle: false }
        run.words.push(...inner, word)
        inner = []
        if (/['’]s?$/u.test(word)) close()
      }
    } else if (run !== null && isInner(token, inner.at(-1))) inner.push(token)
    else close()
    opens = SENTENCE_ENDS.has(token) || word !== token
    if (opens) {
      close()
      before = []
    } else if (token !== ',') before.push(small)
  }
  close()
  return runs
}

/** One small word inside of a name, or "of the". */
const isInner = (word: string, last: string | undefined): boolean =>
  last === undefined ? INNER_WORDS.has(word) : last === 'of' && word === 'the'

/** "J." and "St." go on, "Lisbon." ends a sentence. */
const isAbbreviation = (token: string): boolean =>
  token.length === 2 || /^(?:Mr|Mrs|Ms|Dr|Prof|St|Inc|Corp|Ltd)\.$/.test(token)

function addRun(run: Run, add: (name: string, kind: EntityKind, sure: boolean) => void): void {
  let { words, isOpening } = run
  // A word like "When" may open a sentence, and also stands in headlines.
  while (words.length > 0 && OPENERS.has((words[0] as string).toLowerCase())) {
    words = words.slice(1)
    isOpening = false
  }
  const [first = '', second = ''] = words.map(bare)
  if (isOpening && GIVEN_NAMES.has(second) && !GIVEN_NAMES.has(first)) words = words.slice(1)
  if (words.length === 0 || words.length > NAME_WORDS_MAX) return
  const kind = kindOf({ ...run, words })
  const isGiven = GIVEN_NAMES.has(bare(words[0] as string))
  add(words.join(' '), kind, !isOpening || words.length > 1 || isGiven || PLACES.has(bare(words[0] as string)))
}

const bare = (word: string): string => word.toLowerCase().replace(/['’]s?$/u, '')

function kindOf({ words, before, hasTitle }: Run): EntityKind {
  const first = bare(words[0] as string)
  const last = bare(words.at(-1) as string)
  if (words.length > 1 && PLACE_ENDS.has(last)) return 'place'
  if (ORGANISATION_ENDS.has(last) || (words.length > 1 && ORGANISATION_ENDS.has(first))) return 'organisation'
  if (words.length > 1 && (first === 'lake' || first === 'mount')) return 'place'
  if (hasTitle || PERSON_CUE.test(before)) return 'person'
  if (PLACES.has(words.join(' ').toLowerCase()) || PLACES.has(last)) return 'place'
  if (GIVEN_NAMES.has(first) && words.length <= 3) return 'person'
  if (PLACE_CUE.test(before)) return 'place'
  if (ORGANISATION_CUE.test(before)) return 'organisation'
  return 'thing'
}
