import { expect, it } from 'vitest'
import { ttftPlot } from './plot.ts'

const machine = { cpu: 'A & B <1 GHz>', cores: 2, memoryGiB: 1, platform: 'linux x64', node: 'v24', load1m: 0 }
const figure = (value: number) => ({ value, unit: 'ms CPU' })

it('draws a panel for each model and runtime, and only what was measured with the short query', () => {
  const figures = {
    '260K.node-cpu.c256.q16.prefill': figure(100),
    '260K.node-cpu.c512.q16.prefill': figure(200),
    '260K.node-cpu.c256.q16.resident': figure(1),
    '260K.node-cpu.c512.q16.resident': figure(2),
    '260K.node-cpu.c512.q64.resident': figure(3),
    '15M.wasm.c256.q16.disk8': figure(5),
    '260K.node-cpu.saved': figure(90),
  }
  const svg = ttftPlot({ figures, machine })
  expect(svg.match(/<polyline/g)).toHaveLength(3)
  expect(svg).toContain('260K.node-cpu')
  expect(svg).toContain('A &amp; B &lt;1 GHz>')
  expect(svg).not.toMatch(/NaN|Infinity|undefined/)
  // The dearest is at the top, the cheapest at the bottom.
  const heights = [...svg.matchAll(/<circle cx="[\d.]+" cy="([\d.]+)"/g)].map(([, y]) => Number(y))
  expect(heights[1]).toBe(34)
  expect(heights[2]).toBe(176)
})

it('draws nothing where nothing was measured', () => {
  expect(ttftPlot({ figures: {}, machine })).toContain('<svg')
})
