const CHARS_PER_TOKEN = 4
const WIDE_CHARACTER =
  /[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef\u{1f000}-\u{3ffff}]/u
const BYTES_PER_RARE_CHARACTER_TOKEN = 2

/**
 * Tokens of a text by rule, for budgets where no tokenizer of the target model is at hand. A run of ASCII letters or spaces counts one token per 4
 * characters (what the vocabularies in use average on English), each digit or ASCII sign half a token, a CJK or wide character or emoji one, any other character
 * half a token (two UTF-8 bytes of four). Always >= 1 for a non-empty text. Monotone: a longer text never counts less.
 */
export function estimateTokens(text: string): number {
  let quarters = 0
  for (const character of text) {
    const code = character.codePointAt(0) as number
    if (code < 0x80) quarters += isLetterOrSpace(code) ? 1 : BYTES_PER_RARE_CHARACTER_TOKEN
    else quarters += WIDE_CHARACTER.test(character) ? CHARS_PER_TOKEN : BYTES_PER_RARE_CHARACTER_TOKEN
  }
  return Math.ceil(quarters / CHARS_PER_TOKEN)
}

const isLetterOrSpace = (code: number): boolean =>
  code === 0x20 || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)

/** The longest beginning of a text that, with an ellipsis where something is missing, counts at most this many tokens. Empty if nothing fits. */
export function cutToTokens(text: string, tokensMax: number): string {
  if (estimateTokens(text) <= tokensMax) return text
  const characters = Array.from(text)
  let low = 0
  let high = characters.length
  const headOf = (length: number): string => `${characters.slice(0, length).join('').trimEnd()}…`
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (estimateTokens(headOf(middle)) <= tokensMax) low = middle
    else high = middle - 1
  }
  return low === 0 ? '' : headOf(low)
}
