const MONTHS = 'January February March April May June July August September October November December'.split(' ')
const ISO_DATE = /^(\d{4})-(\d{2})-(\d{2})/
const HAN_OR_KANA = /[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]/

export interface HeaderSource {
  speaker: string | null
  /** ISO 8601 date or date-time of the document; anything else counts as no date. */
  date: string | null
  /** Only looked at for its script: Chinese and Japanese questions name dates in their own form. */
  text: string
}

/** The date as a question would write it: `5 March 2024`, for Chinese and Japanese text `2024年3月5日`. Empty for what is no ISO date. */
export function spokenDate(date: string | null, text: string): string {
  const match = ISO_DATE.exec(date ?? '')
  const month = MONTHS[Number(match?.[2]) - 1]
  if (match === null || month === undefined) return ''
  const day = Number(match[3])
  return HAN_OR_KANA.test(text) ? `${match[1]}年${Number(match[2])}月${day}日` : `${day} ${month} ${match[1]}`
}

/** Words put in front of a document in the index only, so that who and when are searchable. */
export function searchHeader({ speaker, date, text }: HeaderSource): string {
  return [speaker ?? '', spokenDate(date, text)].filter((part) => part !== '').join(' ')
}
