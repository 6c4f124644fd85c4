const CHAR_WIDTH = 7.83
const LINE_HEIGHT = 18
const PADDING = 18
const BAR_HEIGHT = 30
const COLOURS = {
  ground: '#161922',
  bar: '#232838',
  text: '#d7dbe6',
  quiet: '#8e97ad',
  hit: '#7bd8a0',
  prompt: '#93a7ff',
}

/** Terminal output as an SVG that needs no font of its own. */
export function terminalSvg(command: string, output: string, columns: number): string {
  const lines = [`$ ${command}`, ...output.trimEnd().split('\n')]
  const width = Math.ceil(columns * CHAR_WIDTH + 2 * PADDING)
  const height = BAR_HEIGHT + lines.length * LINE_HEIGHT + 2 * PADDING
  const texts = lines.map((line, at) => {
    const y = BAR_HEIGHT + PADDING + (at + 0.75) * LINE_HEIGHT
    return `<text x="${PADDING}" y="${y}" fill="${colourOf(line)}" xml:space="preserve">${escapeXml(line)}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escapeXml(command)}</title>
<rect width="${width}" height="${height}" rx="8" fill="${COLOURS.ground}"/>
<path d="M0 ${BAR_HEIGHT}V8a8 8 0 0 1 8-8h${width - 16}a8 8 0 0 1 8 8v${BAR_HEIGHT - 8}z" fill="${COLOURS.bar}"/>
<g fill="${COLOURS.quiet}"><circle cx="20" cy="15" r="5"/><circle cx="38" cy="15" r="5"/><circle cx="56" cy="15" r="5"/></g>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="13">
${texts.join('\n')}
</g>
</svg>
`
}

function colourOf(line: string): string {
  if (line.startsWith('$ ')) return COLOURS.prompt
  if (line.startsWith('  ✓')) return COLOURS.hit
  if (/^ {9}\S|^ {2}answer:/.test(line)) return COLOURS.quiet
  return COLOURS.text
}

const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
