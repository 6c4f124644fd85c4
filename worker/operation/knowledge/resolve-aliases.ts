import { NICKNAMES } from './entity-lexicon.ts'

export interface RuleAliases {
  put: [alias: string, parent: string][]
  drop: string[]
}

/** First words under which people are compared: of a name, and of the name that it is short for. */
export function firstNamesOf(keys: Iterable<string>): string[] {
  const firsts = [...keys].map(firstName)
  return [...new Set(firsts.flatMap((first) => [first, ...shortFormsOf(first), NICKNAMES.get(first) ?? first]))]
}

/**
 * Which names stand for the same person by rule: a first name for the only full name that begins with it, a short form for the only first name
 * that it is short for. An alias of before that is no longer the only choice is dropped.
 *
 * @param people Keys of people: all of the namespace that begin with one of `firsts`.
 */
export function resolveAliases(firsts: readonly string[], people: readonly string[]): RuleAliases {
  const known = new Set(people)
  const full = Map.groupBy(
    people.filter((key) => key.includes(' ')),
    firstName,
  )
  const result: RuleAliases = { put: [], drop: [] }
  for (const first of firsts) {
    const fullNames = full.get(first) ?? []
    const long = NICKNAMES.get(first)
    if (!known.has(first)) continue
    if (fullNames.length === 1) result.put.push([first, fullNames[0] as string])
    else if (fullNames.length === 0 && long !== undefined && known.has(long)) result.put.push([first, long])
    else result.drop.push(first)
  }
  return result
}

const firstName = (key: string): string => key.split(' ', 1)[0] as string

const SHORT_FORMS = Map.groupBy([...NICKNAMES], ([, long]) => long)
const shortFormsOf = (name: string): string[] => (SHORT_FORMS.get(name) ?? []).map(([short]) => short)
