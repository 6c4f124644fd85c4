import { ENTITY_KEY_LENGTH_MAX } from './limits.ts'

const POSSESSIVE = /['’]s?$/u
const TITLES = /^(?:mr|mrs|ms|miss|dr|prof|professor|sir|madam|aunt|auntie|uncle|the)\.? (?=\p{L})/u

/**
 * The normalised name under which mentions, aliases and facts refer to an entity: NFKC, lower case, without titles, articles, possessives and
 * repeated blanks. Empty for what is no name.
 */
export function entityKey(name: string): string {
  const plain = name.normalize('NFKC').toLowerCase().replace(/\s+/gu, ' ').trim()
  const bare = plain.replace(POSSESSIVE, '').replace(TITLES, '')
  return bare.replace(/^[^\p{L}\p{N}@#]+|[^\p{L}\p{N}+#]+$/gu, '').slice(0, ENTITY_KEY_LENGTH_MAX)
}
