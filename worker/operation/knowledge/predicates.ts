import { entityKey } from '../../../schemas/entity-key.ts'

/** Predicates that hold for one object at a time: a later object ends the earlier one. `favourite_CATEGORY` is one too. */
const SINGLE_VALUED: ReadonlySet<string> = new Set([
  'lives_in',
  'works_at',
  'job',
  'name',
  'age',
  'birthday',
  'relationship_status',
  'spouse',
  'partner',
  'diet',
  'phone',
  'email',
  'date',
  'budget',
  'status',
])

/** Predicates that say opposite things of one object. */
const OPPOSITES: Readonly<Record<string, string>> = { likes: 'attitude', dislikes: 'attitude' }

/** Stance of a statement that ends whatever held, "I quit my job": it names no object. */
export const ANY_STANCE = ''

/**
 * What a statement is about and what it says of that. Two statements of one subject and slot with different stances exclude each other, so
 * the later one ends the earlier one; with the same stance they say the same; with different slots they have nothing to do with each other.
 */
export function placeOf({ predicate, object }: { predicate: string; object: string }): {
  slot: string
  stance: string
} {
  const value = entityKey(object)
  if (SINGLE_VALUED.has(predicate) || predicate.startsWith('favourite_')) return { slot: predicate, stance: value }
  const opposite = OPPOSITES[predicate]
  if (opposite !== undefined) return { slot: `${opposite}:${value}`, stance: predicate }
  return { slot: `${predicate}:${value}`, stance: value }
}
