import { expect, it } from 'vitest'
import { CONTENT_BYTES_MAX } from '../../../schemas/limits.ts'
import { SENSITIVE_TEXTS } from '../../../test/support/sensitive-texts.ts'
import { findSensitive, redactSensitive, type SensitiveSpan } from './sensitive.ts'

it.each([
  ['mail zoe.d+x@post.example.co.uk now', 'mail [email] now'],
  ['jürgen@müller.example', '[email]'],
  ['GB82WEST12345698765432', '[iban]'],
  ['DE89 3704 0044 0532 0130 00, thanks', '[iban], thanks'],
  ['card 4111111111111111', 'card [card]'],
  ['card 5500-0000-0000-0004.', 'card [card].'],
  ['+49 (0)89 1234567', '[phone]'],
  ['call 020 7946 0958 or 555-123-4567', 'call [phone] or [phone]'],
  ['0044 20 7946 0958', '[phone]'],
])('masks what identifies a person: %s', (text, masked) => {
  expect(redactSensitive(text)).toBe(masked)
})

it.each([
  'born 1984-07-12',
  'on 12.07.1984 at 09:30',
  'in 2026',
  'a price of 1299.90',
  'chapter 12.3.4',
  'v1.20.300',
  'room 4711',
  'not@home',
  '10,000 steps',
])('leaves other text as it is: %s', (text) => {
  expect(redactSensitive(text)).toBe(text)
})

it.each(['a', '1', '1 ', 'a@', '@a.', 'A1', '+1', '(1'])(
  'comes to an end on the longest text made of "%s"',
  (piece) => {
    const text = piece.repeat(CONTENT_BYTES_MAX / piece.length)
    expect(typeof redactSensitive(text)).toBe('string')
  },
)

/** Spans marked in a text, and the text without the marks. */
function unmark(marked: string): { text: string; spans: SensitiveSpan[] } {
  const spans: SensitiveSpan[] = []
  let text = ''
  let at = 0
  for (const match of marked.matchAll(/\{(\w+):([^}]*)\}/g)) {
    text += marked.slice(at, match.index)
    spans.push({
      label: match[1] as SensitiveSpan['label'],
      start: text.length,
      end: text.length + (match[2] ?? '').length,
    })
    text += match[2]
    at = match.index + match[0].length
  }
  return { text: text + marked.slice(at), spans }
}

it('finds what is marked in the labelled texts, with the precision and recall that the documents state', () => {
  const counts = { found: 0, right: 0, marked: 0 }
  const wrong: string[] = []
  for (const marked of SENSITIVE_TEXTS) {
    const { text, spans } = unmark(marked)
    const found = findSensitive(text)
    const right = found.filter((one) =>
      spans.some((span) => span.label === one.label && span.start === one.start && span.end === one.end),
    )
    counts.found += found.length
    counts.right += right.length
    counts.marked += spans.length
    if (right.length !== Math.max(found.length, spans.length)) wrong.push(`${marked} -> ${redactSensitive(text)}`)
  }
  // The five that are missed are spelt out in words or have no form of their own.
  expect({ ...counts, missed: wrong }).toEqual({
    marked: 53,
    found: 48,
    right: 48,
    missed: [
      'My new e-mail is {email:ana at example dot com} -> My new e-mail is ana at example dot com',
      'His phone is {phone:five five five, one two three four}. -> His phone is five five five, one two three four.',
      'refund to account {iban:12345678}, sort code 12-34-56 -> refund to account 12345678, sort code 12-34-56',
      'passport number {national_id:C01X00T47} -> passport number C01X00T47',
      'The passphrase is {secret:correct horse battery staple} -> The passphrase is correct horse battery staple',
    ],
  })
})
