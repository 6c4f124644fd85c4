import { type Antecedent, antecedentsOf, kindOf } from './antecedents.ts'
import { type EntityMention, entityMentions } from './entities.ts'
import { resolvePronouns } from './pronouns.ts'
import { timePhrases } from './time-window.ts'

/** Turns that a follow-up can lean on; older ones are not read. */
export const TURNS_READ_MAX = 32

export interface EarlierTurn {
  role: 'user' | 'assistant' | 'system' | 'tool'
  content: string
}

export interface FollowUp {
  /** The prompt as it would stand alone. */
  rewritten: string
  /** Whether it needed the turns before it. */
  isFollowUp: boolean
  /** What pronouns were taken to mean. */
  resolved: string[]
}

const LEAD = '(?:(?:and|but|so|ok(?:ay)?|also|then)[, ]+)*'
const ELLIPSIS = [
  new RegExp(String.raw`^\s*${LEAD}(?:what|how) about (.+?)[\s?.!]*$`, 'i'),
  /^\s*(?:and|or|but)(?: (?:what|who|when|where|how))?,? ((?:for |in |on |at |with |to |of |from |since |during )?(?:\S+ ){0,4}\S+?)[\s?.!]*$/i,
  /^\s*(?:那么?|那|还有)?[，, ]*(.{1,12}?)(?:的)?呢[？?\s]*$/,
]
/** Asks on without naming anything. */
const MORE =
  /^\s*(?:and |but |ok(?:ay)?,? )?(?:anything else|what else|who else|where else|(?:tell me |give me )?more(?: details| about (?:it|that|this))?|go on|continue|why(?: (?:is that|not|so))?|when(?: was (?:that|it))?|where(?: was (?:that|it))?|who|how(?: so| come)?|really|since when|and then|还有(?:别的)?吗?|还有呢|继续|为什么|然后呢|什么时候|详细(?:一?点|说说)|再说说)[\s?？.!。]*$/i
/** A verb of its own makes a whole question of it. */
const HAS_VERB =
  /\b(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|remember|forget|list|show|tell|give|write|compare|find|summari[sz]e)\b/i

/** What a prompt means in its conversation: ellipses filled from the question before, pronouns replaced by what they mean. */
export function followUp(prompt: string, turns: readonly EarlierTurn[], nowMs: number): FollowUp {
  const said = turns.filter(({ role }) => role === 'user' || role === 'assistant').slice(-TURNS_READ_MAX)
  let question: string | null = null
  for (const [at, { role, content }] of said.entries()) {
    if (role !== 'user') continue
    question = lastSentence(resolved(content, question, antecedentsOf(contents(said.slice(0, at))), nowMs).rewritten)
  }
  return resolved(prompt, question, antecedentsOf(contents(said)), nowMs)
}

/** What an ellipsis leaves out stands in the last thing asked. */
const lastSentence = (text: string): string =>
  text
    .split(/(?<=[。！？]|(?<!\b(?:Dr|Mr|Mrs|Ms|Prof|St))[.!?]\s)(?=\S)/)
    .at(-1)
    ?.trim() ?? text

const contents = (turns: readonly EarlierTurn[]): string[] => turns.map(({ content }) => content)

function resolved(
  prompt: string,
  question: string | null,
  antecedents: readonly Antecedent[],
  nowMs: number,
): FollowUp {
  const plain = prompt.trim()
  if (question !== null && MORE.test(plain))
    return { rewritten: `${question} ${plain}`, isFollowUp: true, resolved: [] }
  const focus = question === null ? null : focusOf(plain)
  if (question !== null && focus !== null) {
    const filled = fill(question, focus, antecedents, nowMs)
    if (filled !== null) return filled
  }
  const { text, resolved: meant } = resolvePronouns(plain, antecedents)
  return { rewritten: text, isFollowUp: meant.length > 0 || focus !== null, resolved: meant.map(({ name }) => name) }
}

/** What `and X?`, `what about X?`, `X呢？` ask for; null for a question that stands alone. */
function focusOf(prompt: string): string | null {
  for (const [at, pattern] of ELLIPSIS.entries()) {
    const focus = pattern.exec(prompt)?.[1]
    if (focus !== undefined && !(at === 1 && HAS_VERB.test(focus))) return focus
  }
  return null
}

/** The question before with the focus in the place of what it stands for: a time for a time, a person for a person. */
function fill(question: string, focus: string, antecedents: readonly Antecedent[], nowMs: number): FollowUp | null {
  const asked = entityMentions(question)
  const { text, resolved: meant } = resolvePronouns(
    focus,
    antecedents,
    asked.map(({ name }) => name.toLowerCase()),
  )
  const names = meant.map(({ name }) => name)
  const done = (rewritten: string): FollowUp => ({ rewritten, isFollowUp: true, resolved: names })
  const [time] = timePhrases(text, nowMs)
  const mentions = entityMentions(text)
  if (time !== undefined && mentions.length === 0) return done(withTime(question, text, nowMs))
  const bare = withoutPossessive(text)
  const [first] = mentions
  // A noun behind the possessor asks for something else of that person: nothing of the old question fits.
  if (first !== undefined && /^['’]s \S|^的./.test(text.slice(first.end))) return done(askAgain(question, text))
  const slot = first === undefined ? undefined : slotFor(asked, first.name)
  if (slot === undefined) return first === undefined ? done(askAgain(question, text)) : null
  const [start, end] = wholeMention(question, slot)
  return done(
    `${question.slice(0, start)}${bare.replace(/^(?:for|in|on|at|with|to|of|from) /i, '')}${question.slice(end)}`,
  )
}

const withoutPossessive = (text: string): string => text.replace(/['’]s?$/, '').replace(/的$/, '')

/** A question about something that the last one did not ask: its times stay, the thing is new. */
const askAgain = (question: string, focus: string): string =>
  /\p{Script=Han}/u.test(focus) ? `${question} ${focus}呢？` : `${question} And ${focus}?`

/** The last mention of the same kind, or the only one. */
const slotFor = (asked: readonly EntityMention[], name: string): EntityMention | undefined =>
  asked.findLast((one) => kindOf(one.name) === kindOf(name)) ?? (asked.length === 1 ? asked[0] : undefined)

/** A mention with the `my` that belongs to it. */
function wholeMention(question: string, { start, end }: EntityMention): [number, number] {
  const lead = /(?:\b(?:my|our) |我)$/i.exec(question.slice(0, start))?.[0] ?? ''
  return [start - lead.length, end]
}

/** The question with another time; a question without one gets it at its end. */
function withTime(question: string, focus: string, nowMs: number): string {
  const phrases = timePhrases(question, nowMs)
  const [first] = phrases
  const last = phrases.at(-1)
  if (first !== undefined && last !== undefined) {
    const lead = /\b(?:in|on|during|since|from|for|at) (?:the )?$/i.exec(question.slice(0, first.start))?.[0] ?? ''
    return `${question.slice(0, first.start - lead.length)}${focus}${question.slice(last.end)}`
  }
  const mark = /[?？.!。\s]*$/.exec(question)?.[0] ?? ''
  const stem = question.slice(0, question.length - mark.length)
  return /\p{Script=Han}/u.test(question) ? `${focus}${stem}${mark}` : `${stem} ${focus}${mark}`
}
