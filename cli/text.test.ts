import { expect, it } from 'vitest'
import { progressText } from './progress.ts'
import { bytesText, cut, oneLine, safeText, table } from './text.ts'

it('cuts the flexible column to the width of the terminal', () => {
  const columns = [{ title: 'N', align: 'right' as const }, { title: 'MEMORY', flexible: true }, { title: 'ID' }]
  const rows = [
    [1, 'a memory of many words', 'x1'],
    [12, null, 'x2'],
  ]
  expect(table(columns, rows, 24)).toBe(
    ' N  MEMORY            ID\n 1  a memory of man…  x1\n12  -                 x2\n',
  )
})

it('lets no escape sequence of a memory reach the terminal', () => {
  expect(oneLine('a\u001b[31mred\r\nb\u009b2J')).toBe('a [31mred b 2J')
  expect(safeText('one\u0007\ntwo\u001b]0;x')).toBe('one \ntwo ]0;x')
  expect(table([{ title: 'T' }], [['x\u001b[2Jy\nz']], 80)).toBe('T\nx [2Jy z\n')
})

it('cuts between characters, not inside one', () => {
  expect(cut('👍👍👍', 2)).toBe('👍…')
  expect(cut('abc', 3)).toBe('abc')
})

it.each([
  [0, '0 bytes'],
  [1023, '1023 bytes'],
  [1536, '1.5 KiB'],
  [3 * 1024 ** 3, '3.0 GiB'],
])('shows %d as %s', (bytes, shown) => {
  expect(bytesText(bytes)).toBe(shown)
})

it('draws a bar only when the total is known', () => {
  expect(progressText(12, 24)).toBe('[############------------] 50% 12 of 24')
  expect(progressText(12, null)).toBe('12')
})
