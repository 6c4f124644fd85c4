/** An element with attributes and children. Strings become text, never markup: memory is foreign text. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) if (value !== false) made.setAttribute(key, value)
  made.append(...children.flat().filter((child) => child !== null && child !== undefined))
  return made
}

/** A table. Columns: `{ title, isNumber }`; cells: text or elements. */
export function table(caption, columns, rows) {
  const cell = (name, column, content) =>
    element(name, { ...(column.isNumber && { class: 'number' }), ...(name === 'th' && { scope: 'col' }) }, content)
  const head = element(
    'tr',
    {},
    columns.map((column) => cell('th', column, column.title)),
  )
  const body = rows.map((row) =>
    element(
      'tr',
      {},
      row.map((content, at) => cell('td', columns[at], content ?? '-')),
    ),
  )
  return element(
    'div',
    { class: 'scroll' },
    element('table', { 'aria-label': caption }, element('thead', {}, head), element('tbody', {}, body)),
  )
}

/** A bar from 0 to `max`, with its number beside it for those who do not see it. */
export const bar = (label, value, max) =>
  element('meter', { min: 0, max: Math.max(max, Number.MIN_VALUE), value, 'aria-label': label }, String(value))

export const minute = (moment) => moment.slice(0, 16).replace('T', ' ')
export const day = (moment) => moment.slice(0, 10)
