const GAP = '  '
const ELLIPSIS = '…'

export interface Column {
  title: string
  align?: 'right'
  /** Takes the room that is left and is cut to it. */
  flexible?: boolean
}

// Memory is foreign text: an escape sequence in it must not reach the terminal.
const CONTROLS = /\p{Cc}+/gu

/** One line, safe for a terminal. */
export const oneLine = (text: string): string => text.replace(CONTROLS, ' ').trim()

/** Text of several lines, safe for a terminal. */
export const safeText = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.replace(CONTROLS, ' '))
    .join('\n')

export function cut(text: string, width: number): string {
  const characters = [...text]
  return characters.length <= width
    ? text
    : `${characters
        .slice(0, Math.max(0, width - 1))
        .join('')
        .trimEnd()}${ELLIPSIS}`
}

/** A table for people, `width` characters at most if a flexible column can give way. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly (string | number | null)[])[],
  width: number,
): string {
  const cells = [
    columns.map(({ title }) => title),
    ...rows.map((row) => row.map((cell) => oneLine(String(cell ?? '-')))),
  ]
  const natural = columns.map((_, i) => Math.max(...cells.map((row) => lengthOf(row[i]))))
  const others = columns.reduce((sum, { flexible }, i) => sum + (flexible ? 0 : (natural[i] ?? 0)), 0)
  const room = width - others - GAP.length * (columns.length - 1)
  const widths = columns.map(({ flexible, title }, i) =>
    flexible ? Math.max(title.length, Math.min(natural[i] ?? 0, room)) : (natural[i] ?? 0),
  )
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => pad(cut(cell, widths[i] ?? 0), widths[i] ?? 0, columns[i]?.align))
      .join(GAP)
      .trimEnd()
  return `${cells.map(line).join('\n')}\n`
}

const lengthOf = (text: string | undefined) => [...(text ?? '')].length

const pad = (text: string, width: number, align: 'right' | undefined) => {
  const space = ' '.repeat(Math.max(0, width - lengthOf(text)))
  return align === 'right' ? space + text : text + space
}

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']

export function bytesText(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)))
  return power === 0 ? `${bytes} bytes` : `${(bytes / 1024 ** power).toFixed(1)} ${UNITS[power]}`
}

/** `2026-03-05` of an ISO moment. */
export const dayOf = (moment: string): string => moment.slice(0, 10)
/** `2026-03-05 09:30` of an ISO moment, UTC. */
export const minuteOf = (moment: string): string => moment.slice(0, 16).replace('T', ' ')
