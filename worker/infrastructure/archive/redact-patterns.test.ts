import { expect, it } from 'vitest'
import { CONTENT_BYTES_MAX } from '../../../schemas/limits.ts'
import { redactPatterns } from './redact-patterns.ts'

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
  expect(redactPatterns(text)).toBe(masked)
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
  expect(redactPatterns(text)).toBe(text)
})

it.each(['a', '1', '1 ', 'a@', '@a.', 'A1', '+1', '(1'])(
  'comes to an end on the longest text made of "%s"',
  (piece) => {
    const text = piece.repeat(CONTENT_BYTES_MAX / piece.length)
    expect(typeof redactPatterns(text)).toBe('string')
  },
)
