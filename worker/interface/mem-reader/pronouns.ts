import { type Antecedent, antecedentsOf, lastGroup, lastOfKind, lastPerson } from './antecedents.ts'

/** A prompt with names in the place of its pronouns, and what they were taken to mean. */
export interface Resolution {
  text: string
  resolved: readonly Antecedent[]
}

type Find = (antecedents: readonly Antecedent[], except: readonly string[]) => Antecedent[]
type Form = 'plain' | 'possessive' | 'own'

const one = (found: Antecedent | undefined): Antecedent[] => (found === undefined ? [] : [found])
const female: Find = (all, except) => one(lastPerson(all, 'female', except))
const male: Find = (all, except) => one(lastPerson(all, 'male', except))
const group: Find = (all) => lastGroup(all)
const thing: Find = (all) => one(lastOfKind(all, 'thing'))
const place: Find = (all) => one(lastOfKind(all, 'place'))

/** Behind an object pronoun, where a possessive one would have its noun. */
const NO_NOUN =
  '(?=\\s*(?:$|[?.,!;:)]|(?:to|and|or|in|at|for|on|about|with|from|by|if|that|when|where|last|yesterday|today|tomorrow|this|next|before|after|again|as|is|was|did|does)\\b))'

const ENGLISH: [pattern: RegExp, find: Find, form: Form][] = [
  [/\bhers\b/gi, female, 'own'],
  [/\btheirs\b/gi, group, 'own'],
  [new RegExp(`\\bher\\b${NO_NOUN}`, 'gi'), female, 'plain'],
  [/\bher\b/gi, female, 'possessive'],
  [/\bshe\b/gi, female, 'plain'],
  [/\b(?:he|him)\b/gi, male, 'plain'],
  [new RegExp(`\\bhis\\b${NO_NOUN}`, 'gi'), male, 'own'],
  [/\bhis\b/gi, male, 'possessive'],
  [/\b(?:they|them)\b/gi, group, 'plain'],
  [/\btheir\b/gi, group, 'possessive'],
  [/\bits\b/gi, thing, 'possessive'],
  [/\bit\b(?!['’]?s? (?:is|was|be|rain|snow|possible|true|important|okay|ok|late|going to))/gi, thing, 'plain'],
  [/(?<!\b(?:is|are|was|were|be|if|been|out|over) )\bthere\b(?! (?:is|are|was|were|be|any))/gi, place, 'plain'],
]

const CHINESE: [pattern: RegExp, find: Find][] = [
  [/(?:他|她|它)们/g, group],
  [/她/g, female],
  [/(?<![其])他(?!人)/g, male],
  [/它/g, thing],
  [/那里|那儿/g, place],
]

/**
 * Puts names in the place of pronouns of the third person, as far as earlier turns name something that fits. A name in the prompt itself that
 * stands before the pronoun and fits is what it means, and then nothing is replaced.
 */
export function resolvePronouns(
  prompt: string,
  antecedents: readonly Antecedent[],
  except: readonly string[] = [],
): Resolution {
  const own = antecedentsOf([prompt])
  const resolved: Antecedent[] = []
  let text = prompt
  const replace = (pattern: RegExp, find: Find, word: (names: string) => string) => {
    text = text.replace(pattern, (pronoun, ...rest) => {
      const at = rest.findLast((part) => typeof part === 'number') as number
      if (
        find(
          own.filter(({ name }) => prompt.indexOf(name) < at),
          [],
        ).length > 0
      )
        return pronoun
      const found = find(antecedents, except)
      if (found.length === 0) return pronoun
      for (const antecedent of found) if (!resolved.includes(antecedent)) resolved.push(antecedent)
      return word(joined(found))
    })
  }
  for (const [pattern, find, form] of ENGLISH)
    replace(pattern, find, (names) => (form === 'plain' ? names : possessive(names)))
  for (const [pattern, find] of CHINESE) replace(pattern, find, (names) => names.replaceAll(' and ', '和'))
  return { text, resolved }
}

const joined = (found: readonly Antecedent[]): string => found.map(({ text }) => text).join(' and ')
export const possessive = (name: string): string => `${name}'s`
