import { entityMentions } from './entities.ts'
import { CHINESE_RELATIONS, type Gender, genderOf, isFirstName, isPlace, RELATIONS } from './words.ts'

export type EntityKind = 'person' | 'place' | 'thing'

/** Something named earlier that a pronoun may mean. */
export interface Antecedent {
  /** As it can stand in a sentence: `Anna`, `my sister`. */
  text: string
  name: string
  kind: EntityKind
  gender: Gender
  /** Turn that names it; those of one turn can be meant together. */
  turn: number
}

const NOT_A_PERSON =
  /\b(?:Inc|Ltd|Corp|University|College|Hotel|Restaurant|Cafe|Bank|Project|School|Hospital|Company|Team|Street|Park|Airport|Museum|App|Conference)\b|\d|\p{Ll}\p{Lu}|^\p{Lu}{2,}$|(?:公司|大学|医院|银行|项目|计划|餐厅|酒店)$/u

export function kindOf(name: string): EntityKind {
  if (isPlace(name)) return 'place'
  const first = name.toLowerCase().split(/\s+/)[0] ?? ''
  if (RELATIONS.has(first) || CHINESE_RELATIONS.has(name) || isFirstName(first)) return 'person'
  return NOT_A_PERSON.test(name) ? 'thing' : 'person'
}

/** What turns name, in their order; a name that comes again counts where it came last. */
export function antecedentsOf(turns: readonly string[]): Antecedent[] {
  const latest = new Map<string, Antecedent>()
  for (const [turn, content] of turns.entries()) {
    for (const { name, start } of entityMentions(content)) {
      const key = name.toLowerCase()
      const kind = kindOf(name)
      latest.delete(key)
      latest.set(key, { text: asSaid(content, name, start), name, kind, gender: genderOf(name), turn })
    }
  }
  return [...latest.values()]
}

/** `sister` as `my sister`, `妈妈` as `我妈妈`. */
function asSaid(content: string, name: string, start: number): string {
  if (RELATIONS.has(name.toLowerCase())) return `my ${name}`
  return CHINESE_RELATIONS.has(name) && content[start - 1] === '我' ? `我${name}` : name
}

/** The last one that fits. A known gender that differs never fits; an unknown one fits where no known one does. */
export function lastPerson(
  antecedents: readonly Antecedent[],
  gender: Gender,
  except: readonly string[] = [],
): Antecedent | undefined {
  const persons = antecedents.filter(({ kind, name }) => kind === 'person' && !except.includes(name.toLowerCase()))
  return persons.findLast((one) => one.gender === gender) ?? persons.findLast((one) => one.gender === 'unknown')
}

/** The persons that were last named together; a single name of no known gender can also be meant by `they`. */
export function lastGroup(antecedents: readonly Antecedent[]): Antecedent[] {
  const persons = antecedents.filter(({ kind }) => kind === 'person')
  const byTurn = Map.groupBy(persons, ({ turn }) => turn)
  const group = [...byTurn.values()].findLast((members) => members.length > 1)
  if (group !== undefined) return group
  const last = antecedents.findLast(
    ({ kind, gender }) => kind === 'thing' || (kind === 'person' && gender === 'unknown'),
  )
  return last === undefined ? [] : [last]
}

export const lastOfKind = (antecedents: readonly Antecedent[], kind: EntityKind): Antecedent | undefined =>
  antecedents.findLast((one) => one.kind === kind)
