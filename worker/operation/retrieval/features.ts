import { fold } from './analyse.ts'

/** Bits of a document's `features` column, computed once when it is written. */
export const FEATURE = { question: 1, firstPerson: 2, time: 4, fromUser: 8 } as const

const QUESTION = /[?？؟](?:["'”’»)\]\s]|\p{Extended_Pictographic}|\u{fe0f})*$|[吗呢嗎][。.!！~\s]*$/u
const FIRST_PERSON = /\b(?:i|me|my|mine|we|us|our)\b|[我咱俺]/u
const TIME =
  /\b(?:yesterday|today|tonight|tomorrow|last|next|ago|week|weekend|month|year|(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|may|june|july|august|september|october|november|december|morning|afternoon|evening|recently|just|soon|since|summer|winter|spring|fall|autumn|20\d\d|\d+(?:st|nd|rd|th))\b|[昨今明前后]天|[上下本这]周|[今明去前]年|周末|星期|最近|刚才|刚刚|\d[年月日号点]/u

export interface FeatureSource {
  text: string
  /** Chat role of the author; null where the document is not part of a chat with an assistant. */
  role: string | null
}

/** Bit set of FEATURE flags of one document. */
export function featuresOf({ text, role }: FeatureSource): number {
  const folded = fold(text)
  let flags = 0
  if (QUESTION.test(folded)) flags |= FEATURE.question
  if (FIRST_PERSON.test(folded)) flags |= FEATURE.firstPerson
  if (TIME.test(folded)) flags |= FEATURE.time
  if (role !== null && role.toLowerCase() === 'user') flags |= FEATURE.fromUser
  return flags
}
