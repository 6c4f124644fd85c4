import { entityKey } from '../../../schemas/entity-key.ts'
import { extractFacts } from '../knowledge/extract-facts.ts'
import { placeOf } from '../knowledge/predicates.ts'

/** What a text says of one attribute of one thing. */
export interface Claim {
  subject: string
  slot: string
  stance: string
  /** Whether it says that something is over. */
  ends: boolean
}

export interface ClaimSource {
  content: string
  speaker: string | null
  saidAtMs: number
}

/** Attributes that the fact rules do not know, in the form `my wifi password is …`. */
const OWN_ATTRIBUTE = /^(?:my|our) (?<attribute>[\p{L}\p{N}' -]{2,60}?) (?:is|are|was) (?:now )?(?<value>.+?)[.!]*$/iu
const OWN_ATTRIBUTE_CHINESE =
  /^我(?:们)?的?(?<attribute>[\p{Script=Han}A-Za-z]{1,12}?)(?:现在)?(?:是|改成了?|换成了?)(?<value>.+?)[。！]*$/u

/** Words that statements on an attribute use, in stems that any of its forms shares. */
const ATTRIBUTE_WORDS: Readonly<Record<string, readonly string[]>> = {
  lives_in: ['live', 'lived', 'moved', 'reside', 'based', '住', '搬'],
  works_at: ['work', 'working', 'joined', 'job', 'employed', '工作', '上班', '入职'],
  job: ['job', 'work', 'profession', '职业', '工作'],
  name: ['name', 'called', '名字'],
  age: ['years', 'old', 'age', '岁'],
  relationship_status: ['married', 'single', 'divorced', 'engaged', '结婚', '单身', '离婚'],
  spouse: ['married', 'wife', 'husband', '妻子', '丈夫'],
  partner: ['partner', 'dating', 'girlfriend', 'boyfriend'],
  diet: ['vegan', 'vegetarian', 'eat', 'meat', 'diet', '吃素', '素食'],
}

export const attributeWords = (claims: readonly Claim[]): string[] =>
  claims.flatMap(({ slot }) => ATTRIBUTE_WORDS[slot] ?? [])

/** Claims of a text, by the same rules that make facts of memories. */
export function claimsOf({ content, speaker, saidAtMs }: ClaimSource): Claim[] {
  const source = { seq: 0, cubeId: '', title: null, role: null, createdAtMs: saidAtMs }
  const facts = extractFacts({ ...source, content, speaker, saidAtMs })
  const claims = facts.map((fact) => {
    const { slot, stance } = placeOf(fact)
    return { subject: fact.subject, slot, stance, ends: fact.validToMs !== null }
  })
  if (claims.length > 0) return claims
  const own = (OWN_ATTRIBUTE.exec(content.trim()) ?? OWN_ATTRIBUTE_CHINESE.exec(content.trim()))?.groups
  if (own?.attribute === undefined || own.value === undefined) return []
  const subject = entityKey(speaker ?? '') || 'user'
  return [{ subject, slot: `own:${entityKey(own.attribute)}`, stance: entityKey(own.value), ends: false }]
}

/** Whether two texts say different things of one attribute, so that the later one replaces the earlier one. */
export const contradicts = (later: readonly Claim[], earlier: readonly Claim[]): boolean =>
  later.some((a) =>
    earlier.some(
      (b) => !b.ends && a.subject === b.subject && a.slot === b.slot && (a.stance !== b.stance || (a.ends && !b.ends)),
    ),
  )

/** Whether two texts say the very same of one attribute, and of nothing else. */
export const agrees = (a: readonly Claim[], b: readonly Claim[]): boolean =>
  a.length > 0 &&
  a.length === b.length &&
  a.every((one) =>
    b.some(
      (other) =>
        one.subject === other.subject &&
        one.slot === other.slot &&
        one.stance === other.stance &&
        one.ends === other.ends,
    ),
  )
