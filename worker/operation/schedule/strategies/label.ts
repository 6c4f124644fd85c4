import { PRIORITY_WEIGHTS, type Strategy } from './strategy.ts'

/** What carries the tags that are needed: the share of them that it has, weighted by priority. */
export const label: Strategy = {
  name: 'label',
  score: ({ tags, priority }, { labels }) => {
    const common = new Set(tags.filter((tag) => labels.has(tag))).size
    return common === 0 ? null : (common / labels.size) * PRIORITY_WEIGHTS[priority]
  },
}
