import { QUERY_LENGTH_MAX, QUERY_TERMS_MAX } from '../../../schemas/limits.ts'
import { fold, hasUnspacedScript, words } from './analyse.ts'
import { topicalTerms } from './document.ts'

const WHEN_CJK = /什么时候|何时|哪天|哪一天|几号|几月|日期|多久|多长时间|いつ|何日|何月|언제|며칠/u
const WHEN_WORDS_READ = 3

export interface QueryAnalysis {
  /** Distinct index terms in order of appearance, at most QUERY_TERMS_MAX. Stop words are out unless nothing else is there. */
  terms: string[]
  /** The known speakers that the query names, as they were given. */
  namedSpeakers: string[]
  /** The query asks for a time. */
  isWhen: boolean
}

export interface QueryOptions {
  /** Speakers of the namespace, as stored. Empty for assistant chats. */
  speakers: readonly string[]
}

/** Reads a query. Any string is accepted: there is no query syntax, so quotes, `*`, `NEAR` and the like are plain text. */
export function analyseQuery(text: string, { speakers }: QueryOptions): QueryAnalysis {
  const bounded = text.slice(0, QUERY_LENGTH_MAX)
  const queryWords = words(bounded)
  return {
    terms: queryTerms(queryWords),
    namedSpeakers: namedSpeakers(bounded, queryWords, speakers),
    isWhen: asksForTime(bounded, queryWords),
  }
}

function queryTerms(queryWords: readonly string[]): string[] {
  const { all, topical } = topicalTerms(queryWords)
  return [...new Set(topical.length > 0 ? topical : all)].slice(0, QUERY_TERMS_MAX)
}

/** A speaker is named by the whole name, or by its first word where no other speaker shares it. */
function namedSpeakers(text: string, queryWords: readonly string[], speakers: readonly string[]): string[] {
  const folded = fold(text)
  const joined = ` ${queryWords.join(' ')} `
  const names = speakers.map((speaker) => words(speaker))
  const sharers = new Map<string, number>()
  for (const [first] of names) if (first !== undefined) sharers.set(first, (sharers.get(first) ?? 0) + 1)
  return speakers.filter((speaker, i) => {
    const [first, ...rest] = names[i] ?? []
    if (first === undefined) return false
    if (hasUnspacedScript(speaker)) return folded.includes(fold(speaker))
    if (joined.includes(` ${[first, ...rest].join(' ')} `)) return true
    return sharers.get(first) === 1 && joined.includes(` ${first} `)
  })
}

function asksForTime(text: string, queryWords: readonly string[]): boolean {
  if (queryWords.slice(0, WHEN_WORDS_READ).includes('when') || queryWords.includes('date')) return true
  return fold(text).includes('how long') || WHEN_CJK.test(text)
}
